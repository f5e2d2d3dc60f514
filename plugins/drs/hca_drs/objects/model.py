"""An object as sent by a server, parsed leniently: every field may be missing, or of another type."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hca_base.errors import ServiceError
from hca_drs.objects.checksums import Digests, read_checksums
from hca_drs.resolving.resolver import Place


@dataclass(frozen=True)
class AccessMethod:
    """An access method.

    :ivar available: False for storage that is offline
    """

    type: str
    url: str | None = None
    headers: Any = None
    access_id: str | None = None
    region: str = ""
    cloud: str = ""
    available: bool = True
    authorizations: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """A member of a bundle, from the bundle's contents."""

    name: str
    id: str | None
    uris: tuple[str, ...]


@dataclass(frozen=True)
class DrsObject:
    """An object: a blob, or a bundle of others.

    :ivar place: its location
    :ivar raw: the server's response
    """

    place: Place
    raw: dict[str, Any]

    @property
    def id(self) -> str:
        """Identifier on the server."""
        return _text(self.raw.get("id")) or self.place.object_id

    @property
    def name(self) -> str:
        """File name: its own name, or the last part of its identifier."""
        own = _text(self.raw.get("name"))
        if own and own.strip("/"):
            # Some servers send a path here.
            return own.rstrip("/").rpartition("/")[2]
        return self.place.object_id.rstrip("/").rpartition("/")[2] or "object"

    @property
    def size(self) -> int | None:
        """Size in bytes."""
        value = self.raw.get("size")
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

    @cached_property
    def digests(self) -> Digests:
        """Its checksums."""
        return read_checksums(self.raw.get("checksums"), self.size)

    @property
    def is_bundle(self) -> bool:
        """Whether it has members instead of bytes."""
        contents = self.raw.get("contents")
        # Some servers send an empty list with every blob.
        return isinstance(contents, list) and (bool(contents) or not self.methods)

    @property
    def members(self) -> list[Member]:
        """Members of a bundle."""
        contents = self.raw.get("contents")
        found = []
        for entry in contents if isinstance(contents, list) else []:
            if not isinstance(entry, dict):
                continue
            uris = entry.get("drs_uri")
            uris = [uris] if isinstance(uris, str) else uris if isinstance(uris, list) else []
            identifier = _text(entry.get("id"))
            name = _text(entry.get("name")) or (identifier or "").rpartition("/")[2]
            found.append(Member(name, identifier, tuple(uri for uri in uris if isinstance(uri, str) and uri)))
        return found

    @cached_property
    def methods(self) -> list[AccessMethod]:
        """Access methods."""
        values = self.raw.get("access_methods")
        return [_method(value) for value in (values if isinstance(values, list) else []) if isinstance(value, dict)]

    def summary(self) -> dict[str, Any]:
        """The columns for tables."""
        return {
            "uri": self.place.identifier.uri,
            "name": self.name,
            "kind": "bundle" if self.is_bundle else "blob",
            "size": self.size,
            "checksum": self.digests.strongest or None,
            "access": ", ".join(dict.fromkeys(_described(method) for method in self.methods)) or None,
            "members": len(self.members) if self.is_bundle else None,
            "created": _text(self.raw.get("created_time")) or None,
            "server": self.place.host,
        }


def read_object(place: Place, answer: Any) -> DrsObject:
    """Parse a server's response as an object.

    :raises ServiceError: it is not an object
    """
    if not isinstance(answer, dict) or not ("id" in answer or "access_methods" in answer or "contents" in answer):
        raise ServiceError(f"{place.host} sent something that is not a DRS object", status=200, details=answer)
    return DrsObject(place, answer)


def _method(value: dict[str, Any]) -> AccessMethod:
    place: Any = value.get("access_url")
    url, headers = (place.get("url"), place.get("headers")) if isinstance(place, dict) else (place, None)
    authorizations = value.get("authorizations")
    identifier = value.get("access_id")
    return AccessMethod(
        type=_text(value.get("type")).lower(),
        url=_text(url) or None,
        headers=headers,
        # Some servers send an integer.
        access_id=str(identifier) if isinstance(identifier, str | int) and str(identifier) else None,
        region=_text(value.get("region")),
        cloud=_text(value.get("cloud")),
        available=value.get("available") is not False,
        authorizations=authorizations if isinstance(authorizations, dict) else {},
    )


def _described(method: AccessMethod) -> str:
    return f"{method.type} ({method.region})" if method.region else method.type


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
