"""The search index of this installation: a text file in the cache, rebuilt after changes.

Each line is an entry: kind, name, summary and further words, with tabs between. The first line identifies the
sources.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hca_base import __version__
from hca_base.commands import COMMANDS, GROUPS
from hca_base.shell._search._cached import FORMAT, cached_text, keep
from hca_base.shell._search._pages import PAGES, source_folder

if TYPE_CHECKING:
    from hca_base.shell._dispatch._catalog import Catalog


def index_text(catalog: Catalog) -> str:
    """Return the entries, from the cache if it is current."""
    found = cached_text(_stamp(catalog))
    if found is not None:
        return found
    from hca_base.shell._search._entries import entries

    text = "\n".join(entries(catalog))
    # Compute it again: documents may have been compiled in the meantime.
    keep(f"{_stamp(catalog)}\n{text}")
    return text


def _stamp(catalog: Catalog) -> str:
    """Return the first line of the file, which changes with the sources of the entries."""
    made_of = "\n".join(_sources(catalog)).encode("utf-8", "replace")
    return f"{FORMAT} {zlib.crc32(made_of):08x}"


def _sources(catalog: Catalog) -> Iterator[str]:
    from hca_base.config import paths

    yield __version__
    yield str(len(COMMANDS) + len(GROUPS))
    for name, record in sorted(catalog.registry.commands().items()):
        yield f"{name} {record.value} {record.version} {record.summary}"
    for service, title in sorted(catalog.services().items()):
        yield f"{service} {title}"
    # A document's index is rebuilt when the document or its naming changes.
    yield from _files(paths.cache_dir() / "openapi", ".idx")
    yield from _files(source_folder() or PAGES.parent, ".rst")


def _files(folder: Path, suffix: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as found:
            for entry in sorted(found, key=lambda each: each.name):
                if entry.name.endswith(suffix):
                    status = entry.stat()
                    yield f"{entry.name} {status.st_mtime_ns} {status.st_size}"
    except OSError:
        return
