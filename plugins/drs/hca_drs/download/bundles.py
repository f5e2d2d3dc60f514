"""Traverses bundles level by level, so that many objects can be requested at once."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field

from hca_base.errors import AuthError, HCAError, NotFoundError, RefusedError
from hca_base.output import counted
from hca_drs.objects.model import DrsObject, Member
from hca_drs.resolving.resolver import Place
from hca_drs.resolving.uris import Identifier, encoded
from hca_drs.servers.reading import Found, read_many
from hca_drs.servers.servers import Servers

MAX_DEPTH = 32
MAX_OBJECTS = 1_000_000
#: Objects per request.
_BATCH = 1000


@dataclass(slots=True)
class Entry:
    """An object in the traversal of bundles.

    :ivar uri: its identifier
    :ivar path: names of the enclosing bundles and its own, with ``/``
    :ivar object: from its server; None if ``error`` says why it is missing
    :ivar depth: 0 for the requested object, 1 for its members, and so on
    :ivar cycle: it is one of its enclosing bundles: its members are not traversed again
    """

    uri: str
    path: str
    depth: int
    object: DrsObject | None = None
    error: HCAError | None = None
    cycle: bool = False
    ways: list[Place | HCAError] = field(default_factory=list)
    parent: Entry | None = None

    @property
    def is_blob(self) -> bool:
        """Whether it has bytes."""
        return self.object is not None and not self.object.is_bundle


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the traversal.

    :ivar depth: maximum nesting of bundles
    :ivar objects: maximum total; a bundle may contain itself many times, indirectly
    """

    depth: int = MAX_DEPTH
    objects: int = MAX_OBJECTS


def walk(servers: Servers, uris: Iterable[str], limits: Limits = Limits()) -> Iterator[Entry]:
    """All objects of some identifiers, including those in bundles, breadth first.

    :raises RefusedError: there are more than the limits allow
    """
    level: list[Entry] = []
    count = 0
    for uri in uris:
        level.append(_asked_for(servers, uri))
        if len(level) >= _BATCH:
            count = yield from _walk_from(servers, level, limits, count)
            level = []
    if level:
        yield from _walk_from(servers, level, limits, count)


def _walk_from(servers: Servers, level: list[Entry], limits: Limits, count: int) -> Generator[Entry, None, int]:
    while level:
        below: list[Entry] = []
        for start in range(0, len(level), _BATCH):
            batch = level[start : start + _BATCH]
            count += len(batch)
            if count > limits.objects:
                raise RefusedError(
                    f"the bundles contain more than {counted(limits.objects, 'object')}",
                    hint="pass --max-objects N to raise the limit",
                )
            _read(servers, batch)
            for entry in batch:
                below += _members(servers, entry, limits)
                yield entry
        level = below
    return count


def _asked_for(servers: Servers, uri: str) -> Entry:
    try:
        return Entry(uri, "", 0, ways=[servers.resolver.place(uri)])
    except HCAError as error:
        return Entry(uri, "", 0, error=error)


def _read(servers: Servers, batch: list[Entry]) -> None:
    """Request the objects of entries, each by the first reference that works."""
    waiting = [entry for entry in batch if entry.ways]
    while waiting:
        asked: list[tuple[Entry, Place]] = []
        for entry in waiting:
            way = entry.ways.pop(0)
            if isinstance(way, HCAError):
                entry.error = entry.error or way
            else:
                asked.append((entry, way))
        found: list[Found] = read_many(servers, [place for _, place in asked])
        for (entry, _), one in zip(asked, found, strict=True):
            if isinstance(one, DrsObject):
                entry.object, entry.error, entry.ways = one, None, []
                entry.path = entry.path or one.name
            else:
                entry.error = one
                if not isinstance(one, NotFoundError | AuthError):
                    entry.ways = []
        waiting = [entry for entry in waiting if entry.object is None and entry.ways]


def _members(servers: Servers, entry: Entry, limits: Limits) -> list[Entry]:
    found = entry.object
    if found is None or not found.is_bundle:
        return []
    around = entry.parent
    while around is not None:
        if around.object is not None and around.object.place.key == found.place.key:
            entry.cycle = True
            return []
        around = around.parent
    members = found.members
    if members and entry.depth >= limits.depth:
        raise RefusedError(
            f"bundles are nested more than {counted(limits.depth, 'level')} deep, at {entry.path}",
            hint="pass --max-depth N to raise the limit",
        )
    return [_member(servers, entry, found, member) for member in members]


def _member(servers: Servers, bundle: Entry, found: DrsObject, member: Member) -> Entry:
    ways: list[Place | HCAError] = []
    own = found.place
    if member.id and "://" not in member.id:
        identifier = Identifier(f"drs://{own.host}/{encoded(member.id)}", "hostname", member.id, host=own.host)
        ways.append(Place(identifier, own.server, member.id, own.origin, own.trusted))
    for uri in [*([member.id] if member.id and "://" in member.id else []), *member.uris]:
        try:
            ways.append(servers.resolver.place(uri))
        except HCAError as error:
            ways.append(error)
    first = next((way for way in ways if isinstance(way, Place)), None)
    uri = first.identifier.uri if first is not None else (member.id or next(iter(member.uris), ""))
    name = member.name or "object"
    entry = Entry(uri, f"{bundle.path}/{name}", bundle.depth + 1, ways=ways, parent=bundle)
    if not ways:
        entry.error = NotFoundError(f"{bundle.path} lists {name} without an identifier")
    return entry
