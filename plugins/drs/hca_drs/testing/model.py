"""The objects of an embedded server, and the format of its responses."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hca_base.transfer import Hashes

#: Formats for the headers of an access URL: that of the specification, and others that servers use.
HEADER_SHAPES: dict[str, Callable[[dict[str, str]], Any]] = {
    "list": lambda headers: [f"{name}: {value}" for name, value in headers.items()],
    "object": dict,
    "pairs": lambda headers: [{"name": name, "value": value} for name, value in headers.items()],
}


@dataclass
class Blob:
    """An object with bytes.

    :ivar checksums: (type as the server spells it, digest); default: a correct sha-256
    :ivar access: types of access methods, in the server's order
    :ivar signed: a URL must be requested (``access_id``); otherwise the object contains it
    :ivar bytes_sent: sent instead of ``data``
    :ivar region: of its access methods
    """

    data: bytes
    name: str = ""
    checksums: list[tuple[str, str]] | None = None
    access: tuple[str, ...] = ("https",)
    signed: bool = True
    bytes_sent: bytes | None = None
    region: str = ""
    available: bool = True
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def digests(self) -> list[dict[str, str]]:
        """The checksums as sent by the server."""
        chosen = self.checksums if self.checksums is not None else [("sha-256", digest(self.data, "sha256"))]
        return [{"type": kind, "checksum": value} for kind, value in chosen]


@dataclass
class Member:
    """A member of a bundle: on the same server, elsewhere, or both."""

    name: str
    id: str | None = None
    uris: tuple[str, ...] = ()


@dataclass
class Bundle:
    """An object with members."""

    members: list[Member]
    name: str = ""


@dataclass
class Repository:
    """The objects of a server, by identifier."""

    objects: dict[str, Blob | Bundle] = field(default_factory=dict)

    def add(self, identifier: str, value: Blob | Bundle) -> str:
        """Add an object and return its identifier."""
        self.objects[identifier] = value
        return identifier

    def size(self, identifier: str, known: dict[str, int] | None = None) -> int:
        """Size of an object in bytes, including members."""
        known = {} if known is None else known
        value = self.objects.get(identifier)
        if isinstance(value, Blob):
            return len(value.data)
        if value is None or identifier in known:
            return known.get(identifier, 0)
        # A bundle that contains itself adds nothing.
        known[identifier] = 0
        known[identifier] = sum(self.size(member.id, known) for member in value.members if member.id)
        return known[identifier]


def digest(data: bytes, kind: str) -> str:
    """A digest in hexadecimal, by the transfer engine's name of it."""
    hashes = Hashes([kind], len(data))
    hashes.update(data)
    return hashes.hexdigests()[kind]


def as_base64(hexadecimal: str, *, url_safe: bool = False) -> str:
    """A digest in the format of Google's storage, or of GA4GH."""
    raw = bytes.fromhex(hexadecimal)
    return (base64.urlsafe_b64encode(raw).rstrip(b"=") if url_safe else base64.b64encode(raw)).decode()


def sample() -> Repository:
    """A study of a few files in two bundles, and a file outside of both."""
    made = Repository()
    reads = b"@read\nACGTACGTAC\n+\nIIIIIIIIII\n" * 2000
    table = b"cell,gene,count\n" + b"".join(b"c%d,g%d,%d\n" % (n, n % 7, n % 11) for n in range(500))
    made.add("reads", Blob(reads, "reads.fastq", [("md5", hashlib.md5(reads).hexdigest())]))
    made.add("table", Blob(table, "counts.csv"))
    made.add("notes", Blob(b"A made-up study.\n", "notes.txt", signed=False))
    made.add("raw", Bundle([Member("reads.fastq", "reads")], "raw"))
    made.add(
        "study", Bundle([Member("raw", "raw"), Member("counts.csv", "table"), Member("notes.txt", "notes")], "study")
    )
    return made
