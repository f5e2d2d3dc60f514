"""Parse key paths such as ``DSSClient.swagger_url`` and typed values, and detect secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hca_base.errors import UsageError

KeyPath = tuple[str, ...]

_PLAIN = re.compile(r"""[^."']+""")
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'""")
_SECRET = re.compile(r"(api_?key|token|secret|passwo?r?d|passphrase|private_key)", re.IGNORECASE)
# Names with one of those words that are not secret.
_NOT_SECRET = re.compile(
    r"(_(url|uri|path|file|store|endpoint|header|query|provider|type|config_key))s?$", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://[^/?#@\s:]*):[^/?#\s]*@")
_MASK = "********"


def split_key(key: str | Iterable[str]) -> KeyPath:
    """Return the segments of a dotted key path.

    Segments that contain a dot are quoted: ``services."my.api".url``, or with single quotes.

    :raises UsageError: the path is empty, or has an empty or unfinished segment
    """
    if not isinstance(key, str):
        return tuple(key)
    segments: list[str] = []
    position = 0
    while True:
        match = _QUOTED.match(key, position) or _PLAIN.match(key, position)
        if match is None:
            raise _bad_key(key, position)
        text = match.group()
        if text[0] == '"':
            try:
                text = json.loads(text)
            except ValueError:
                raise _bad_key(key, position) from None
        elif text[0] == "'":
            text = text[1:-1]
        segments.append(text)
        position = match.end()
        if position == len(key):
            return tuple(segments)
        if key[position] != ".":
            raise _bad_key(key, position)
        position += 1


def _bad_key(key: str, position: int) -> UsageError:
    return UsageError(
        f"not a key path: {key!r} (at character {position + 1})",
        hint='write SECTION.NAME, and quote a part that holds a dot: services."my.api".url',
    )


def join_key(path: Iterable[str | int]) -> str:
    """Return the dotted form of a key path, the inverse of :func:`split_key`; numbers are list indexes."""
    text = ""
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
            continue
        if not _PLAIN.fullmatch(segment):
            segment = json.dumps(segment, ensure_ascii=False)
        text += f".{segment}" if text else segment
    return text


def parse_value(text: str, schema: Mapping[str, Any] | None = None) -> Any:
    """Parse a typed value: as JSON if it is valid JSON, otherwise as a string.

    ``30`` is a number, ``true`` a boolean, ``[1, 2]`` a list, ``aws`` and ``2018-01-01`` are strings, and ``"30"``
    with quotes is the string 30.

    :param schema: JSON schema of the value; if it only allows strings, only quoted strings are parsed as JSON
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return text
    if schema is not None and schema.get("type") == "string" and not isinstance(value, str):
        return text
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


def is_secret(key: str | Iterable[str]) -> bool:
    """Return True if the value of a key must not be shown: tokens, API keys, passwords, secrets.

    :param key: a dotted key path, or its segments
    """
    try:
        path = split_key(key)
    except UsageError:
        path = (str(key),)
    return any(_SECRET.search(segment) and not _NOT_SECRET.search(segment) for segment in path)


def has_secret(data: Mapping[str, Any]) -> bool:
    """Return True if settings contain a secret at any depth."""
    return any(
        has_secret(value)
        if isinstance(value, Mapping)
        else isinstance(value, str) and value != "" and is_secret((key,))
        for key, value in data.items()
    )


def without_secrets(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without secrets and passwords in URLs, for other processes and machines."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            found[key] = without_secrets(value)
        elif isinstance(value, str) and value and is_secret((key,)):
            continue
        elif isinstance(value, str) and "@" in value:
            found[key] = _URL_PASSWORD.sub(lambda match: match["head"].rpartition("/")[0] + "/", value)
        else:
            found[key] = value
    return found


def masked(key: str | Iterable[str], value: Any) -> Any:
    """Return a value for display, with secrets and passwords in URLs masked at any depth."""
    path = split_key(key) if key else ()
    if isinstance(value, Mapping):
        return {name: masked((*path, str(name)), inner) for name, inner in value.items()}
    if value is None or value == "" or isinstance(value, bool):
        return value
    if path and is_secret(path):
        return _MASK
    if isinstance(value, list | tuple):
        return [masked(path, inner) for inner in value]
    if isinstance(value, str) and "@" in value:
        return _URL_PASSWORD.sub(rf"\g<head>:{_MASK}@", value)
    return value
