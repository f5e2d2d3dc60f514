"""Requests many objects from servers: in bulk if supported, else concurrently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hca_base.errors import HCAError, NotFoundError
from hca_drs.objects.model import DrsObject, read_object
from hca_drs.resolving.resolver import Place
from hca_drs.servers.server import Server
from hca_drs.servers.servers import Servers

#: Concurrent requests, to all servers together.
THREADS = 32
#: Fewer objects of one server than this are requested one by one.
_BULK_FROM = 3

Found = DrsObject | HCAError


def read_one(servers: Servers, place: Place) -> DrsObject:
    """An object's metadata from its server.

    :raises HCAError: the server did not return it
    """
    return read_object(place, servers.of(place).object(place.object_id, place.identifier.query))


def read_many(servers: Servers, places: Sequence[Place]) -> list[Found]:
    """The objects at several locations, in order; an error in place of each that its server does not return."""
    found: dict[tuple[str, str, bool], Found] = {}
    groups: dict[tuple[str, bool], list[Place]] = {}
    for place in {each.key: each for each in places}.values():
        groups.setdefault((place.server, place.trusted), []).append(place)
    with ThreadPoolExecutor(min(THREADS, max(1, len(places))), thread_name_prefix="hca-drs") as pool:
        bulk = []
        for group in groups.values():
            server = servers.of(group[0])
            limit = _bulk_limit(server, group)
            if limit:
                bulk += [pool.submit(_bulk, server, group[i : i + limit]) for i in range(0, len(group), limit)]
        for answer in bulk:
            found.update(answer.result())
        rest = [place for group in groups.values() for place in group if place.key not in found]
        for place, one in zip(rest, pool.map(lambda place: _single(servers, place), rest), strict=True):
            found[place.key] = one
    # Two identifiers may mean the same object: each keeps its own.
    return [_at(place, found[place.key]) for place in places]


def _bulk_limit(server: Server, group: Sequence[Place]) -> int:
    if len(group) < _BULK_FROM or any(place.identifier.query for place in group):
        return 0
    try:
        return server.bulk_limit("objects")
    except HCAError:
        # Any error occurs again for each object, and is reported there.
        return 0


def _at(place: Place, found: Found) -> Found:
    return DrsObject(place, found.raw) if isinstance(found, DrsObject) and found.place is not place else found


def _single(servers: Servers, place: Place) -> Found:
    try:
        return read_one(servers, place)
    except HCAError as error:
        return error


def _bulk(server: Server, group: Sequence[Place]) -> dict[tuple[str, str, bool], Found]:
    """The result of a bulk request; objects without a result are omitted."""
    wanted = {place.object_id: place for place in group}
    try:
        answer = server.bulk("objects", {"bulk_object_ids": list(wanted)})
    except HCAError:
        return {}
    found: dict[tuple[str, str, bool], Found] = {}
    for raw in _list(answer, "resolved_drs_object"):
        place = wanted.get(str(raw.get("id"))) if isinstance(raw, dict) else None
        if place is not None:
            try:
                found[place.key] = read_object(place, raw)
            except HCAError as error:
                found[place.key] = error
    for entry in _list(answer, "unresolved_drs_objects"):
        if isinstance(entry, dict) and entry.get("error_code") == 404:
            for identifier in _strings(entry.get("object_ids")):
                place = wanted.get(identifier)
                if place is not None and place.key not in found:
                    found[place.key] = NotFoundError(f"{server.host} answered 404 for {identifier}")
    return found


def _list(answer: Any, name: str) -> list[Any]:
    value = answer.get(name) if isinstance(answer, dict) else None
    return value if isinstance(value, list) else []


def _strings(value: Any) -> Iterable[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
