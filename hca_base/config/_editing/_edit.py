"""Change configuration files: one key at a time, under a lock, atomically."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hca_base.config import _paths
from hca_base.config._editing._atomic import remove_leftovers, write_atomic
from hca_base.config._editing._lock import FileLock
from hca_base.config._keys import join_key, split_key
from hca_base.config._merge import is_operator
from hca_base.config._sources._legacy import drop_frozen_defaults
from hca_base.config._sources._profiles import missing_profile, profile_path
from hca_base.config._sources._source import MAX_BYTES, MAX_DEPTH, is_deep, parse, read_text, type_name
from hca_base.errors import ConfigError, UsageError

_INDENT = re.compile(r"\{\r?\n([ \t]+)\S")


@contextlib.contextmanager
def edit_file(path: str | os.PathLike[str], *, keep: bool = False) -> Iterator[dict[str, Any]]:
    """Change a JSON file: the block gets its object, which is written back when the block ends.

    The file is locked meanwhile, so that changes by other processes are not lost; a block must be short, and must not
    edit the same file again. The order of keys, comments, unknown keys, indentation and permissions are preserved. A
    missing file starts as an empty object with mode 0600. Nothing is written if nothing was changed or the block
    raises.

    :param keep: write the file even if it is then an empty object
    :raises ConfigError: the file cannot be read or written; it is then unchanged
    """
    target = Path(os.path.realpath(path))
    shown = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(target)
        lock.acquire()
    except OSError as error:
        raise _cannot_write(shown, error) from None
    try:
        text: str | None = None
        data: dict[str, Any] = {}
        with contextlib.suppress(FileNotFoundError):
            text = read_text(target)
        if text is not None:
            data = parse(text, shown, strict=True)
        before = copy.deepcopy(data)
        yield data
        if data == before and list(data) == list(before) and not (keep and text is None):
            return
        rendered = _readable(data, text, shown)
        try:
            write_atomic(target, rendered)
            remove_leftovers(target)
        except OSError as error:
            raise _cannot_write(shown, error) from None
    finally:
        lock.release()


def render(data: dict[str, Any], like: str | None = None) -> str:
    """Return the JSON text of settings, with the indentation of the text ``like``.

    :raises ConfigError: a value cannot be written as JSON
    """
    match = _INDENT.search(like or "")
    indent: int | str = match.group(1) if match else 2
    try:
        text = json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, such as "\ud800"
        text = json.dumps(data, indent=indent, ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"a setting has no JSON form: {error}") from None
    return text + "\n"


def _readable(data: dict[str, Any], like: str | None, path: Path) -> bytes:
    """Return the new content of a file after checking that it can be read again by later commands."""
    if is_deep(data):
        raise ConfigError(
            f"{path} would be nested too deeply to be read (more than {MAX_DEPTH} levels)",
            hint="the file was not changed",
        )
    rendered = render(data, like).encode("utf-8")
    if len(rendered) > MAX_BYTES:
        raise ConfigError(
            f"{path} would be too large for a configuration file ({len(rendered)} bytes)",
            hint="the file was not changed",
        )
    return rendered


def set_value(
    key: str | Iterable[str], value: Any, *, file: str | os.PathLike[str] | None = None, profile: str | None = None
) -> Path:
    """Set one key in one file, by default the user's ``config.json``.

    :param key: dotted key path
    :param file: the file to change
    :param profile: change the file of this profile (which must exist)
    :return: the file that was changed
    :raises ConfigError: the file cannot be changed, or a part of the path is not an object
    """
    path, target = _key_and_file(key, file, profile)
    with edit_file(target) as data:
        put_value(data, path, value, place=str(target))
    return target


def put_value(data: dict[str, Any], key: str | Iterable[str], value: Any, *, place: str = "settings") -> None:
    """Set one key in the settings of a file, like :func:`set_value`.

    :param place: what is being changed, for messages
    :raises ConfigError: a part of the path is not an object
    """
    path = split_key(key)
    # Otherwise a frozen default in a file from hca 7 would be mistaken for this setting.
    drop_frozen_defaults(data)
    inner = data
    for depth, segment in enumerate(path[:-1], 1):
        found = inner.get(segment)
        if found is None:
            found = inner[segment] = {}
        if not isinstance(found, dict) or is_operator(found):
            what = "a list operator" if is_operator(found) else type_name(found)
            raise ConfigError(
                f"{place}: {join_key(path[:depth])} is {what}, so it cannot have {path[depth]!r}",
                hint=f"hca config unset {join_key(path[:depth])}",
            )
        inner = found
    inner[path[-1]] = value


def unset_value(
    key: str | Iterable[str], *, file: str | os.PathLike[str] | None = None, profile: str | None = None
) -> bool:
    """Remove one key from one file, and objects that become empty.

    :return: whether the file had the key
    :raises ConfigError: the file cannot be changed
    """
    path, target = _key_and_file(key, file, profile)
    if not target.exists():
        return False
    with edit_file(target) as data:
        chain: list[Any] = [data]
        for segment in path[:-1]:
            inner = chain[-1].get(segment) if isinstance(chain[-1], dict) else None
            chain.append(inner)
        if not isinstance(chain[-1], dict) or path[-1] not in chain[-1]:
            return False
        del chain[-1][path[-1]]
        for depth in range(len(path) - 1, 0, -1):
            if chain[depth]:
                break
            del chain[depth - 1][path[depth - 1]]
    return True


def _key_and_file(
    key: str | Iterable[str], file: str | os.PathLike[str] | None, profile: str | None
) -> tuple[tuple[str, ...], Path]:
    path = split_key(key)
    if not path:
        raise UsageError("a key is required, such as http.timeout")
    if file is not None:
        if profile is not None:
            raise UsageError("give a file or a profile, not both")
        return path, Path(file)
    if profile is None or profile == "default":
        return path, _paths.user_config_file()
    target = profile_path(profile)
    if not target.exists():
        raise missing_profile(profile, f"create it: hca profile create {profile}")
    return path, target


def _cannot_write(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be written: {error.strerror or error}", hint="the file was not changed")
