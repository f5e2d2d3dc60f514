"""Which name each operation of a document has, and which other names lead to it.

There are two ways: ``operation`` takes the document's operationIds where those read as names, ``path`` makes names from
methods and paths as hca 7 did. Names of the path rule are aliases under both, so that scripts go on working.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from hca_base.errors import HCAError
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._names import operation_name, unambiguous_names
from hca_base.openapi._document._operation import Operation
from hca_base.openapi._document._operation_ids import name_of_id


@dataclasses.dataclass(frozen=True)
class Named:
    """The operations of a document with their names.

    :ivar operations: in the document's order
    :ivar aliases: other names; an alias of one operation is that operation's second name
    """

    operations: tuple[Operation, ...]
    aliases: tuple[Alias, ...]


def assign(operations: Sequence[Operation], naming: str) -> Named:
    """Give each operation a name that no other has.

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
    # What hca 9.0 called them, where that differs: put_latenes.
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
    """Return (group, name) of each operation: its id's where that is unique and reads as a name, else its path's."""
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
    """Return the path name of each operation, and the names that several of them share with their places."""
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
            # Equal path parameters cannot tell two paths apart: the document's first keeps the name.
            if chosen.setdefault(frozenset(operations[at].path_names), at) != at:
                others.append(at)
        if len(chosen) == 1:
            names[places[0]] = name
        else:
            shared[name] = tuple(chosen.values())
            for at in chosen.values():
                names[at] = _free_name(name, operations[at], taken)
        for at in others:
            # The version tells these apart best, where there is one.
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
