"""What plugins declare as data, kept in the cache: commands that need it of all plugins then import none.

``hca config show`` needs the defaults of every service, and ``hca auth status`` how each wants to know who is asking.
What a plugin declared is kept when it is imported for the first time, and holds as long as the files that were imported
with it are the same. Anything that is not plain data is not kept: its plugin is imported every time.
"""

# Plain strings instead of pathlib: many commands pass here.
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
    """What an entry point declared when it was imported last; None if it must be imported.

    :return: a service for ``hca.services``, an object as JSON has it for other groups
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
    """Keep what an entry point declares, if it is plain data.

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
    """What else a declaration depends on: versions of the core and of the plugin, and where its source is."""
    source = _sources.source_file(record.module)
    return [__version__, record.group, record.name, record.value, record.distribution, record.version, source]


def _file(record: EntryPointRecord) -> str | None:
    """One for each entry point of each environment, so that processes do not wait for one another."""
    if _sources.source_file(record.module) is None:
        return None
    return cache_file("declared", *map(str, _identity(record)))


def _files(record: EntryPointRecord, imported: Iterable[str]) -> list[str]:
    """The files that a declaration was made from: those of its own package, and of others that came with it."""
    top = record.module.partition(".")[0]
    names = {name for name in list(sys.modules) if name == top or name.startswith(f"{top}.")}
    others = {name.partition(".")[0] for name in imported} - {"hca_base", *sys.stdlib_module_names}
    names.update(name for name in imported if name.partition(".")[0] in others)
    found = {getattr(sys.modules.get(name), "__file__", None) for name in names}
    return sorted(path for path in found if path)


def _plain(value: Any) -> Any:
    """A declaration as JSON data that gives the same again; None where there is no such data."""
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
    """The members of a declaration: all its lists are tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
