"""Find the lines of keys in a JSON text. Only used for messages, so the text is scanned on demand."""

from __future__ import annotations

import functools
import re
from json import decoder
from typing import Any

_scan_string: Any = decoder.scanstring  # type: ignore[attr-defined]
_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^,\]}\s]+")


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """Return the line (from 1) of the key at ``path`` or, if it is missing, of the nearest enclosing key."""
    offsets = _offsets(text)
    for length in range(len(path), -1, -1):
        offset = offsets.get(path[:length])
        if offset is not None:
            return text.count("\n", 0, offset) + 1
    return None


@functools.lru_cache(maxsize=8)
def _offsets(text: str) -> dict[tuple[str | int, ...], int]:
    """Return the character offset of each key and list item. Not recursive, so that any depth works."""
    found: dict[tuple[str | int, ...], int] = {}
    # The open objects and lists: (path, next index, or None for an object).
    stack: list[tuple[tuple[str | int, ...], int | None]] = []
    path: tuple[str | int, ...] = ()
    position = 1 if text.startswith("\ufeff") else 0
    try:
        while True:
            position = _skip(text, position)
            found.setdefault(path, position)
            opening = text[position]
            if opening in "{[":
                stack.append((path, None if opening == "{" else 0))
                position = _skip(text, position + 1)
                if text[position] not in "}]":
                    path, position = _next(text, position, stack, found)
                    continue
            elif opening == '"':
                _, position = _scan_string(text, position + 1, False)
            else:
                position = _SCALAR.match(text, position).end()  # type: ignore[union-attr]
            # A value ended: close containers that end with it, and go to the next value.
            while True:
                position = _skip(text, position)
                if position >= len(text) or not stack:
                    return found
                if text[position] in "}]":
                    stack.pop()
                    position += 1
                    continue
                path, position = _next(text, _skip(text, position + 1), stack, found)
                break
    except (IndexError, ValueError, AttributeError):
        return found  # not JSON, but the offsets so far are correct


def _next(
    text: str,
    position: int,
    stack: list[tuple[tuple[str | int, ...], int | None]],
    found: dict[tuple[str | int, ...], int],
) -> tuple[tuple[str | int, ...], int]:
    """Return the path of the next value in the innermost object or list, and its offset."""
    outer, index = stack[-1]
    if index is not None:
        stack[-1] = (outer, index + 1)
        return (*outer, index), position
    key, end = _scan_string(text, position + 1, False)
    path = (*outer, key)
    found[path] = position
    return path, _skip(text, end) + 1


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
