"""One call of an operation: the intended values, as a command line and as Python arguments, and what arrived."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from hca_base.openapi import Operation, Parameter
from tests.openapi.wire.decode import Decoder, form_of, path_values, touching
from tests.openapi.wire.raw import Raw, RawOperation
from tests.openapi.wire.values import Values, is_file, kind_of, same

#: Headers set by other parts of the document.
_IGNORED = {"accept", "content-type", "authorization"}
_BYTES = b"\x00\xffbytes"


@dataclasses.dataclass
class Meant:
    """The values of one call.

    :ivar parameters: (location, name) -> value
    :ivar members: of a body whose members are options
    :ivar whole: a complete body
    :ivar doubtful: the document may not allow a value
    """

    parameters: dict[tuple[str, str], Any] = dataclasses.field(default_factory=dict)
    members: dict[str, Any] = dataclasses.field(default_factory=dict)
    whole: Any = None
    doubtful: bool = False


def meant_by(raw: Raw, operation: Operation, node: RawOperation, seed: str) -> Meant:
    """Values for the required parameters, some of the optional ones, and a body."""
    values = Values(raw, seed)
    meant = Meant()
    for (where, name), parameter in node.parameters.items():
        schema = parameter if raw.swagger2 else parameter.get("schema")
        content = next(iter(parameter.get("content") or {}), None)
        if content is not None:
            schema = (parameter["content"][content] or {}).get("schema")
        if _is_ignored(raw, where, name):
            continue
        ours = _ours(operation, where, name)
        if ours is None or ours.credential or where == "querystring":
            continue
        if not (parameter.get("required") or where == "path" or values.random.random() < 0.5):
            continue
        if is_file(raw, schema):
            meant.members[name] = _BYTES
        elif where == "formData":
            meant.members[name] = values.of(schema, plain=kind_of(raw.merged(schema)) == "array")
        else:
            structured = kind_of(raw.merged(schema)) in ("array", "object")
            value = values.of(schema, plain=where in ("header", "path") or (structured and _is_joined(raw, parameter)))
            meant.parameters[where, name] = _without_depth(value) if content is None and not _deep(parameter) else value
    for name in {name for where, name in node.parameters if where == "path"} - {
        name for where, name in meant.parameters if where == "path"
    }:
        raise AssertionError(f"path parameter {name} has no option")
    if node.bodies and operation.body:
        _add_body(raw, operation, node, values, meant)
    # Prism does not decode parameter names in URLs.
    meant.doubtful = values.doubtful or any(quote(name) != name for where, name in node.parameters if where == "query")
    return meant


def _ours(operation: Operation, where: str, name: str) -> Parameter | None:
    return next((each for each in operation.parameters if (each.location, each.name) == (where, name)), None)


def _is_ignored(raw: Raw, where: str, name: str) -> bool:
    if where != "header":
        return False
    # The length is that of the body, whatever the document declares.
    return name.lower() == "content-length" or (name.lower() in _IGNORED and not raw.swagger2)


def _without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    found = {key: _without_empty(each) for key, each in value.items()}
    return {key: each for key, each in found.items() if each not in ([], {}, None)} or None


def _deep(parameter: dict[str, Any]) -> bool:
    return parameter.get("style") == "deepObject"


def _is_joined(raw: Raw, parameter: dict[str, Any]) -> bool:
    """Whether a list is joined to one string whose delimiter must not be in an item, because nothing escapes it."""
    if raw.swagger2:
        return parameter.get("collectionFormat", "csv") != "multi"
    return parameter.get("explode") is False or parameter.get("style", "form") not in ("form", "deepObject")


def _without_depth(value: Any) -> Any:
    """Values that a URL can represent: no lists in lists, no objects in objects."""
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if not isinstance(each, (dict, list))}
    if isinstance(value, list):
        return [each for each in value if not isinstance(each, (dict, list))]
    return value


def _add_body(raw: Raw, operation: Operation, node: RawOperation, values: Values, meant: Meant) -> None:
    stated = (operation.body_content_type or "").partition(";")[0].strip().lower()
    kinds = {kind.partition(";")[0].strip().lower(): kind for kind in node.bodies}
    medium = node.bodies[kinds.get(stated, next(iter(node.bodies)))] or {}
    schema = medium.get("schema")
    if operation.body in ("form", "multipart"):
        merged = raw.merged(schema)
        for name, member in (merged.get("properties") or {}).items():
            inner = raw.merged(member)
            if inner.get("readOnly") is True:
                continue
            nested = kind_of(inner) in ("object", "any") or (
                kind_of(inner) == "array" and kind_of(raw.merged(inner.get("items"))) in ("object", "array", "any")
            )
            if is_file(raw, member):
                meant.members[name] = _BYTES
            elif name in (merged.get("required") or ()) or (not nested and values.random.random() < 0.5):
                meant.members[name] = values.of(member)
        return
    whole = next((each for each in operation.parameters if each.whole), None)
    if operation.body == "json":
        body = values.of(schema)
        if not isinstance(body, dict):
            raise AssertionError("the body has options for members, but is no object")
        meant.members = body
    elif whole is not None and whole.type == "file":
        meant.whole = _BYTES
    else:
        meant.whole = values.of(schema) if schema else "word"


def words_of(operation: Operation, meant: Meant, folder: Path) -> list[str]:
    """The arguments of a command line."""
    words: list[str] = []
    for (where, name), value in meant.parameters.items():
        parameter = _ours(operation, where, name)
        assert parameter is not None
        words += _words(parameter, value, folder)
    whole = next((each for each in operation.parameters if each.whole), None)
    rest = {}
    for name, value in meant.members.items():
        ours = _member(operation, name)
        if ours is None:
            rest[name] = value
        else:
            words += _words(ours, value, folder)
    if rest or (operation.body == "json" and not meant.members and operation.body_required):
        assert whole is not None, f"no option for {sorted(rest)}"
        words.append(f"{whole.option}={json.dumps(rest)}")
    if meant.whole is not None:
        assert whole is not None
        words += _words(whole, meant.whole, folder)
    return words


def _member(operation: Operation, name: str) -> Parameter | None:
    return next(
        (p for p in operation.parameters if p.name == name and p.location in ("body", "formData") and not p.whole), None
    )


def _words(parameter: Parameter, value: Any, folder: Path) -> list[str]:
    option = parameter.option
    if isinstance(value, bytes) or (isinstance(value, list) and value and isinstance(value[0], bytes)):
        path = folder / "content.bin"
        path.write_bytes(_BYTES)
        return [f"{option}={path}"]
    if isinstance(value, (list, dict)):
        return [f"{option}={json.dumps(value)}"]
    if value is None:
        return [f"{option}=null"]
    if isinstance(value, str):
        literal = parameter.type == "any" and parameter.location == "body"
        return [f"{option}={json.dumps(value)}" if literal else f"{option}={value}"]
    return [f"{option}={json.dumps(value)}"]


def arguments_of(operation: Operation, meant: Meant) -> dict[str, Any]:
    """The arguments of a Python call."""
    found: dict[str, Any] = {}
    for (where, name), value in meant.parameters.items():
        parameter = _ours(operation, where, name)
        assert parameter is not None
        found[parameter.python_name] = value
    rest = {}
    for name, value in meant.members.items():
        ours = _member(operation, name)
        if ours is None:
            rest[name] = value
        else:
            found[ours.python_name] = [value] if ours.type == "array" and isinstance(value, bytes) else value
    whole = next((each for each in operation.parameters if each.whole), None)
    if (rest or (operation.body == "json" and not meant.members and operation.body_required)) and whole is not None:
        found[whole.python_name] = rest
    if meant.whole is not None and whole is not None:
        found[whole.python_name] = meant.whole
    return found


def differences(raw: Raw, operation: Operation, node: RawOperation, meant: Meant, request: Any) -> list[str]:
    """Differences between what arrived and the intended values."""
    found = []
    if request.method != node.method:
        found.append(f"method {request.method}, not {node.method}")
    captured = path_values(node.path, request.path)
    if captured is None:
        return [*found, f"path {request.path}, not {node.path}"]
    decoder = Decoder(raw)
    together = touching(node.path)
    for names in together:
        expected = "".join(str(meant.parameters.get(("path", name))) for name in names)
        arrived = unquote("".join(captured[name] for name in names))
        if arrived != expected:
            found.append(f"{names}: {arrived!r}, not {expected!r}")
    for key, parameter in node.parameters.items():
        if key[0] == "path" and any(key[1] in names for names in together):
            continue
        if key[0] in ("querystring", "formData") or _is_ignored(raw, *key):
            continue
        ours = _ours(operation, *key)
        try:
            arrived = decoder.parameter(parameter, request, captured)
        except (ValueError, AssertionError) as e:
            found.append(f"{key}: cannot be read: {e}")
            continue
        expected = meant.parameters.get(key)
        if _deep(parameter):
            expected = _without_empty(expected)  # the style cannot represent an empty object
        if expected is None and (
            arrived is None or (ours is not None and (ours.constant is not None or ours.credential))
        ):
            continue
        if expected in ([], {}) and arrived is None:
            continue
        others = {name for _, name in node.parameters}
        others.update(*(each for other, each in meant.parameters.items() if isinstance(each, dict) and other != key))
        if isinstance(expected, dict) and set(expected) & others:
            continue  # a member and another parameter have the same name
        if not same(expected, arrived):
            found.append(f"{key}: {arrived!r}, not {expected!r}")
    return found + _body_differences(operation, meant, request, decoder, node)


def _body_differences(
    operation: Operation, meant: Meant, request: Any, decoder: Decoder, node: RawOperation
) -> list[str]:
    constants = {p.name for p in operation.parameters if p.constant is not None and p.location in ("body", "formData")}
    kind = (request.header("Content-Type") or "").partition(";")[0]
    if meant.members and kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        form: dict[str, Any] = {}
        for name, values in form_of(request).items():
            expected = meant.members.get(name)
            form[name] = values if isinstance(expected, list) else values[0]
            parameter = node.parameters.get(("formData", name))
            if parameter is not None and isinstance(expected, list):
                form[name] = decoder.parameter(parameter, request, {})
            elif isinstance(expected, dict) and isinstance(values[0], str):
                form[name] = json.loads(values[0])
            if isinstance(expected, list) and len(values) == 1 and isinstance(values[0], list):
                form[name] = values[0]
        encoding = next((medium.get("encoding") for medium in node.bodies.values() if medium.get("encoding")), {})
        nested = [name for name, each in encoding.items() if each.get("style") == "deepObject"]
        if nested:
            form.update(decoder.nested_members(request, nested))
            form = {name: value for name, value in form.items() if name.split("[")[0] not in nested or "[" not in name}
        expected_form = {name: value for name, value in meant.members.items() if value not in ([], {})}
        form = {name: value for name, value in form.items() if value != {}}
        form = {name: value for name, value in form.items() if name in expected_form or name not in constants}
        return [] if same(expected_form, form) else [f"form {form!r}, not {expected_form!r}"]
    if meant.members or (operation.body == "json" and operation.body_required):
        try:
            body = json.loads(request.body)
        except ValueError as e:
            return [f"body {request.body[:200]!r}: {e}"]
        body = {name: value for name, value in body.items() if name in meant.members or name not in constants}
        return [] if body == meant.members else [f"body {body!r}, not {meant.members!r}"]
    if meant.whole is not None:
        if isinstance(meant.whole, bytes):
            return [] if request.body == meant.whole else [f"body {request.body[:200]!r}, not the bytes"]
        if "json" not in (operation.body_content_type or "json") and isinstance(meant.whole, str):
            return [] if request.body.decode() == meant.whole else [f"body {request.body[:200]!r}, not {meant.whole!r}"]
        try:
            body = json.loads(request.body)
        except ValueError as e:
            return [f"body {request.body[:200]!r}: {e}"]
        return [] if body == meant.whole else [f"body {body!r}, not {meant.whole!r}"]
    return [f"a body of {len(request.body)} bytes that nobody gave"] if request.body and not constants else []
