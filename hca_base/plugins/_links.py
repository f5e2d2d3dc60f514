"""Links between services: entries for a publication, found by DOI.

A plugin registers a function in the entry-point group ``hca.links``, and other plugins use it by name, without
imports in either direction. A source's list is cached for a week, so that a column requires only one download.
"""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_base.errors import HCAError, NotFoundError
from hca_base.plugins._registry import registry

if TYPE_CHECKING:
    from pathlib import Path

    from hca_base.config import Config

_GROUP = "hca.links"
#: Seconds before a list is fetched again; publications change slowly.
MAX_AGE = 7 * 24 * 3600


class Link(NamedTuple):
    """A service's entry for a publication."""

    title: str
    url: str


def link_sources() -> list[str]:
    """Return the names of the sources that installed plugins offer."""
    return sorted(registry().records(_GROUP))


def links(name: str, config: Config) -> Mapping[str, Link]:
    """Return a source's links by DOI, in lower case and without a resolver.

    The source is asked when its list is older than :data:`MAX_AGE` seconds; when that fails, the old list is used and a
    warning says so.

    :param name: one of :func:`link_sources`
    :raises NotFoundError: no installed plugin offers the source
    :raises HCAError: the source cannot be asked, and there is no list from before
    """
    from hca_base.config import paths

    record = registry().records(_GROUP).get(name)
    if record is None:
        known = ", ".join(link_sources()) or "none"
        raise NotFoundError(f"no plugin provides links named {name!r}", hint=f"installed: {known}")
    path = paths.cache_dir() / "links" / f"{name}-{_settings_key(name, config)}.json"
    kept, age = _read(path)
    if kept is not None and age < MAX_AGE:
        return kept
    try:
        with _named_warnings(name):
            found = {plain_doi(doi): Link(*link) for doi, link in registry().load(record)(config)}
    except HCAError as error:
        if kept is None:
            raise
        from hca_base.output import warn

        warn(f"the list of {name} is {int(age // 86400)} days old and cannot be refreshed: {error}")
        return kept
    _write(path, found)
    return found


@contextlib.contextmanager
def _named_warnings(name: str) -> Iterator[None]:
    """Show a source's warnings in one line each, with its name, because the command is another service's."""
    from hca_base.output import warn

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    texts = [" ".join(str(each.message).split()) for each in caught if issubclass(each.category, UserWarning)]
    for text in dict.fromkeys(texts):
        warn(f"links of {name}: {text}")


def link_columns(columns: Sequence[str], config: Config) -> dict[str, Mapping[str, Link]]:
    """Return the links of those columns that a plugin offers; nothing is asked for where there are none.

    A source that cannot be asked costs its column, with a warning, and not the listing.
    """
    found: dict[str, Mapping[str, Link]] = {}
    known = link_sources() if columns else []
    for name in columns:
        if name in known:
            try:
                found[name] = links(name, config)
            except HCAError as error:
                from hca_base.output import warn

                warn(f"no links of {name}: {error}")
                found[name] = {}
    return found


def _settings_key(name: str, config: Config) -> str:
    """Return the cache file, which is separate for each deployment of a service."""
    import hashlib

    return hashlib.sha256(json.dumps(config.section(name), sort_keys=True, default=str).encode()).hexdigest()[:16]


def plain_doi(doi: str) -> str:
    """Return a DOI in lower case and without a resolver, as the keys of :func:`links` are."""
    text = doi.strip().lower()
    for prefix in ("https://doi.org/", "http://doi.org/", "https://dx.doi.org/", "http://dx.doi.org/", "doi:"):
        text = text.removeprefix(prefix)
    return text


def _read(path: Path) -> tuple[Mapping[str, Link] | None, float]:
    try:
        age = time.time() - path.stat().st_mtime
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        return {doi: Link(title, url) for doi, (title, url) in data.items()}, max(age, 0.0)
    except (AttributeError, OSError, RecursionError, TypeError, ValueError):
        return None, 0.0


def _write(path: Path, found: Mapping[str, Link]) -> None:
    from hca_base.config import write_atomic

    # Without a cache the next command is only slower.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(found), mode=0o600)
