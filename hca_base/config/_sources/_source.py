"""One source of settings, whose file is parsed strictly."""

from __future__ import annotations

import dataclasses
import enum
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hca_base.config._keys import KeyPath
from hca_base.errors import ConfigError

MAX_BYTES = 16 * 1024 * 1024
"""Settings are small; a file beyond this is something else."""

MAX_DEPTH = 60
"""Nor do settings nest deeper than this; merging, which is recursive, must not run out of stack."""

COMMENT = "//"
"""Keys that begin with this are comments, at any level of a file."""


class ConfigFileError(ConfigError):
    """Raised if a configuration file cannot be used.

    :ivar path: the file
    :ivar line: line number from 1, or None
    :ivar column: column from 1, or None
    :ivar key: the key path as segments, or None
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None,
        line: int | None = None,
        column: int | None = None,
        key: tuple[str | int, ...] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.line = line
        self.column = column
        self.key = key


class LayerKind(enum.StrEnum):
    """The kinds of layers, in order of precedence: later ones override earlier ones."""

    DEFAULT = "default"
    SITE = "site"
    USER = "user"
    PROFILE = "profile"
    FILE = "file"
    OPTION = "option"


@dataclasses.dataclass(frozen=True)
class Layer:
    """One source of settings.

    :ivar name: name in messages: ``user``, ``site``, ``profile local``, ``option``, ``defaults of dss``, …
    :ivar data: its settings, without comments
    :ivar path: its file, or None
    :ivar text: the file's text, or None; used to find lines of values
    """

    name: str
    kind: LayerKind
    data: Mapping[str, Any]
    path: Path | None = None
    text: str | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def place(self) -> str:
        """The file, or the layer's name if it has no file."""
        return str(self.path) if self.path is not None else self.name

    def line_of(self, key: tuple[str | int, ...]) -> int | None:
        """Return the line of a key (or of the nearest enclosing one) in the file; None if there is no file."""
        if self.text is None:
            return None
        from hca_base.config._sources._lines import line_of

        return line_of(self.text, key)


def read_text(path: Path) -> str:
    """Return the text of a configuration file.

    :raises FileNotFoundError: there is none
    :raises ConfigFileError: it is a folder, unreadable, not UTF-8, or far too large
    """
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > MAX_BYTES:
                raise _unusable(path, f"is too large for a configuration file ({status.st_size} bytes)")
            raw = stream.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(str(path)) from None
    except IsADirectoryError:
        raise _unusable(path, "is a folder, not a file") from None
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror or error}") from None
    if len(raw) > MAX_BYTES:
        raise _unusable(path, "is too large for a configuration file")
    # Windows editors write byte order marks.
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _unusable(path, f"is not UTF-8 text (byte {error.start + 1}, line {line})", line=line) from None
    if not text.strip() and not stat.S_ISREG(status.st_mode):
        return "{}"  # /dev/null or a closed pipe, which are commonly used for "no settings"
    return text


def parse(text: str, path: Path, *, strict: bool = False) -> dict[str, Any]:
    """Parse the settings in the text of a file, including comments.

    :param strict: refuse duplicate keys, because writing the file back would lose one of them
    :raises ConfigFileError: it is empty, not JSON, or not an object; the message has the line and column
    """
    if not text.strip():
        raise _unusable(path, "is empty (possibly truncated)", line=1)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if strict and len(result) != len(items):
            names = [name for name, _ in items]
            twice = next(name for name in names if names.count(name) > 1)
            raise _unusable(path, f"holds the key {twice!r} twice in one object")
        return result

    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ConfigFileError(
            f"{path}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}",
            path=path,
            line=error.lineno,
            column=error.colno,
            hint=_fix_hint(path),
        ) from None
    except RecursionError:
        raise _unusable(path, "is nested too deeply") from None
    except ValueError as error:  # for example NaN, or a number with thousands of digits
        raise _unusable(path, f"is not valid JSON: {error}") from None
    if is_deep(data):
        raise _unusable(path, "is nested too deeply")
    if not isinstance(data, dict):
        raise _unusable(path, f"must hold a JSON object, not {type_name(data)}", line=1)
    return data


def is_deep(data: Any) -> bool:
    """Return True if values are nested deeper than ``MAX_DEPTH``."""
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return True


def read_file(path: Path) -> dict[str, Any]:
    """Return the settings in a file unchanged, including comments.

    :raises FileNotFoundError: there is no such file
    :raises ConfigFileError: it cannot be used; the message names it, and the line
    """
    return parse(read_text(path), path)


def read_layer(path: Path, name: str, kind: LayerKind) -> Layer:
    """Read a file as a layer.

    :raises FileNotFoundError: there is no such file
    :raises ConfigFileError: it cannot be used
    """
    text = read_text(path)
    return Layer(name, kind, without_comments(parse(text, path)), path, text)


def without_comments(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without comment keys, and without objects that only contain comments."""
    result: dict[str, Any] = {}
    for key, value in data.items():
        if key.startswith(COMMENT):
            continue
        if isinstance(value, dict):
            inner = without_comments(value)
            if value and not inner:
                continue
            value = inner
        result[key] = value
    return result


def expand(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings from a mapping whose outer keys may be dotted paths (``{"http.timeout": 5}``)."""
    from hca_base.config._keys import split_key

    result: dict[str, Any] = {}
    for key, value in data.items():
        path: KeyPath = split_key(key)
        inner = result
        for segment in path[:-1]:
            found = inner.get(segment)
            if not isinstance(found, dict):
                found = inner[segment] = {}
            inner = found
        old = inner.get(path[-1])
        if isinstance(old, dict) and isinstance(value, Mapping):
            value = {**old, **value}
        inner[path[-1]] = dict(value) if isinstance(value, Mapping) else value
    return result


def type_name(value: Any) -> str:
    """Return the type of a JSON value in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "an object" if isinstance(value, Mapping) else "a list"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _fix_hint(path: Path) -> str:
    return "nothing was changed; correct the file, or move it away to start afresh"


def _unusable(path: Path, why: str, line: int | None = None) -> ConfigFileError:
    return ConfigFileError(f"{path} {why}", path=path, line=line, hint=_fix_hint(path))
