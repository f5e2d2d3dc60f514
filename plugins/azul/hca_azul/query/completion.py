"""Completes the arguments of ``--filter``, ``--sort`` and others: fields, and cached values.

Completion makes no requests. Listings return the values of the fields, and these are cached.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_azul.flavours.registry import flavour_of

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

#: Most values of one field to cache.
MOST = 500


def field_names(config: Any, current: str) -> list[tuple[str, str]]:
    """Names of fields."""
    return _field_names("azul")


def anvil_field_names(config: Any, current: str) -> list[tuple[str, str]]:
    """Names of AnVIL's fields."""
    return _field_names("anvil")


def filter_terms(config: Any, current: str) -> list[tuple[str, str]]:
    """``FIELD=``, then values, also after commas."""
    return _filter_terms("azul", config, current)


def anvil_filter_terms(config: Any, current: str) -> list[tuple[str, str]]:
    """The same, for AnVIL's fields."""
    return _filter_terms("anvil", config, current)


def manifest_formats(config: Any, current: str) -> list[tuple[str, str]]:
    """Formats of manifests."""
    from hca_azul.manifest.manifests import SUFFIXES

    return [(name, "") for name in SUFFIXES]


def _field_names(service: str) -> list[tuple[str, str]]:
    table = flavour_of(service).table
    found = [(alias, field.about) for field in table for alias in field.aliases]
    return found + [(field.name, field.about) for field in table]


def _filter_terms(service: str, config: Any, current: str) -> list[tuple[str, str]]:
    name, equals, typed = current.partition("=")
    if not equals:
        return [(f"{name}=", about) for name, about in _field_names(service)]
    from hca_base.errors import HCAError

    try:
        field = flavour_of(service).field_of(name)
    except HCAError:
        return []
    before, comma, _ = typed.rpartition(",")
    values = ["true", "false"] if field.kind == "boolean" else _known(service, config).get(field.name, [])
    return [(f"{name}={before}{comma}{_quoted(value)}", "") for value in values]


def _quoted(value: str) -> str:
    return f'"{value}"' if "," in value else value


def _place(base_url: str) -> Path:
    from hca_base.config import paths

    return paths.cache_dir() / "azul" / f"values-{hashlib.sha256(base_url.encode()).hexdigest()[:16]}.json"


def _read(path: Path) -> dict[str, list[str]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return {}
    lists = (
        [(name, values) for name, values in data.items() if isinstance(values, list)] if isinstance(data, dict) else ()
    )
    return {name: [value for value in values if isinstance(value, str)] for name, values in lists}


def _known(service: str, config: Any) -> dict[str, list[str]]:
    from hca_azul.query.connection import AzulConnection
    from hca_azul.service import ANVIL_SERVICE, SERVICE

    return _read(_place(AzulConnection(ANVIL_SERVICE if service == "anvil" else SERVICE, config=config).base_url))


def remember(client: AzulConnection, facets: Mapping[str, Any]) -> None:
    """Cache the values of a result for completion; errors are ignored."""
    from hca_azul.flavours.hits import terms_of
    from hca_base.config import write_atomic

    path = _place(client.base_url)
    known = _read(path)
    changed = False
    for name in facets:
        values = known.setdefault(name, [])
        seen = set(values)
        for term, _ in terms_of(facets, name):
            if isinstance(term, str) and term not in seen and len(values) < MOST:
                values.append(term)
                changed = True
    if not changed:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(path, json.dumps(known, ensure_ascii=False), mode=0o600)
    except OSError:
        return
