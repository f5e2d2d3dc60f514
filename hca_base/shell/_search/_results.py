"""The results of ``hca search``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from hca_base.errors import NotFoundError
from hca_base.shell._search._index import index_text
from hca_base.shell._search._ranking import Hit, search

if TYPE_CHECKING:
    from hca_base.shell._dispatch._catalog import Catalog

_HEADINGS = {
    "command": "Commands",
    "operation": "Operations",
    "option": "Options",
    "setting": "Settings",
    "page": "Documentation",
}


def find(catalog: Catalog, words: Sequence[str], kinds: Collection[str] = ()) -> list[Hit]:
    """Return the matches, best first.

    :raises hca_base.errors.NotFoundError: there are no matches
    """
    hits = search(index_text(catalog), words, kinds)
    if not hits:
        raise NotFoundError(
            f"nothing matches {' '.join(words)!r}", hint="use fewer or other words; 'hca --help' lists the commands"
        )
    return hits


def as_text(hits: Sequence[Hit], limit: int = 7) -> str:
    """Return the matches by kind, kinds with the best matches first.

    :param limit: maximum number of matches per kind
    """
    from hca_base.shell._dispatch._help import table_lines

    lines: list[str] = []
    for kind in dict.fromkeys(hit.kind for hit in hits):
        found = [hit for hit in hits if hit.kind == kind]
        rows = [(_shown(hit), hit.summary) for hit in found[:limit]]
        lines += [f"{_HEADINGS[kind]}:", *table_lines(rows)]
        if len(found) > limit:
            lines.append(f"  … and {len(found) - limit} more: hca search --kind {kind} …")
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _shown(hit: Hit) -> str:
    return f"hca {hit.name}" if hit.kind in ("command", "operation") else hit.name
