"""Makes the picture of the architecture: the core's packages, floor by floor, from the rule that the tests hold.

``python docs/make_rooms.py``; a test fails when the picture is not what this makes.
"""

from __future__ import annotations

import argparse
import ast
from pathlib import Path

from svg import box, document, label

ROOT = Path(__file__).parents[1]
RULE = ROOT / "tests" / "plugins" / "test_layering.py"
PICTURE = Path(__file__).parent / "images" / "rooms.svg"
TITLE = "The packages of the core, floor by floor, and the plugins, which use their public names"

#: What each room is for; a package that the rule names and this does not cannot be drawn.
ROOMS = {
    "shell": "the front door: options, dispatch, errors, prompt",
    "commands": "bases of commands; config, auth, plugin, service, …",
    "plugins": "services, entry points, isolation",
    "openapi": "document → operations → client",
    "transfer": "files: parallel, resumed, verified",
    "http": "one session: waits, repeats, redaction",
    "auth": "providers, token store, logins",
    "config": "layers, origins, atomic writes",
    "output": "formats, queries, progress",
    "errors": "exceptions and their exit codes",
}
WIDTH, FLOOR, GAP, LEFT = 640.0, 62.0, 14.0, 20.0
PLUGINS_WIDTH = 190.0


def levels() -> list[list[str]]:
    """The floors, from the ground up."""
    for node in ast.parse(RULE.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "LEVELS":
            found = ast.literal_eval(node.value)
            return [sorted(name for name in level if not name.startswith("_")) for level in found]
    raise SystemExit(f"{RULE} has no LEVELS")


def plugins() -> list[str]:
    """The distributions beside the core."""
    return sorted(path.parent.name for path in (ROOT / "plugins").glob("*/setup.cfg"))


def drawn() -> str:
    floors = levels()
    body = []
    height = len(floors) * (FLOOR + GAP) + GAP + 30
    body.append(box(0, 0, WIDTH + PLUGINS_WIDTH + 3 * LEFT, height, "#ffffff"))
    for number, rooms in enumerate(reversed(floors)):
        y = GAP + number * (FLOOR + GAP)
        width = (WIDTH - GAP * (len(rooms) - 1)) / len(rooms)
        for place, room in enumerate(rooms):
            x = LEFT + place * (width + GAP)
            body.append(box(x, y, width, FLOOR, "#e8f0f7", "#7d9ab5"))
            body.append(label(x + width / 2, y + 26, room, size=16, weight="bold"))
            body.append(label(x + width / 2, y + 46, ROOMS[room], size=12 if width < 400 else 13, fill="#44525f"))
    body.append(label(LEFT + WIDTH / 2, height - 14, "hca_base: imports go down only", size=13, fill="#44525f"))
    body += _beside(height)
    return document(WIDTH + PLUGINS_WIDTH + 3 * LEFT, height, TITLE, body)


def _beside(height: float) -> list[str]:
    """The plugins, right of the house."""
    x, names = WIDTH + 2 * LEFT, plugins()
    step = (height - 30 - GAP) / len(names)
    body = []
    for number, name in enumerate(names):
        y = GAP + number * step
        title = name if name == "hca" else f"hca-{name}"
        body.append(box(x, y, PLUGINS_WIDTH, step - GAP, "#f6efe2", "#c2a565"))
        body.append(label(x + PLUGINS_WIDTH / 2, y + (step - GAP) / 2 + 6, title, size=16, weight="bold"))
        middle = y + (step - GAP) / 2
        body.append(
            f'<path d="M {x:g} {middle:g} h -14 m 5 -4 l -6 4 l 6 4" fill="none" stroke="#8a6d2f" stroke-width="1.6"/>'
        )
    body.append(label(x + PLUGINS_WIDTH / 2, height - 14, "use its public names", size=13, fill="#44525f"))
    return body


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=PICTURE)
    output: Path = parser.parse_args().output
    output.write_text(drawn(), encoding="utf-8")


if __name__ == "__main__":
    main()
