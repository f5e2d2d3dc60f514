"""Generates values for the parameters and bodies of a document, and their form in a request."""

from __future__ import annotations

import random
import re
from typing import Any

from tests.openapi.wire.raw import Raw

_TEXTS = ["word", "two words", "a,b", "x/y", "50%", "q=1&r", "naïve", "1.10", "007", "true", "#tag", "a+b", "[x]"]
_FORMATS = {
    "uuid": "a9b1b33e-5b8c-4d1c-9a1e-0f7c1d2e3f40",
    "date": "2019-05-14",
    "date-time": "2019-05-14T12:27:36Z",
    "email": "someone@lab.example",
    "uri": "https://lab.example/a?b=c",
    "url": "https://lab.example/a?b=c",
    "uri-reference": "a/b",
    "hostname": "lab.example",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "aGNh",
    "time": "12:27:36Z",
    "duration": "PT1H",
    "int64": "7",
    "regex": "a.c",
}
_MOST_MEMBERS = 8


class Values:
    """Generates values that a document allows.

    :ivar doubtful: a generated value may be invalid, because its format is restricted
    """

    def __init__(self, raw: Raw, seed: str) -> None:
        self.raw = raw
        self.random = random.Random(seed)
        self.doubtful = False

    def of(self, schema: Any, *, plain: bool = False, depth: int = 0) -> Any:
        """A value for a schema.

        :param plain: strings of letters only, for paths and headers
        """
        self.doubtful = self.doubtful or self.raw.is_choice(schema)
        schema = self.raw.merged(schema)
        if "const" in schema:
            return schema["const"]
        kind = kind_of(schema)
        choices = [each for each in schema.get("enum") or () if each is not None]
        if choices and kind not in ("array", "object"):
            return self.random.choice(choices)
        self.doubtful = self.doubtful or bool(choices)
        if kind == "object":
            return self._object(schema, depth, plain=plain)
        if kind == "array":
            return self._array(schema, depth, plain=plain)
        if kind in ("integer", "number"):
            return self._number(schema, kind)
        if kind == "boolean":
            return self.random.choice([True, False])
        return self._text(schema, plain=plain)

    def _text(self, schema: dict[str, Any], *, plain: bool) -> str:
        pattern = schema.get("pattern")
        if pattern:
            for candidate in (schema.get("example"), _FORMATS.get(schema.get("format", "")), text_like(pattern)):
                if isinstance(candidate, str) and _found(pattern, candidate):
                    return candidate
            self.doubtful = True
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        text = "word" if plain else self.random.choice(_TEXTS)
        least, most = int(schema.get("minLength") or 0), int(schema.get("maxLength") or 1000)
        return (text + "x" * max(0, min(least, 500) - len(text)))[: max(most, 1)]

    def _number(self, schema: dict[str, Any], kind: str) -> int | float:
        low, high = schema.get("minimum"), schema.get("maximum")
        for name, other in (("exclusiveMinimum", 1), ("exclusiveMaximum", -1)):
            bound = schema.get(name)
            if isinstance(bound, (int, float)) and not isinstance(bound, bool):
                low, high = (bound + other, high) if other > 0 else (low, bound + other)
        value = int(low) + 1 if isinstance(low, (int, float)) else 7
        if isinstance(high, (int, float)) and value > high:
            value = int(high)
        step = schema.get("multipleOf")
        if isinstance(step, (int, float)) and step >= 1:
            value = int(step)
        return value + 0.5 if kind == "number" and high is None and step is None else value

    def _array(self, schema: dict[str, Any], depth: int, *, plain: bool) -> list[Any]:
        count = max(int(schema.get("minItems") or 1), self.random.choice([1, 2]))
        count = min(count, int(schema.get("maxItems") or 20), 20)
        if depth > 5:
            self.doubtful = True
            return []
        found: list[Any] = []
        for _ in range(count):
            item = self.of(schema.get("items") or {"type": "string"}, plain=plain, depth=depth + 1)
            if not schema.get("uniqueItems") or item not in found:
                found.append(item)
        self.doubtful = self.doubtful or len(found) < int(schema.get("minItems") or 0)
        return found

    def _object(self, schema: dict[str, Any], depth: int, *, plain: bool) -> dict[str, Any]:
        members = schema.get("properties") or {}
        required = set(schema.get("required") or ())
        found = {}
        for name, node in members.items():
            member = self.raw.merged(node)
            if member.get("readOnly") is True:
                self.doubtful = self.doubtful or name in required
                continue
            wanted = name in required or (len(found) < _MOST_MEMBERS and self.random.random() < 0.4 and depth < 2)
            if not wanted:
                continue
            if depth > 5:
                self.doubtful = True
                continue
            found[name] = self.of(node, plain=plain, depth=depth + 1)
        if required - set(members):
            self.doubtful = True
        more = schema.get("additionalProperties")
        if not members and isinstance(more, dict) and depth <= 5:
            found["key"] = self.of(more, plain=plain, depth=depth + 1)
        return found


def kind_of(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), None)
    if kind:
        return str(kind)
    if "properties" in schema or isinstance(schema.get("additionalProperties"), dict):
        return "object"
    return "array" if "items" in schema else "any"


def is_file(raw: Raw, schema: Any) -> bool:
    """Whether a schema is binary."""
    schema = raw.merged(schema)
    if kind_of(schema) == "array":
        return is_file(raw, schema.get("items"))
    octets = schema.get("contentMediaType") == "application/octet-stream" and "contentEncoding" not in schema
    return schema.get("type") == "file" or (kind_of(schema) in ("string", "any") and (
        schema.get("format") == "binary" or octets
    ))  # fmt: skip


def text(value: Any) -> str:
    """A scalar in a URL or header."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def same(meant: Any, found: Any) -> bool:
    """Whether the received value equals the intended one; scalars are compared as strings."""
    if isinstance(meant, dict):
        return isinstance(found, dict) and set(meant) == set(found) and all(same(meant[k], found[k]) for k in meant)
    if isinstance(meant, list):
        return isinstance(found, list) and len(meant) == len(found) and all(map(same, meant, found))
    return not isinstance(found, (dict, list)) and text(meant) == text(found)


def text_like(pattern: str) -> str:
    """A string that matches a pattern, for common kinds of patterns."""
    try:
        return "".join(map(_piece, re._parser.parse(pattern)))  # type: ignore[attr-defined]
    except (re.error, KeyError, ValueError):
        return ""


def _piece(node: tuple[Any, Any]) -> str:
    kind, value = str(node[0]), node[1]
    if kind == "LITERAL":
        return chr(value)
    if kind == "NOT_LITERAL":
        return "a" if value != ord("a") else "b"
    if kind == "ANY":
        return "a"
    if kind == "IN":
        return _one_of(value)
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = value
        return "".join(map(_piece, inner)) * max(least, min(1, most))
    if kind == "SUBPATTERN":
        return "".join(map(_piece, value[-1]))
    if kind == "BRANCH":
        return "".join(map(_piece, value[1][0]))
    return ""


def _one_of(choices: list[tuple[Any, Any]]) -> str:
    if str(choices[0][0]) == "NEGATE":
        return next(letter for letter in "a1-_ Z" if not any(_takes(each, letter) for each in choices[1:]))
    return next((letter for letter in "a1Z" if any(_takes(each, letter) for each in choices)), None) or chr(
        choices[0][1] if str(choices[0][0]) == "LITERAL" else choices[0][1][0]
    )


def _takes(choice: tuple[Any, Any], letter: str) -> bool:
    kind, value = str(choice[0]), choice[1]
    if kind == "LITERAL":
        return ord(letter) == int(value)
    if kind == "RANGE":
        return bool(value[0] <= ord(letter) <= value[1])
    classes = {"CATEGORY_DIGIT": "[0-9]", "CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s"}
    negated = str(value).replace("NOT_", "")
    if negated in classes:
        return (re.match(classes[negated], letter) is not None) != ("NOT_" in str(value))
    return False


def _found(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return False
