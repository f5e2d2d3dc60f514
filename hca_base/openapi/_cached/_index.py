"""A compiled document, from which single operations can be read.

An index is one file: a line with the format and the lengths of its sections, then

* head: a JSON object with what every call needs (the service's URL, the document's URL, its hash),
* about: a JSON object that only listings need (description, security schemes, problems),
* names: a line ``key TAB offset TAB length TAB kind TAB command TAB tag TAB summary`` for each name; the key is the
  name with dashes, kind is ``o`` for an operation, ``a`` for an alias of one, ``m`` for an alias of several,
* records: the operations as JSON, one per line; for an alias of several, the keys of the operations.

It is mapped into memory; a command is found by searching the names section for its bytes. Reading it executes no code,
and files that are truncated or of another version are rejected.
"""

from __future__ import annotations

import json
import keyword
import mmap
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.errors import UsageError
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._operation import CLIENT_NAMES, Operation
from hca_base.openapi._document._text import one_line

if TYPE_CHECKING:
    from hca_base.openapi._document._document import Document

#: Increase this when the contents of an index change, so that older ones are rebuilt.
FORMAT = b"hca-openapi-index-6"


class NotAnIndex(ValueError):
    """Raised for bytes that are not an index of this version."""


class Index:
    """The operations of a document.

    :ivar path: the file, or None for an index in memory
    """

    def __init__(self, data: bytes | mmap.mmap, path: Path | None = None) -> None:
        self._data = data
        self.path = path
        end = data.find(b"\n", 0, 200)
        fields = data[: max(end, 0)].split(b" ")
        if len(fields) != 5 or fields[0] != FORMAT or not all(field.isdigit() for field in fields[1:]):
            raise NotAnIndex("not an index of this version")
        head, about, names, records = (int(field) for field in fields[1:])
        self._head_at = end + 1
        self._about_at = self._head_at + head
        self._names_at = self._about_at + about
        self._records_at = self._names_at + names
        if self._records_at + records != len(data):
            raise NotAnIndex("cut off")
        self.head: dict[str, Any] = self._json(self._head_at, self._about_at)

    @classmethod
    def read(cls, path: Path) -> Index:
        """Open an index file.

        :raises NotAnIndex: it is damaged or of another version
        :raises OSError: it cannot be read
        """
        if os.name == "nt":
            # Windows cannot replace a mapped file.
            return cls(path.read_bytes(), path)
        with path.open("rb") as file:
            try:
                return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), path)
            except ValueError as e:
                raise NotAnIndex(str(e)) from None

    @classmethod
    def of(cls, document: Document, **head: Any) -> Index:
        """Compile a document in memory.

        :param head: further members of :attr:`head`
        """
        return cls(compile_index(document, **head))

    @property
    def data(self) -> bytes:
        return self._data[:]

    def _json(self, start: int, end: int) -> Any:
        try:
            return json.loads(self._data[start:end])
        except (ValueError, RecursionError):
            raise NotAnIndex("damaged") from None

    # The document and its service

    @property
    def url(self) -> str | None:
        """The document's URL or path."""
        return self.head.get("url")

    @property
    def base_url(self) -> str | None:
        return self.head.get("base_url")

    def base_url_at(self, server: str | None, variables: Mapping[str, Any] | None = None) -> str | None:
        """Return the service's URL for one of the document's servers.

        :param server: its number, name, description or URL; default: the first
        :param variables: values of the variables in its URL
        :raises UsageError: there is no such server
        """
        from hca_base.openapi._document._location import base_url_of

        if server is None and not self.servers:
            return self.base_url
        return base_url_of({"servers": self.servers}, self.url, server, variables)

    def server(self, wanted: str | None = None) -> dict[str, Any]:
        """Return a server by its number, name, description or URL; empty for a URL that is not in the document.

        :param wanted: default: the first
        :raises UsageError: there is no such server
        """
        from hca_base.openapi._document._location import server_of

        if wanted is None:
            return self.servers[0] if self.servers else {}
        return dict(server_of({"servers": self.servers}, wanted) or {})

    @property
    def servers(self) -> list[dict[str, Any]]:
        """The document's servers, if there are several or they have variables."""
        servers: list[dict[str, Any]] = self._about.get("servers", [])
        return servers

    @property
    def has_servers(self) -> bool:
        """True if there is a choice of servers; does not read the section for listings."""
        return bool(self.head.get("servers"))

    @property
    def title(self) -> str:
        return str(self.head.get("title", ""))

    @property
    def version(self) -> str:
        return str(self.head.get("version", ""))

    @property
    def secured(self) -> bool:
        """True if the document specifies which operations require credentials."""
        return bool(self.head.get("secured"))

    @cached_property
    def _about(self) -> dict[str, Any]:
        about: dict[str, Any] = self._json(self._about_at, self._names_at)
        return about

    @property
    def description(self) -> str:
        return str(self._about.get("description", ""))

    @property
    def security_schemes(self) -> dict[str, dict[str, Any]]:
        schemes: dict[str, dict[str, Any]] = self._about.get("security_schemes", {})
        return schemes

    @property
    def problems(self) -> tuple[Any, ...]:
        """The document's :class:`~hca_base.openapi.Problem` entries."""
        from hca_base.openapi._document._document import Problem

        return tuple(Problem(**each) for each in self._about.get("problems", ()))

    # Operations

    def _lines(self) -> Iterator[list[str]]:
        for line in self._data[self._names_at : self._records_at].decode().split("\n"):
            if line:
                yield line.split("\t", 6)

    def __len__(self) -> int:
        return int(self.head.get("operations", 0))

    @property
    def naming(self) -> str:
        """The naming of the operations: ``operation`` or ``path``."""
        return str(self.head.get("naming", "operation"))

    def listing(self) -> list[tuple[str, str, str]]:
        """Return (command, tag, one-line summary) of each operation, in the document's order."""
        return [(line[4], line[5], line[6]) for line in self._lines() if line[3] == "o"]

    def summaries(self, *, aliases: bool = False) -> list[tuple[str, str]]:
        """Return commands with their one-line summaries, in the document's order.

        :param aliases: include names that are not listed
        """
        return [(line[4], line[6]) for line in self._lines() if aliases or line[3] == "o"]

    def names(self) -> list[str]:
        """Return the names of all operations."""
        return [line[0].replace("-", "_") for line in self._lines() if line[3] == "o"]

    def method_names(self) -> list[str]:
        """Return the client's attribute names for the operations."""
        return [name + "_" if name in CLIENT_NAMES or keyword.iskeyword(name) else name for name in self.names()]

    def lookup(self, name: str) -> Operation | Alias | None:
        """Return the operation or operations with a command or Python name, or None."""
        key = name.rstrip("_").replace("_", "-").replace(" ", "-")
        if not key or "\t" in key or "\n" in key:
            return None
        at = self._data.find(b"\n" + key.encode("utf-8", "replace") + b"\t", self._names_at - 1, self._records_at)
        if at < 0:
            return None
        line = self._data[at + 1 : self._data.find(b"\n", at + 1)].split(b"\t", 4)
        start = self._records_at + int(line[1])
        record = self._json(start, start + int(line[2]))
        if line[3] == b"m":
            found = [self.find(each) for each in record]
            return Alias(key.replace("-", "_"), tuple(each for each in found if each is not None))
        return Operation.from_record(record)

    def find(self, name: str) -> Operation | None:
        """Return the operation with a command or Python name; None if there is none, or the name is ambiguous."""
        found = self.lookup(name)
        return found if isinstance(found, Operation) else None

    def resolve(self, name: str) -> Operation | Alias:
        """Return the operation or operations with a command or Python name.

        :raises UsageError: there are none
        """
        found = self.lookup(name)
        if found is None:
            from hca_base.openapi._document._text import suggestion

            names = self.names()
            dashed = "_" not in name
            known = [each.replace("_", "-") for each in names] if dashed else names
            close = suggestion(name if dashed else name.replace("-", "_"), iter(known))
            raise UsageError(f"no operation {name!r}{close}")
        return found

    def operation(self, name: str) -> Operation:
        """Return the operation with a command or Python name.

        :raises UsageError: there is none, or the name is ambiguous
        """
        found = self.resolve(name)
        return found.choose(()) if isinstance(found, Alias) else found

    def operations(self) -> Iterator[Operation]:
        """Yield all operations, each read when needed."""
        for line in self._lines():
            if line[3] == "o":
                start = self._records_at + int(line[1])
                yield Operation.from_record(self._json(start, start + int(line[2])))


def compile_index(document: Document, **head: Any) -> bytes:
    """Return the bytes of a document's index.

    :param head: further members of the head
    """
    import dataclasses
    import hashlib

    from hca_base.openapi._document._location import servers_of

    names, records = [b"\n"], []
    offset = 0
    places: dict[str, tuple[int, int]] = {}

    def add(name: str, place: tuple[int, int], kind: str, command: str, tag: str, summary: str) -> None:
        line = f"{name.replace('_', '-')}\t{place[0]}\t{place[1]}\t{kind}\t{command}\t{tag}\t{summary}\n"
        names.append(line.encode("utf-8", "replace"))

    def record(value: Any) -> tuple[int, int]:
        nonlocal offset
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        records.append(data + b"\n")
        place = offset, len(data)
        offset += len(data) + 1
        return place

    operations = document.operations
    for operation in operations:
        place = places[operation.name] = record(operation.to_record())
        tag = one_line(operation.tags[0]) if operation.tags else ""
        add(operation.name, place, "o", operation.command, tag, _one_line(operation))
    for alias in document.aliases:
        summary = f"alias of {', '.join(each.command for each in alias.operations)}"
        if len(alias.operations) == 1:
            add(alias.name, places[alias.operations[0].name], "a", alias.command, "", summary)
        else:
            add(alias.name, record([each.name for each in alias.operations]), "m", alias.command, "", summary)
    servers = servers_of(document.root)
    if len(servers) < 2 and not any(each["variables"] for each in servers):
        servers = []
    full_head = {
        "url": document.url,
        "base_url": document.base_url,
        "title": one_line(document.title),
        "version": one_line(document.version),
        "operations": len(operations),
        "servers": len(servers),
        "naming": document.naming,
        "secured": bool(document.security_schemes),
        "sha256": hashlib.sha256(document.content).hexdigest() if document.content is not None else None,
        **head,
    }
    about = {
        "description": document.description,
        "security_schemes": document.security_schemes,
        "servers": servers,
        "problems": [dataclasses.asdict(problem) for problem in document.problems],
    }
    sections = [
        json.dumps(full_head, default=str).encode(),
        json.dumps(about, default=str).encode(),
        b"".join(names),
        b"".join(records),
    ]
    first = b" ".join([FORMAT, *(str(len(section)).encode() for section in sections)])
    return b"\n".join([first, b"".join(sections)])


def _one_line(operation: Operation) -> str:
    """Return an operation's summary for a list: its own, or the first sentence of its description."""
    text = one_line(operation.summary)
    if not text:
        first = one_line(operation.description[:1000])
        stop = first.find(". ")
        text = first if stop < 0 else first[: stop + 1]
    if not text:
        text = f"{operation.method} {one_line(operation.path)}"
    return text if len(text) <= 200 else text[:199] + "…"
