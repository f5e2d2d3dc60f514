"""Check settings against the schema: each source separately, so that problems have a file and a line."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hca_base.config._keys import KeyPath, is_secret, join_key
from hca_base.config._merge import MISSING, OPERATORS, apply_operator, is_operator, schema_at, values_at
from hca_base.config._model import Config
from hca_base.config._schema import schema as whole_schema
from hca_base.config._sources._source import MAX_DEPTH, ConfigFileError, Layer, LayerKind, is_deep, parse, type_name
from hca_base.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Problem:
    """A problem in a configuration file.

    :ivar severity: ``error`` or ``warning``
    :ivar place: the file, or the layer's name if it has no file
    :ivar path: the file, or None
    :ivar line: line number from 1, or None
    :ivar key: dotted key path; empty if the file itself is the problem
    :ivar message: the problem, and how to fix it
    """

    severity: str
    place: str
    path: Path | None
    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.place}:{self.line}" if self.line else self.place
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


def validate(
    config: Config, schemas: Iterable[Mapping[str, Any]] = (), *, commands: Iterable[str] | None = None
) -> list[Problem]:
    """Check every source of ``config``.

    :param config: preferably from ``load(tolerant=True)``, whose ``errors`` are reported too
    :param schemas: the ``config_schema`` of the services (see :func:`hca_base.config.schema`)
    :param commands: names of commands (``dss_download``), whose sections hold defaults of options; default: any
        section whose name looks like a command's
    """
    schema = whole_schema(schemas)
    names = None if commands is None else {name.replace("-", "_").replace(" ", "_") for name in commands}
    problems = [_from_error(error) for error in config.errors]
    for layer in config.layers:
        if layer.kind != LayerKind.DEFAULT:
            problems += _check_layer(layer, config, schema, names)
    problems += _conflicts(config)
    return _without_repeats(problems)


def check_value(key: str | tuple[str, ...], value: Any, schemas: Iterable[Mapping[str, Any]] = ()) -> list[Problem]:
    """Check one value before it is set; the problems have no file."""
    from hca_base.config._keys import split_key

    data: Any = value
    for segment in reversed(split_key(key)):
        data = {segment: data}
    layer = Layer("this value", LayerKind.OPTION, data)
    if is_deep(data):
        # The other checks are recursive.
        return [_problem(layer, split_key(key), f"nested too deeply (more than {MAX_DEPTH} levels)", "error")]
    return list(_check_layer(layer, Config((layer,)), whole_schema(schemas), None))


def _check_layer(layer: Layer, config: Config, schema: dict[str, Any], commands: set[str] | None) -> Iterator[Problem]:
    if layer.path is not None and layer.text is not None:
        try:
            parse(layer.text, layer.path, strict=True)
        except ConfigFileError as error:
            yield _from_error(error, "warning")
    yield from _unknown(layer, layer.data, (), schema, commands)
    plain = yield from _resolved(layer, layer.data, (), config)
    yield from _wrong_values(layer, plain, schema)


def _unknown(
    layer: Layer, data: Mapping[str, Any], path: KeyPath, schema: Mapping[str, Any], commands: set[str] | None
) -> Iterator[Problem]:
    for key, value in data.items():
        here = (*path, key)
        inner = schema_at(schema, here)
        if inner is None:
            if path == () and _is_command_section(key, value, commands):
                continue
            outer = schema_at(schema, path) or {}
            known = list(outer.get("properties", {}))
            # A section whose schema lists no keys accepts any.
            if path and not known:
                continue
            if path == () and commands:
                known += sorted(commands)
            yield _problem(layer, here, f"unknown setting{_nearest(key, known, path, schema)}", "warning")
        elif isinstance(value, Mapping) and not is_operator(value):
            yield from _unknown(layer, value, here, schema, commands)


def _is_command_section(key: str, value: Any, commands: set[str] | None) -> bool:
    if not isinstance(value, Mapping):
        return False
    name = key.replace("-", "_")
    return "_" in name.strip("_") if commands is None else name in commands


def _nearest(key: str, known: list[str], path: KeyPath, schema: Mapping[str, Any]) -> str:
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(key.lower(), by_lower, 1, 0.6)
    if near:
        return f"; did you mean {join_key((*path, by_lower[near[0]]))}?"
    # A correct name in the wrong section is as common as a typo.
    for section, inner in schema.get("properties", {}).items():
        if key in inner.get("properties", {}):
            return f"; did you mean {join_key((section, key))}?"
    return f"; known here: {', '.join(known)}" if 0 < len(known) <= 12 else ""


def _resolved(layer: Layer, value: Any, path: KeyPath, config: Config) -> Any:
    """Yield problems of list operators; return the data with each operator replaced by its list of items."""
    if not isinstance(value, Mapping):
        return value
    if is_operator(value):
        try:
            items = apply_operator(value, MISSING, layer, path)
        except ConfigFileError as error:
            yield _from_error(error)
            return MISSING
        if "$remove" in value and path:
            below = list(config.layers[: config.layers.index(layer)])
            if not any(_contains(found, value["$remove"]) for _, found in _quiet_values(below, path)):
                yield _problem(layer, path, "$remove names an item that no lower layer has", "warning")
        return items
    result = {}
    for key, inner in value.items():
        unknown_operator = key.startswith("$") and len(value) == 1 and path and key not in OPERATORS
        if unknown_operator and (near := difflib.get_close_matches(key, OPERATORS, 1)):
            yield _problem(layer, path, f"{key} is not a list operator; did you mean {near[0]}?", "warning")
        inner = yield from _resolved(layer, inner, (*path, key), config)
        if inner is not MISSING and inner is not None:  # null: not set
            result[key] = inner
    return result


def _quiet_values(layers: list[Layer], path: KeyPath) -> list[tuple[Layer, Any]]:
    try:
        return values_at(layers, path)
    except ConfigError:
        return []


def _contains(value: Any, item: Any) -> bool:
    if isinstance(value, list):
        return item in value
    if isinstance(value, Mapping):  # an operator of a lower layer
        return any(_contains(inner, item) or inner == item for inner in value.values())
    return False


def _wrong_values(layer: Layer, data: Any, schema: dict[str, Any]) -> Iterator[Problem]:
    import jsonschema

    validator = jsonschema.Draft7Validator(schema)
    for error in validator.iter_errors(data):
        path = tuple(error.absolute_path)
        if error.validator in ("required", "additionalProperties"):
            continue  # sources may be incomplete, and unknown keys were already reported
        yield _problem(layer, path, _explain(error, path, schema), "error")


def _explain(error: Any, path: tuple[str | int, ...], schema: Mapping[str, Any]) -> str:
    shown = "********" if is_secret([str(part) for part in path]) else _shown(error.instance)
    rule, value = error.validator, error.validator_value
    if rule == "type":
        wanted = [value] if isinstance(value, str) else value
        text = f"must be {' or '.join(_TYPE_NAMES.get(name, name) for name in wanted)}, not {shown}"
    elif rule == "enum":
        text = f"must be one of {', '.join(_shown(choice) for choice in value)}, not {shown}"
        near = difflib.get_close_matches(str(error.instance).upper(), [str(choice).upper() for choice in value], 1)
        for choice in value:
            if near and str(choice).upper() == near[0]:
                text += f"; did you mean {_shown(choice)}?"
    elif rule in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
        text = f"must be {_LIMITS[rule]} {value}, not {shown}"
    elif rule == "pattern":
        text = f"must match {value}, not {shown}"
    else:
        text = f"{shown} is not valid ({rule})"
    description = (schema_at(schema, path) or {}).get("description")
    return f"{text} ({description})" if description else text


_TYPE_NAMES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def _shown(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return type_name(value)
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + '…"'


def _conflicts(config: Config) -> Iterator[Problem]:
    """Yield conflicts between sources that are valid individually."""
    try:
        _ = config.merged
    except ConfigError as error:
        yield _from_error(error)


def _problem(layer: Layer, path: tuple[str | int, ...], message: str, severity: str) -> Problem:
    return Problem(severity, layer.place, layer.path, layer.line_of(path), join_key(path), message)


def _from_error(error: ConfigError, severity: str = "error") -> Problem:
    path = getattr(error, "path", None)
    line = getattr(error, "line", None)
    key = join_key(getattr(error, "key", None) or ())
    message = error.message
    # The message starts with the place and the key, which a Problem has separately.
    for head in (f"{path}:{line}:{getattr(error, 'column', None)}: ", f"{path}:{line}: ", f"{path}: ", f"{path} "):
        message = message.removeprefix(head)
    message = message.removeprefix(f"{key}: ") if key else message
    return Problem(severity, str(path) if path else "configuration", path, line, key, message)


def _without_repeats(problems: list[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
