"""A document compiled so that one operation can be read without the rest.

An index is one file: a line with the format and the lengths of its sections, then

* head: a JSON object with what every call needs (where the service is, where the document is from, its hash),
* about: a JSON object with what only listings need (description, security schemes, problems),
* names: a line ``command TAB offset TAB length TAB kind TAB summary`` for each operation; kind is ``o``, or ``u`` for
  the unambiguous name of one of several paths,
* records: the operations as JSON, one a line.

It is mapped into memory; a command is found by searching the names section for its bytes. Text comes back as it was,
nothing is executed, and a file that is cut off or of another version is no index.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.errors import UsageError
from hca_base.openapi._document._operation import Operation
from hca_base.openapi._document._text import one_line

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.openapi._document._cache import ServiceLike
    from hca_base.openapi._document._document import Document

#: Changes whenever what is in an index changes, so that older ones are made anew.
FORMAT = b"hca-openapi-index-2"


class NotAnIndex(ValueError):
    """Some bytes are no index of this version."""


class Index:
    """The operations of a document.

    :ivar path: the file, or None for an index that is only in memory
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
    def open(cls, service: ServiceLike, config: Config | None = None) -> Index:
        """The index of a service's document, from what is on this machine: never from the network.

        :raises hca_base.errors.DocumentError: there is no document here yet, or it is unusable
        """
        from hca_base.openapi._document._cache import DocumentCache

        return DocumentCache(config).get(service)

    @classmethod
    def read(cls, path: Path) -> Index:
        """An index file.

        :raises NotAnIndex: it is damaged or of another version
        :raises OSError: it cannot be read
        """
        if os.name == "nt":
            # There a file that is mapped cannot be replaced.
            return cls(path.read_bytes(), path)
        with path.open("rb") as file:
            try:
                return cls(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), path)
            except ValueError as e:
                raise NotAnIndex(str(e)) from None

    @classmethod
    def of(cls, document: Document, **head: Any) -> Index:
        """Compile a document, in memory.

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

    # What the document says about its service

    @property
    def url(self) -> str | None:
        """Where the document is from."""
        return self.head.get("url")

    @property
    def base_url(self) -> str | None:
        return self.head.get("base_url")

    @property
    def title(self) -> str:
        return str(self.head.get("title", ""))

    @property
    def version(self) -> str:
        return str(self.head.get("version", ""))

    @property
    def secured(self) -> bool:
        """The document says which operations want credentials."""
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
                yield line.split("\t", 4)

    def __len__(self) -> int:
        return int(self.head.get("operations", 0))

    def summaries(self, *, unambiguous: bool = False) -> list[tuple[str, str]]:
        """Commands with their one-line summaries, in the document's order.

        :param unambiguous: also the names of single paths, where several share one name
        """
        return [(line[0], line[4]) for line in self._lines() if unambiguous or line[3] == "o"]

    def names(self) -> list[str]:
        """The Python names of all operations, unambiguous names included."""
        return [line[0].replace("-", "_") for line in self._lines()]

    def find(self, command: str) -> Operation | None:
        """The operation of a command or Python name; None if there is none."""
        key = command.replace("_", "-")
        if not key or "\t" in key or "\n" in key:
            return None
        at = self._data.find(b"\n" + key.encode("utf-8", "replace") + b"\t", self._names_at - 1, self._records_at)
        if at < 0:
            return None
        line = self._data[at + 1 : self._data.find(b"\n", at + 1)].split(b"\t", 4)
        start = self._records_at + int(line[1])
        return Operation.from_record(self._json(start, start + int(line[2])))

    def operation(self, command: str) -> Operation:
        """The operation of a command or Python name.

        :raises UsageError: there is none
        """
        found = self.find(command)
        if found is None:
            from hca_base.openapi._document._text import suggestion

            names = self.names()
            name = command.replace("-", "_")
            known = names if "_" in command else [each.replace("_", "-") for each in names]
            close = suggestion(name if "_" in command else command, iter(known))
            raise UsageError(f"no operation {command!r}{close}")
        return found

    def operations(self) -> Iterator[Operation]:
        """All operations; each is read as it is asked for."""
        for line in self._lines():
            if line[3] == "o":
                start = self._records_at + int(line[1])
                yield Operation.from_record(self._json(start, start + int(line[2])))


def compile_index(document: Document, **head: Any) -> bytes:
    """The bytes of a document's index.

    :param head: further members of the head
    """
    import dataclasses
    import hashlib

    names, records = [b"\n"], []
    offset = 0

    def add(operation: Operation, name: str, kind: str) -> None:
        nonlocal offset
        record = dataclasses.replace(operation, name=name).to_record()
        data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        command = name.replace("_", "-")
        line = f"{command}\t{offset}\t{len(data)}\t{kind}\t{_one_line(operation)}\n"
        names.append(line.encode("utf-8", "replace"))
        records.append(data + b"\n")
        offset += len(data) + 1

    operations = document.operations
    for operation in operations:
        add(operation, operation.name, "o")
    for operation in operations:
        for each in operation.alternatives:
            if each.unambiguous_name != operation.name:
                add(each, each.unambiguous_name, "u")
    full_head = {
        "url": document.url,
        "base_url": document.base_url,
        "title": one_line(document.title),
        "version": one_line(document.version),
        "operations": len(operations),
        "secured": bool(document.security_schemes),
        "sha256": hashlib.sha256(document.content).hexdigest() if document.content is not None else None,
        **head,
    }
    about = {
        "description": document.description,
        "security_schemes": document.security_schemes,
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
    """The summary of an operation for a list: its own, or the first sentence of its description."""
    text = one_line(operation.summary)
    if not text:
        first = one_line(operation.description[:1000])
        stop = first.find(". ")
        text = first if stop < 0 else first[: stop + 1]
    if not text:
        text = f"{operation.method} {one_line(operation.path)}"
    return text if len(text) <= 200 else text[:199] + "…"
