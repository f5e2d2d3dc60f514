"""Check and convert the arguments of a call.

The command line and Python calls share this: strings are converted to numbers, booleans or JSON as the document says.
"""

from __future__ import annotations

import enum
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hca_base.errors import UsageError
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._operation import Operation, Parameter
from hca_base.openapi._document._text import printable, suggestion
from hca_base.output import Digits, WholeDigits, read_json

#: Arguments that only accept the listed values; for others, the document may be older than the service.
STRICT_CHOICES = frozenset({"replica"})
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_log = logging.getLogger("hca.openapi")


class Null(enum.Enum):
    """The type of :data:`NULL`."""

    NULL = "null"


#: An argument that is sent as JSON's null; None means that the argument is not given.
NULL = Null.NULL


def positional(operation: Operation | Alias, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a Python call by name; positional ones follow the order of the signature.

    :raises UsageError: too many arguments, or one is given twice
    """
    if len(args) > len(operation.parameters):
        raise UsageError(f"{operation.name} takes {len(operation.parameters)} arguments, but {len(args)} were given")
    named = {parameter.python_name: value for parameter, value in zip(operation.parameters, args, strict=False)}
    for name in kwargs:
        if name in named:
            raise UsageError(f"{operation.name}: {name} is given twice")
    return {**named, **kwargs}


def bind(
    operation: Operation,
    arguments: Mapping[str, Any],
    *,
    strict: frozenset[str] = STRICT_CHOICES,
    patterns: bool = True,
    warn: bool = True,
    warned: set[tuple[str, str]] | None = None,
) -> list[tuple[Parameter, Any]]:
    """Return the arguments of a call, checked and converted.

    :param arguments: by Python name (or the API's); None means not given,
        :data:`NULL` is sent as null
    :param strict: names of arguments that only accept the listed values
    :param patterns: reject strings that do not match the document's pattern; else the service decides
    :param warn: warn about values that the document does not list
    :param warned: names and values that were already warned about; this call adds its own
    :raises UsageError: an argument is missing, unknown or of the wrong type
    """
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        parameter = operation.parameter(name)
        if parameter is None:
            known = {each.python_name: each for each in operation.parameters}
            raise UsageError(
                f"{operation.name} takes no argument {printable(str(name))!r}{suggestion(str(name), known)}",
                hint=f"it takes: {', '.join(known)}" if known else "it takes no arguments",
            )
        if value is None:
            if parameter.location == "path":
                raise UsageError(f"{operation.name}: {parameter.python_name} must not be None")
            continue
        if parameter.python_name in given:
            raise UsageError(f"{operation.name}: {parameter.python_name} is given twice")
        given[parameter.python_name] = value
    _require(operation, given)
    given = {**_constants(operation, given), **given}
    values = []
    for parameter in operation.parameters:
        if parameter.python_name in given:
            value = given.pop(parameter.python_name)
            if value is NULL:
                if not parameter.takes_null:
                    raise UsageError(f"{parameter.python_name} cannot be null")
                values.append((parameter, None))
                continue
            value = coerce(parameter, value)
            _check(parameter, value, strict, patterns=patterns, warn=warn, warned=set() if warned is None else warned)
            values.append((parameter, value))
    return values


def _constants(operation: Operation, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that have one possible value; those of a body only if a body is sent anyway."""
    body = [each for each in operation.parameters if each.location in ("body", "formData")]
    whole = any(each.whole and each.python_name in given for each in body)
    sent = not whole and (operation.body_required or any(each.python_name in given for each in body))
    return {
        each.python_name: each.constant
        for each in operation.parameters
        if each.constant is not None and (sent or each not in body)
    }


def _require(operation: Operation, given: Mapping[str, Any]) -> None:
    other = any(
        (parameter.whole or (parameter.location == "formData" and operation.body == "json"))
        and parameter.python_name in given
        for parameter in operation.parameters
    )
    missing = [
        parameter
        for parameter in operation.required
        # With a whole body or a form, members may be missing here; the service reports missing ones.
        if parameter.python_name not in given and not (other and parameter.location == "body")
    ]
    if not missing:
        return
    names = [parameter.python_name for parameter in missing]
    many = f"the arguments {', '.join(names[:-1])} and {names[-1]} are" if names[1:] else f"the argument {names[0]} is"
    hints = [
        f"{parameter.python_name} is one of: {', '.join(printable(str(each)) for each in parameter.choices[:20])}"
        for parameter in missing
        if parameter.choices
    ]
    raise UsageError(f"{operation.name}: {many} missing", hint="; ".join(hints) or None)


def coerce(parameter: Parameter, value: Any) -> Any:
    """Convert a value to a parameter's type.

    :param value: a Python value, or a string from a command line
    :raises UsageError: it cannot be converted
    """
    if parameter.whole and _is_source(value):
        return value  # the bytes, or a path or file with them
    if parameter.type == "array":
        if isinstance(value, str):
            if value.lstrip().startswith("["):
                value = _json(parameter, value)
            else:
                value = [value]
        if isinstance(value, (Mapping, bytes)) or not hasattr(value, "__iter__"):
            _refuse(parameter, value, "an array")
        return [_one(parameter, parameter.items or "any", each) for each in value]
    return _one(parameter, parameter.type, value)


def _is_source(value: Any) -> bool:
    """Return True if a value is the bytes of a body, or a path or file with them."""
    return isinstance(value, (bytes, bytearray, memoryview, os.PathLike)) or hasattr(value, "read")


def _one(parameter: Parameter, type_: str, value: Any) -> Any:
    if value is None and parameter.location == "body":
        return None  # in a list: JSON's null
    if type_ == "string":
        return _string(parameter, value)
    if type_ == "integer":
        return _integer(parameter, value)
    if type_ == "number":
        return _number(parameter, value)
    if type_ == "boolean":
        return _boolean(parameter, value)
    if type_ == "object":
        if isinstance(value, str):
            value = _json(parameter, value)
        if not isinstance(value, Mapping):
            _refuse(parameter, value, "a JSON object")
        return value
    if type_ == "array":
        return _json(parameter, value) if isinstance(value, str) else value
    if type_ == "file":
        if not isinstance(value, (str, bytes, bytearray, memoryview, os.PathLike)) and not hasattr(value, "read"):
            _refuse(parameter, value, "a path, bytes or an open file")
        return value
    return _any(value)


def _string(parameter: Parameter, value: Any) -> str:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:  # bytes of a command line that are not UTF-8
            _refuse(parameter, value, "valid text")
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            _refuse(parameter, value, "text")
    if isinstance(value, (Mapping, list, tuple, set)):
        # For example a query object, if the service expects it as a string.
        return _dump(parameter, value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)


def _integer(parameter: Parameter, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9]{1,400}\s*", value):
        return WholeDigits(value)
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return int(value.__index__())
    return _refuse(parameter, value, "an integer")


def _number(parameter: Parameter, value: Any) -> int | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number: int | float = value
    elif isinstance(value, str):
        try:
            whole = re.fullmatch(r"\s*[-+]?[0-9]{1,400}\s*", value)
            number = WholeDigits(value) if whole else Digits(value)
        except ValueError:
            return _refuse(parameter, value, "a number")
    elif hasattr(value, "__float__") and not isinstance(value, bool):
        number = float(value)
    else:
        return _refuse(parameter, value, "a number")
    # A number out of a float's range (1e400) is valid if it was given as text.
    endless = number in (float("inf"), float("-inf")) and "n" in getattr(number, "text", "n").lower()
    if number != number or endless:
        return _refuse(parameter, value, "a finite number")
    return number


def _boolean(parameter: Parameter, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    return _refuse(parameter, value, "true or false")


def _any(value: Any) -> Any:
    # Objects and arrays only: the command line has converted its words already, and the string "5" (quoted on the
    # command line) is not the number.
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return read_json(value)
        except (ValueError, RecursionError):
            return value
    return value


def _json(parameter: Parameter, text: str) -> Any:
    try:
        return read_json(text)
    except RecursionError:
        raise UsageError(f"{parameter.python_name} is nested too deeply") from None
    except ValueError as e:
        raise UsageError(f"{parameter.python_name} is not valid JSON: {e}") from None


def _dump(parameter: Parameter, value: Any) -> str:
    try:
        return json.dumps(sorted(value, key=str) if isinstance(value, set) else value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return _refuse(parameter, value, "text or JSON")


def _refuse(parameter: Parameter, value: Any, wanted: str) -> Any:
    shown = printable(repr(value))
    raise UsageError(f"{parameter.python_name} must be {wanted}, not {shown if len(shown) <= 60 else shown[:60] + '…'}")


def _check(
    parameter: Parameter,
    value: Any,
    strict: frozenset[str],
    *,
    patterns: bool,
    warn: bool,
    warned: set[tuple[str, str]],
) -> None:
    choices = parameter.choices
    if choices:
        for each in value if isinstance(value, list) else [value]:
            if each in choices or str(each) in [str(choice) for choice in choices]:
                continue
            listed = ", ".join(printable(str(choice)) for choice in choices[:30])
            shown = printable(repr(each))
            if parameter.python_name in strict or parameter.name in strict:
                raise UsageError(f"{parameter.python_name} must be one of {listed}, not {shown}")
            if warn and (parameter.name, shown) not in warned:
                warned.add((parameter.name, shown))
                _log.warning("%s is %s, which is not one of %s; sent anyway", parameter.python_name, shown, listed)
    if patterns and parameter.pattern and isinstance(value, str) and not matches(parameter.pattern, value):
        what = "a UUID" if "{8}-" in parameter.pattern else f"of the form {printable(parameter.pattern)}"
        raise UsageError(f"{parameter.python_name} must be {what}, not {printable(value[:80])!r}")


def matches(pattern: str, value: str) -> bool:
    """Return True if a document's pattern matches anywhere in a value (JSON Schema does not anchor patterns).

    Patterns that may be slow, or that Python interprets differently, are skipped: the service checks the value.
    """
    # Only patterns in nearly linear time: no repeated groups, no back references, at most two open repetitions.
    risky = re.search(r"\)\s*[*+{?]|\\[1-9]|\(\?|\\[pPcCuU]", pattern)
    open_ended = len(re.findall(r"(?<!\\)[*+]|,\}", pattern))
    if len(pattern) > 300 or len(value) > 1000 or risky or open_ended > 2:
        return True
    # Bounded repetitions multiply their lengths.
    bounds = [int(bound) for bound in re.findall(r"\{[0-9]*,?([0-9]{1,9})\}", pattern)]
    if any(bound > 256 for bound in bounds) or sum("," in each for each in re.findall(r"\{[^}]*\}", pattern)) > 2:
        return True
    try:
        return re.search(pattern, value) is not None
    except (re.error, OverflowError, RecursionError):
        return True
