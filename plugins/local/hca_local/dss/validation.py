"""Validates a request against its operation, with the codes and messages of the original's framework.

The body is checked before the parameters; only the first of several errors in one place is reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft4Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from hca_local.dss import versions
from hca_local.dss.errors import DSSError, MalformedBodyError, illegal_arguments

_FORMATS = FormatChecker(formats=())
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")


@_FORMATS.checks("DSS_VERSION", raises=DSSError)
def _check_version(value: object) -> bool:
    if isinstance(value, str):
        versions.check(value)
    return True


@_FORMATS.checks("email")
def _check_email(value: object) -> bool:
    return not isinstance(value, str) or _EMAIL.fullmatch(value) is not None


class BodyCheck:
    """The schema of one operation's JSON body; ``definitions`` are the document's."""

    def __init__(self, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> None:
        self._validator = _validator({**schema, "definitions": definitions})

    def read(self, raw: bytes) -> Any:
        """The body as Python values. Raises a MalformedBodyError or DSSError."""
        body = parse_json(raw) if raw.strip() else None
        error = next(self._validator.iter_errors(body), None)
        if error is not None:
            raise _translated(error, error.message)
        return body


class ParameterCheck:
    """One query or path parameter: its location, type and bounds."""

    def __init__(self, parameter: Mapping[str, Any]) -> None:
        self.name: str = parameter["name"]
        self.place: str = parameter["in"]
        self.required: bool = parameter.get("required", False)
        self.type: str = parameter.get("type", "string")
        self.default: Any = parameter.get("default")
        # In the order and with the members that the original showed: all of them except "required".
        self._schema = {key: value for key, value in parameter.items() if key != "required"}
        self._validator = _validator(self._schema)

    def read(self, text: str | None) -> Any:
        """The parameter's value, or its default. Raises a DSSError."""
        if text is None:
            if self.required:
                raise illegal_arguments(f"Missing {self.place} parameter '{self.name}'")
            return self.default
        value = self._typed(text)
        error = next(self._validator.iter_errors(value), None)
        if error is not None:
            raise _translated(error, str(error))
        return value

    def _typed(self, text: str) -> Any:
        match self.type:
            case "integer" if _INTEGER.fullmatch(text):
                return int(text)
            case "boolean" if text.lower() in {"true", "false"}:
                return text.lower() == "true"
            case "integer" | "boolean":
                raise illegal_arguments(f"Wrong type, expected '{self.type}' for {self.place} parameter '{self.name}'")
        if _LONE_SURROGATE.search(text):
            raise illegal_arguments(f"{self.place} parameter '{self.name}' is not valid text")
        return text


def read_parameters(checks: Sequence[ParameterCheck], given: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """All parameters of a request; ``given`` maps a location (query, path) to values by name."""
    return {check.name: check.read(given[check.place].get(check.name)) for check in checks}


def parse_json(raw: bytes) -> Any:
    """Standard JSON: no NaN, and no lone surrogates, which databases cannot store."""
    try:
        value = json.loads(raw, parse_constant=_refuse_constant)
        if b"\\ud" in raw or b"\\uD" in raw:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise MalformedBodyError("Request body is not valid JSON") from None
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _translated(error: ValidationError, title: str) -> DSSError:
    # The format check chooses between its two messages.
    if isinstance(error.cause, DSSError):
        return error.cause
    return illegal_arguments(title)


def _validator(schema: Mapping[str, Any]) -> Draft4Validator:
    return Draft4Validator(schema, format_checker=_FORMATS)
