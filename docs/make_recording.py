"""Makes the picture of a terminal in README.rst: runs the commands that it shows, and draws what they print.

``python docs/make_recording.py`` needs the distributions of this repository installed, and takes some seconds. It
uses a home and an embedded deployment of its own, which are gone afterwards.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

from svg import Run, terminal

PICTURE = Path(__file__).parent / "images" / "recording.svg"
TITLE = "A terminal: hca uploads a data set as a bundle, finds it by a search, and downloads it, twice"
COLUMNS = 92
#: What is typed; ``{bundle}`` stands for the UUID that the search found.
COMMANDS = [
    "hca dss upload --src-dir my-data --replica aws > uploaded.json",
    "hca dss search project=hca-local-demo --replica aws -c bundle_uuid -f value",
    "hca dss download --bundle-uuid {bundle} --replica aws --download-dir data",
    "hca dss download --bundle-uuid {bundle} --replica aws --download-dir data",
]
MY_DATA = """
from pathlib import Path
from hca_local.demo import write_bundle
write_bundle(Path("my-data"))
"""


def recorded() -> list[list[Run]]:
    """Run the commands; the terminal's lines.

    :raises subprocess.CalledProcessError: one of them fails
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = _environment(folder)
        work = folder / "work"
        work.mkdir()
        _run("hca local start --port 0", work, env)
        try:
            subprocess.run([sys.executable, "-c", MY_DATA], cwd=work, env=env, check=True)
            lines: list[list[Run]] = []
            printed = ""
            for template in COMMANDS:
                command = template.format(bundle=printed.strip())
                lines += _typed(command)
                result = _run(command, work, env)
                lines += _printed(result)
                lines.append([])
                printed = result if "dss search" in command else printed
            return lines[:-1]
        finally:
            _run("hca local stop", work, env)


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_", "AWS_"))}
    paths = [str(Path(sys.executable).parent), kept.get("PATH", "")]
    return {**kept, "HOME": str(folder), "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "PATH": os.pathsep.join(paths)}


def _run(command: str, work: Path, env: dict[str, str]) -> str:
    bash = shutil.which("bash") or "bash"
    done = subprocess.run(
        [bash, "-c", command],
        cwd=work,
        env=env,
        text=True,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.stdout


def _typed(command: str) -> Iterator[list[Run]]:
    first, *others = textwrap.wrap(command, COLUMNS - 4, break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate([first, *others]):
        end = " \\" if number < len(others) else ""
        yield [Run("$ " if number == 0 else "    ", "prompt"), Run(line + end, "command")]


def _printed(text: str) -> Iterator[list[Run]]:
    for line in text.splitlines():
        yield [Run(line[:COLUMNS])]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, default=PICTURE)
    output: Path = parser.parse_args().output
    output.write_text(terminal(recorded(), COLUMNS, TITLE, animated=True), encoding="utf-8")


if __name__ == "__main__":
    main()
