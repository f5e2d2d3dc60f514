"""The file of the search index in the cache. Each line is an entry; the first one identifies what it was made of."""

from __future__ import annotations

from pathlib import Path

from hca_base.errors import HCAError

FORMAT = "hca-search-1"


def cached_text(stamp: str | None = None) -> str | None:
    """Return the entries that were kept; None if there are none.

    :param stamp: what they must have been made of; None for anything
    """
    try:
        text = _file().read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    first, _, rest = text.partition("\n")
    return rest if (first == stamp if stamp else first.startswith(FORMAT)) else None


def _file() -> Path:
    from hca_base.config import paths

    return paths.cache_dir() / "search.txt"


def keep(text: str) -> None:
    """Put a new file into the cache, if that can be written."""
    from hca_base.config import write_atomic

    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(file, text, mode=0o600)
    except (OSError, HCAError):
        return
