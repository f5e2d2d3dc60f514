"""The documentation as lines of the search index: one for each section of each page.

Wheels contain the lines (setup.py generates them with :func:`page_lines`); a source tree is read directly.
"""

# Standard library only: this runs during wheel builds, without hca-base's dependencies.

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

#: The file beside this module in wheels.
PAGES = Path(__file__).with_name("pages.txt")

_UNDERLINE = re.compile(r"([=\-~^\"])\1{2,}\s*\Z")
_MARKUP = re.compile(r":[a-z:]+:`([^`<]*?)(?: ?<[^`>]*>)?`|``([^`]*)``|`([^`<]*?)(?: ?<[^`>]*>)?`_*|\*\*?([^*]+)\*\*?")
_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]*[a-z0-9]")
#: Pages that would match nearly everything, or that are generated.
_LEFT_OUT = frozenset({"index", "changelog", "promises"})


def source_folder() -> Path | None:
    """Return the folder of the pages in a source tree; None in an installation."""
    folder = Path(__file__).parents[3] / "docs"
    return folder if (folder / "conf.py").is_file() else None


def page_lines(folder: Path) -> list[str]:
    """Return the lines of all pages in a folder."""
    lines = []
    for path in sorted(folder.glob("*.rst")):
        if path.stem not in _LEFT_OUT:
            lines += [line_of("page", *section) for section in _sections(path)]
    return lines


def line_of(kind: str, name: str, summary: str, words: str) -> str:
    """Return a line of the index. Fields are single lines, and words are lower case and unique."""
    unique = " ".join(sorted(set(_WORD.findall(words.lower()))))
    return "\t".join((kind, " ".join(name.split()), " ".join(summary.split()), unique))


def _sections(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (name, first sentence, text) of each section of a page."""
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [
        number
        for number in range(len(lines) - 1)
        if lines[number].strip()
        and not lines[number].startswith(" ")
        and _UNDERLINE.match(lines[number + 1])
        and len(lines[number + 1].strip()) >= len(lines[number].strip())
    ]
    if not starts:
        return
    title = _plain(lines[starts[0]])
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        heading = _plain(lines[start])
        name = title if start == starts[0] else f"{title}: {heading}"
        body = lines[start + 2 : end]
        yield f"{name} (docs/{path.name})", _first_sentence(body), " ".join([name, *map(_plain, body)])


def _first_sentence(lines: list[str]) -> str:
    for paragraph in "\n".join(lines).split("\n\n"):
        text = " ".join(paragraph.split())
        if text and text[0].isalnum() and not paragraph.startswith((" ", "..", "=", "+")):
            first = re.split(r"(?<=[.:])\s", _plain(text), maxsplit=1)[0]
            return first if len(first) <= 120 else first[:119].rsplit(" ", 1)[0] + " …"
    return ""


def _plain(text: str) -> str:
    """Return text without inline markup."""
    return _MARKUP.sub(lambda match: next((group for group in match.groups() if group), ""), text)
