"""The options of a command as data, for completion.

Options of a generated command come from its operation. Options of a hand-written one come from its parser; they are
cached until the command's source or distribution changes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base import __version__
from hca_base.commands import shown_flags
from hca_base.errors import HCAError

if TYPE_CHECKING:
    from hca_base.shell._dispatch._catalog import Catalog
    from hca_base.shell._dispatch._found import Found

_FORMAT = 2
_BY_METAVAR = {
    "FILE": "files",
    "PATH": "files",
    "DIR": "directories",
    "DIRECTORY": "directories",
    "FOLDER": "directories",
    "JSON": "json",
}


@dataclass(frozen=True)
class OptionSpec:
    """An option, or a positional argument (which has no flags).

    :ivar name: the argument's name, with ``_``
    :ivar takes: the option takes a value
    :ivar many: it takes several values, or may be repeated
    :ivar kind: kind of its values: ``files``, ``directories``, ``json``, ``profiles``, ``keys``, ``services``, …; or
        ``call:MODULE:FUNCTION``, see :func:`completed_by`
    """

    name: str
    flags: tuple[str, ...] = ()
    about: str = ""
    takes: bool = True
    many: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()
    kind: str | None = None


def options_of(catalog: Catalog, found: Found) -> list[OptionSpec]:
    """Return the options of a command; empty if the command cannot be loaded."""
    try:
        if found.service is not None:
            return _of_operation(catalog, found)
        return _of_class(catalog, found)
    except HCAError:
        return []


def _of_operation(catalog: Catalog, found: Found) -> list[OptionSpec]:
    from hca_base.openapi import Alias
    from hca_base.shell._generated._operation_help import parser_of

    assert found.service is not None and found.operation is not None
    operation = found.operation
    if isinstance(operation, Alias):
        # The path parameters select the command, which determines the other options.
        flags = {p.option: p for each in operation.operations for p in each.parameters if p.location == "path"}
        return [OptionSpec(p.python_name, (flag,), " ".join(p.description.split())[:120]) for flag, p in flags.items()]
    parser = parser_of(catalog.context.service(found.service), operation, found.name, catalog.context.config)
    parser.fill_in()
    by_dest = {f"api:{parameter.python_name}": parameter for parameter in operation.parameters}
    specs = []
    for spec, action in zip(specs_of(parser, found.name), _shown_actions(parser), strict=True):
        parameter = by_dest.get(action.dest)
        if parameter is not None and parameter.choices:
            values = asdict(spec) | {"choices": tuple(str(choice) for choice in parameter.choices)}
            spec = OptionSpec(**values)
        specs.append(spec)
    return specs


def _of_class(catalog: Catalog, found: Found) -> list[OptionSpec]:
    file, stamp = _cache_place(catalog, found)
    if file is not None:
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            if data["format"] == _FORMAT and data["stamp"] == stamp:
                return [_revive(spec) for spec in data["options"]]
        except (OSError, ValueError, KeyError, TypeError):
            pass
    from hca_base.shell._dispatch._app import HcaApp

    app = HcaApp(catalog.context, catalog)
    command = found.load()(app, app.options, cmd_name=found.name)
    specs = specs_of(command.get_parser(f"hca {found.name}"), found.name)
    if file is not None:
        _keep(file, {"format": _FORMAT, "stamp": stamp, "options": [asdict(spec) for spec in specs]})
    return specs


def specs_of(parser: argparse.ArgumentParser, command: str) -> list[OptionSpec]:
    """Return the options of a parser."""
    return [_spec(action, command) for action in _shown_actions(parser)]


def _shown_actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.help != argparse.SUPPRESS]


def _spec(action: argparse.Action, command: str) -> OptionSpec:
    name = action.dest.rpartition(":")[2]
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    choices: Sequence[str] = ()
    if action.choices is not None:
        choices = [str(choice) for choice in action.choices]
    takes = action.nargs != 0
    many = action.nargs in ("+", "*") or (isinstance(action.nargs, int) and action.nargs > 1)
    many = many or type(action).__name__ in ("_AppendAction", "_ExtendAction", "_Extend", "_InItem")
    if metavar == "true|false":
        choices = ("true", "false")
    # A completer of the command, as the location of its function, so that it can be cached.
    completer = getattr(action, "completer", None)
    about = (action.help or "").replace("%%", "%").split("\n")[0]
    return OptionSpec(
        name=name,
        flags=tuple(shown_flags(action.option_strings)),
        about=about[:120],
        takes=takes,
        many=many,
        required=action.required and bool(action.option_strings),
        choices=tuple(choices),
        kind=f"call:{completer}" if isinstance(completer, str) else _kind(name, metavar, command),
    )


def completed_by(place: str, config: Any, current: str) -> list[tuple[str, str]]:
    """Return the candidates from the function at ``MODULE:FUNCTION``, as (word, description).

    A plugin names it in the attribute ``completer`` of an argparse action. It is called with the settings and the
    typed part of the word, and must not use the network, because the user is waiting.
    """
    import importlib

    module, _, name = place.partition(":")
    found = getattr(importlib.import_module(module), name)(config, current)
    return [(str(word), str(about)) for word, about in found]


def _kind(name: str, metavar: str, command: str) -> str | None:
    group = command.split(" ")[0]
    if name == "profile" or (group == "profile" and name == "name") or (group == "profile" and name == "copy"):
        return "profiles"
    if group == "config" and name == "key":
        return "keys"
    if command in ("service remove",) and name == "name":
        return "added"
    if (group in ("service", "auth") and name in ("name", "service", "problems")) and command != "service add":
        return "services"
    if command == "plugin uninstall":
        return "plugins"
    if metavar.upper() in _BY_METAVAR:
        return _BY_METAVAR[metavar.upper()]
    if name.endswith(("_dir", "_directory", "download_dir")) or name == "src_dir":
        return "directories"
    if name.endswith(("_file", "file_path")) or name in ("file", "manifest", "document"):
        return "files"
    return None


def _revive(data: dict[str, Any]) -> OptionSpec:
    return OptionSpec(**{**data, "flags": tuple(data["flags"]), "choices": tuple(data["choices"])})


def _cache_place(catalog: Catalog, found: Found) -> tuple[Path | None, list[Any]]:
    """Return the cache file of a command, and the state that its content depends on."""
    from hca_base.config import paths
    from hca_base.plugins import source_file

    module = found.value.partition(":")[0]
    record = catalog.record(found.name)
    stamp: list[Any] = [__version__, found.value, record.version if record else None]
    try:
        source = source_file(module)
        if source is not None:
            status = Path(source).stat()
            stamp.append([source, status.st_mtime_ns, status.st_size])
        name = found.name.replace(" ", "_")
        if not name.replace("_", "").replace("-", "").isalnum():
            return None, stamp
        return paths.cache_dir() / "completion" / f"{name}.json", stamp
    except (ImportError, OSError, ValueError, AttributeError):
        return None, stamp


def _keep(file: Path, data: dict[str, Any]) -> None:
    from hca_base.config import write_atomic

    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(file, json.dumps(data), mode=0o600)
    except (OSError, HCAError):
        return
