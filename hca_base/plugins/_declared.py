"""Cache of plugins' declarations, so that commands that need those of all plugins do not import them.

``hca config show`` needs the defaults of every service, and ``hca auth status`` their authentication schemes. A
declaration is cached when its plugin is first imported, and valid while the files imported with it are unchanged. If it
is not plain data, it is not cached, and the plugin is imported every time.
"""

# Plain strings instead of pathlib, because many commands run this.
# ruff: noqa: PTH123

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hca_base import __version__
from hca_base.plugins import _sources
from hca_base.plugins._records import cache_file, keep_in, stamp_of

if TYPE_CHECKING:
    from hca_base.plugins._records import EntryPointRecord
    from hca_base.plugins._service import Service

_FORMAT = 1
_SERVICES = "hca.services"


def kept(record: EntryPointRecord) -> Any:
    """Return the cached declaration of an entry point; None if it must be imported.

    :return: a service for ``hca.services``, a JSON object for other groups
    """
    import json

    file = _file(record)
    if file is None:
        return None
    try:
        with open(file, encoding="utf-8") as stream:
            data = json.load(stream)
        if data["format"] != _FORMAT or data["record"] != _identity(record):
            return None
        if any(stamp_of(path) != stamp for path, stamp in data["files"].items()):
            return None
        value = data["value"]
        return _service(value) if record.group == _SERVICES else value
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def keep(record: EntryPointRecord, value: Any, imported: Iterable[str]) -> None:
    """Cache an entry point's declaration, if it is plain data.

    :param imported: names of the modules that were imported with it
    """
    file = _file(record)
    data = _plain(value)
    if file is None or data is None:
        return
    files = _files(record, imported)
    if files:
        stamps = {path: stamp_of(path) for path in files}
        keep_in(file, {"format": _FORMAT, "record": _identity(record), "files": stamps, "value": data})


def _identity(record: EntryPointRecord) -> list[Any]:
    """Return a declaration's other dependencies: versions of core and plugin, and the location of the source."""
    source = _sources.source_file(record.module)
    return [__version__, record.group, record.name, record.value, record.distribution, record.version, source]


def _file(record: EntryPointRecord) -> str | None:
    """Return the cache file: one per entry point and environment, so that processes do not block each other."""
    if _sources.source_file(record.module) is None:
        return None
    return cache_file("declared", *map(str, _identity(record)))


def _files(record: EntryPointRecord, imported: Iterable[str]) -> list[str]:
    """Return the source files of a declaration: those of its package, and of others imported with it."""
    top = record.module.partition(".")[0]
    names = {name for name in list(sys.modules) if name == top or name.startswith(f"{top}.")}
    others = {name.partition(".")[0] for name in imported} - {"hca_base", *sys.stdlib_module_names}
    names.update(name for name in imported if name.partition(".")[0] in others)
    found = {getattr(sys.modules.get(name), "__file__", None) for name in names}
    return sorted(path for path in found if path)


def _plain(value: Any) -> Any:
    """Return a declaration as JSON data, if it can be restored from that; otherwise None."""
    import json

    from hca_base.plugins._service import CredentialScheme, Service

    try:
        if type(value) is Service:
            if type(value.credentials) is not CredentialScheme:
                return None
            data = json.loads(json.dumps({**vars(value), "credentials": vars(value.credentials)}))
            return data if _service(data) == value else None
        data = json.loads(json.dumps(value)) if isinstance(value, Mapping) else None
        return data if data == value else None
    except (TypeError, ValueError, RecursionError):
        return None


def _service(data: Mapping[str, Any]) -> Service:
    from hca_base.plugins._service import CredentialScheme, Service

    return Service(**{**_tuples(data), "credentials": CredentialScheme(**_tuples(data["credentials"]))})


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a declaration, with lists as tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
