"""The cache file of the search index. Each line is an entry; the first line identifies the sources."""

from __future__ import annotations

from pathlib import Path

from hca_base.errors import HCAError

FORMAT = "hca-search-1"


def cached_text(stamp: str | None = None) -> str | None:
    """Return the cached entries; None if there are none.

    :param stamp: required state of the sources; None for any
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
    """Write the cache file, if possible."""
    from hca_base.config import write_atomic

    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(file, text, mode=0o600)
    except (OSError, HCAError):
        return
