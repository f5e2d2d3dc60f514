"""Assign names and aliases to a document's operations.

There are two rules: ``operation`` uses the document's operationIds if they are readable, ``path`` generates names from
methods and paths like hca 7. Names of the path rule are aliases with either, so that scripts keep working.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

from hca_base.errors import HCAError
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._names import identifier, operation_name, path_parameters, unambiguous_names
from hca_base.openapi._document._operation import Operation

#: Word boundaries in an ID: ``listTasks``, ``getHTTPStatus``.
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
_READABLE = re.compile(r"[A-Za-z][A-Za-z0-9 ._/:-]{0,79}")
#: Suffixes from generators: springfox's ``listUsingGET_1``, numbers that make IDs unique.
_GENERATED = re.compile(r"Using(GET|PUT|POST|DELETE|OPTIONS|HEAD|PATCH|TRACE)(_\d+)?$|[_.-]\d+$|__")
_VERSION = re.compile(r"v\d+", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Named:
    """The operations of a document with their names.

    :ivar operations: in the document's order
    :ivar aliases: other names, for one operation or several
    """

    operations: tuple[Operation, ...]
    aliases: tuple[Alias, ...]


def assign(operations: Sequence[Operation], naming: str) -> Named:
    """Give each operation a unique name.

    :param operations: operations without names
    :param naming: ``operation`` or ``path``
    """
    path_names, shared = _by_path(operations, any_plural=False)
    names = [("", name) for name in path_names]
    if naming == "operation":
        names = _by_id(operations, path_names)
    named = tuple(
        dataclasses.replace(
            operation, group=group, name=name, path_name=operation_name(operation.method, operation.path)
        )
        for operation, (group, name) in zip(operations, names, strict=True)
    )
    aliases: dict[str, tuple[int, ...]] = {name: (at,) for at, name in enumerate(path_names)}
    aliases.update(shared)
    # Names of hca 9.0, if different: put_latenes.
    old_names, old_shared = _by_path(operations, any_plural=True)
    for name, places in (*old_shared.items(), *((name, (at,)) for at, name in enumerate(old_names))):
        aliases.setdefault(name, places)
    taken = {operation.name for operation in named}
    return Named(
        named,
        tuple(
            Alias(name, tuple(sorted((named[at] for at in places), key=lambda each: len(each.path_names))))
            for name, places in aliases.items()
            if name not in taken
        ),
    )


def _by_id(operations: Sequence[Operation], path_names: Sequence[str]) -> list[tuple[str, str]]:
    """Return (group, name) of each operation: from its ID if that is unique and readable, else from its path."""
    found = [
        name_of_id(each.operation_id, each.method, each.path) if each.operation_id else None for each in operations
    ]
    uses: dict[str, int] = {}
    for each in found:
        if each is not None:
            uses[each[1]] = uses.get(each[1], 0) + 1
    taken = {name for name, count in uses.items() if count == 1}
    names = []
    for each, operation, path_name in zip(found, operations, path_names, strict=True):
        if each is not None and uses[each[1]] == 1:
            names.append(each)
        elif path_name not in taken:
            taken.add(path_name)
            names.append(("", path_name))
        else:
            names.append(("", _free_name(path_name, operation, taken)))
    return names


def _by_path(operations: Sequence[Operation], *, any_plural: bool) -> tuple[list[str], dict[str, tuple[int, ...]]]:
    """Return the path name of each operation, and the shared names with their operations' positions."""
    sharing: dict[str, list[int]] = {}
    for at, operation in enumerate(operations):
        name = operation_name(operation.method, operation.path, any_plural=any_plural)
        sharing.setdefault(name, []).append(at)
    taken = set(sharing)
    names = [""] * len(operations)
    shared: dict[str, tuple[int, ...]] = {}
    for name, places in sharing.items():
        chosen: dict[frozenset[str], int] = {}
        others = []
        for at in places:
            # Paths with equal parameters cannot be distinguished, so the first one keeps the name.
            if chosen.setdefault(frozenset(operations[at].path_names), at) != at:
                others.append(at)
        if len(chosen) == 1:
            names[places[0]] = name
        else:
            shared[name] = tuple(chosen.values())
            for at in chosen.values():
                names[at] = _free_name(name, operations[at], taken)
        for at in others:
            # Distinguish these by their version, if they have one.
            versioned = operation_name(
                operations[at].method, operations[at].path, keep_version=True, any_plural=any_plural
            )
            names[at] = _free_name(name, operations[at], taken, first=(versioned,))
    return names, shared


def _free_name(name: str, operation: Operation, taken: set[str], first: Iterable[str] = ()) -> str:
    for candidate in (*first, *unambiguous_names(name, operation.method, operation.path)):
        if candidate not in taken:
            taken.add(candidate)
            return candidate
    raise HCAError(f"more than a thousand operations are named {name}")


def name_of_id(operation_id: str, method: str, path: str) -> tuple[str, str] | None:
    """Return (group, full name) for an operationId; None if it is not readable as a name.

    :param operation_id: for example ``listTasks`` or ``issues/list-for-repo``
    """
    text = operation_id.strip()
    if not _READABLE.fullmatch(text) or _GENERATED.search(text) or _is_path(text, method, path):
        return None
    *groups, last = [part for part in re.split(r"[/.:]+", text) if part]
    group, name = _snake("_".join(groups)), _snake(last)
    if not name or name[0].isdigit() or group[:1].isdigit():
        return None
    return group, f"{group}_{name}" if group else name


def _snake(text: str) -> str:
    return "_".join(word for word in _WORD_BREAK.split(text) if word).lower()


def _is_path(text: str, method: str, path: str) -> bool:
    """Return True if an ID was generated from the method and path."""
    method = method.lower()
    # FastAPI's: the function's name, the path and the method, everything else replaced by "_".
    copied = re.sub(r"\W", "_", path) + "_" + method
    if text.lower().endswith(copied.lower()) and len(text) > len(copied):
        return True
    words = _snake(text).split("_")
    if words[0] == method:
        words = words[1:]
    elif words[-1] == method:
        words = words[:-1]
    segments = [segment for segment in path.split("/") if segment]
    versioned = any(_VERSION.fullmatch(segment) for segment in segments)
    static = [segment for segment in segments if not path_parameters(segment)]
    return versioned and words in (_words_of(segments), _words_of(static))


def _words_of(segments: list[str]) -> list[str]:
    joined = "_".join(identifier(segment.replace("{", " ").replace("}", " ")) for segment in segments)
    return _snake(joined).split("_")
