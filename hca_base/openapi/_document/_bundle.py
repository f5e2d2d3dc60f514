"""Documents of several files, and schemas with a ``$id``: all references become references within one document.

The other files are read breadth first, each once, and added as members of the document, so that the index, cache and
client only handle one document. A reference that cannot be resolved keeps its text and gets a reason; only the part
that uses it is unusable.

Other files are only read from the document's origin: the same scheme, host and port as its URL, or the folder (or the
checkout) of its file. Their number, size and time are limited.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from hca_base.errors import DocumentError, HCAError
from hca_base.openapi._document._read import FILES, MAX_BYTES, UNREAD, parse, parse_part

#: Limits for the other files of one document: number and total bytes; DigitalOcean's document has about 2,500.
_MAX_FILES = 5000
_MAX_BYTES = 64 * 2**20
#: Seconds after which no further file is requested.
_MAX_SECONDS = 120.0
#: Concurrent requests for files from a server.
_AT_ONCE = 8
#: Maximum number of nodes in all files.
_MAX_NODES = 3_000_000

#: Patterns that occur in the text of documents with several files or named schemas. Each starts with a literal, which
#: is fifty times faster than a combined pattern.
_OUTSIDE = (
    re.compile(rb"""\$ref["']?\s*:\s*["']?[^#"'\s{]"""),
    re.compile(rb"""\$(?:id|self)["']?\s*:\s*["']?[^"'\s{]"""),
)
#: Members whose keys are names chosen by the author: ``properties: {example: …}`` is not an example.
_BY_NAME = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas", "responses", "headers"}
    | {"parameters"}
    | {"requestBodies", "securitySchemes", "securityDefinitions", "pathItems", "paths", "callbacks", "content"}
)
#: Members with data of the API instead of document structure.
_DATA = frozenset({"example", "examples", "default", "enum", "const"})
_SUFFIXES = ("", ".json", ".yaml", ".yml")

#: Reads the bytes at a URL; raises HCAError.
Read = Callable[[str], bytes]
#: A node's position as (parent, key); None for the root.
_Place = tuple[Any, str] | None


def read_document(content: bytes, origin: str, source: str, read: Read) -> tuple[dict[str, Any], bytes, list[str]]:
    """Parse a document with the files that it refers to.

    :param source: its http, https or file URL; "" if it has none, then no other file is read
    :return: the bundled document, its bytes, and the URLs of the other files
    :raises DocumentError: it is not an OpenAPI document
    """
    root = parse(content, origin)
    # Searching the text is enough to see that a document has a single file, as nearly all have.
    if FILES in root or not any(each.search(content) for each in _OUTSIDE):
        return root, content, []
    made = _Bundle(root, source, read)
    made.run()
    try:
        # Objects shared by YAML aliases are written out each time.
        if _size(root, {}) > MAX_BYTES:
            raise DocumentError(f"{origin}: its files expand to more than {MAX_BYTES // 2**20} MiB; not read")
        return root, json.dumps(root).encode(), made.files
    except RecursionError:
        raise DocumentError(f"{origin}: nested too deep") from None


def _size(node: Any, known: dict[int, int]) -> int:
    """Return the approximate number of characters of some data as JSON."""
    if isinstance(node, str):
        return len(node) + 4
    if not isinstance(node, (dict, list)):
        return 8
    found = known.get(id(node))
    if found is None:
        parts = [*node, *node.values()] if isinstance(node, dict) else node
        found = known[id(node)] = 4 + sum(_size(each, known) for each in parts)
    return found


class _Bundle:
    def __init__(self, root: dict[str, Any], source: str, read: Read) -> None:
        self.root = root
        self.source = source
        self.read = read
        #: URLs of the other files that were read, in order.
        self.files: list[str] = []
        self.unread: dict[str, str] = {}
        self._counting = threading.Lock()
        self._asked = 0
        self._bytes = 0
        self._nodes = 0
        self._end = time.monotonic() + _MAX_SECONDS
        self._ids = not str(root.get("openapi", "3.0")).startswith("3.0") and "openapi" in root
        #: URL without fragment, and (URL, anchor) -> position in the bundled document.
        self._resources: dict[str, str] = {source: ""}
        self._anchors: dict[tuple[str, str], str] = {}
        #: (object, its member with the reference, absolute reference), to be rewritten when all files are known.
        self._references: list[tuple[dict[str, Any], str, str]] = []
        self._waiting: list[str] = []

    def run(self) -> None:
        own = self.root.get("$self")
        if isinstance(own, str):
            self._resources.setdefault(urldefrag(urljoin(self.source, own))[0], "")
        self._scan(self.root, self.source, "")
        while self._waiting:
            self._add_files(dict.fromkeys(each for each in self._waiting if each not in self._resources))
        for holder, key, reference in self._references:
            holder[key] = self._rewritten(reference)
        # Set this even if there are none, to mark the document as bundled.
        self.root.setdefault(FILES, {})
        if self.unread:
            self.root[UNREAD] = self.unread

    def _add_files(self, addresses: Iterable[str]) -> None:
        """Read the pending files, and collect their references."""
        self._waiting = []
        wanted = [each for each in addresses if each not in self.unread and self._may_read(each)]
        contents: Iterable[bytes | HCAError]
        if self.source.startswith("http") and len(wanted) > 1:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(_AT_ONCE) as pool:
                contents = list(pool.map(self._content, wanted))
        else:
            contents = map(self._content, wanted)
        for address, content in zip(wanted, contents, strict=True):
            try:
                if isinstance(content, HCAError):
                    raise content
                data = parse_part(content, address)
            except HCAError as e:
                self.unread[address] = str(e)
                continue
            self.files.append(address)
            name = str(len(self.files))
            self.root.setdefault(FILES, {})[name] = data
            self._resources[address] = place = f"/{FILES}/{name}"
            self._scan(data, address, place)

    def _may_read(self, address: str) -> bool:
        if not self.source or urlsplit(address)[:2] != urlsplit(self.source)[:2]:
            self.unread[address] = "outside the document's origin; such references are not followed"
        elif PurePosixPath(urlsplit(address).path).suffix.lower() not in _SUFFIXES:
            self.unread[address] = "neither JSON nor YAML by its name; not read"
        return address not in self.unread

    def _content(self, address: str) -> bytes | HCAError:
        """Return the bytes of a file, or why they cannot be read."""
        try:
            with self._counting:
                self._asked += 1
                if self._asked > _MAX_FILES:
                    raise DocumentError(f"the document has more than {_MAX_FILES} other files; not read")
            if time.monotonic() > self._end:
                raise DocumentError(f"reading the other files took longer than {_MAX_SECONDS:.0f} seconds; not read")
            content = self.read(address)
            with self._counting:
                self._bytes += len(content)
                if self._bytes > _MAX_BYTES:
                    raise DocumentError(f"the other files are larger than {_MAX_BYTES // 2**20} MiB together; not read")
            return content
        except HCAError as e:
            return e

    def _scan(self, data: Any, address: str, place: str) -> None:
        """Collect the references and names within one file."""
        seen: set[int] = set()
        waiting: list[tuple[Any, str, _Place, bool]] = [(data, address, None, False)]
        while waiting and self._nodes < _MAX_NODES:
            node, base, way, by_name = waiting.pop()
            if not isinstance(node, (dict, list)) or id(node) in seen:
                continue
            seen.add(id(node))
            self._nodes += 1
            if isinstance(node, list):
                waiting.extend((each, base, (way, str(at)), False) for at, each in enumerate(node))
                continue
            if not by_name:
                base = self._named(node, base, way, place)
            self._note(node, base)
            for key, member in reversed(node.items()):
                if by_name or not (key in _DATA or key.startswith("x-")):
                    waiting.append((member, base, (way, key), not by_name and key in _BY_NAME))

    def _named(self, node: dict[str, Any], base: str, way: _Place, place: str) -> str:
        """Record the names of a schema (since OpenAPI 3.1); return the base URL of its references."""
        if self._ids:
            own = node.get("$id")
            if isinstance(own, str):
                base = urldefrag(urljoin(base, own))[0]
                self._resources.setdefault(base, place + _pointer(way))
            for key in ("$anchor", "$dynamicAnchor"):
                if isinstance(node.get(key), str):
                    self._anchors.setdefault((base, node[key]), place + _pointer(way))
        return base

    def _note(self, node: dict[str, Any], base: str) -> None:
        for key in ("$ref", "$dynamicRef") if self._ids else ("$ref",):
            reference = node.get(key)
            if not isinstance(reference, str):
                continue
            try:
                absolute = urljoin(base, reference) if base else reference
                address = urldefrag(absolute)[0]
            except ValueError:  # urlsplit fails on unbalanced brackets
                continue
            self._references.append((node, key, absolute))
            # A matching $id may occur later in the document, so decide whether it is a file at the end.
            self._waiting.append(address)

    def _rewritten(self, reference: str) -> str:
        address, fragment = urldefrag(reference)
        place = self._resources.get(address)
        if place is None:
            return reference
        if not fragment or fragment.startswith("/"):
            return f"#{place}{fragment}"
        found = self._anchors.get((address, unquote(fragment)))
        return f"#{found}" if found is not None else f"#{fragment}"


def _pointer(way: _Place) -> str:
    parts: list[str] = []
    while way is not None:
        way, key = way
        parts.append(key.replace("~", "~0").replace("/", "~1").replace("%", "%25"))
    return "".join(f"/{part}" for part in reversed(parts))


def reader_of_files(path: Path) -> Read:
    """Return a reader for the files that a document may refer to: in its folder, or in its checkout."""
    # Resolve symbolic links before comparing.
    whole = path.resolve()
    folder = next((each for each in whole.parents if (each / ".git").exists()), whole.parent)

    def read(address: str) -> bytes:
        from urllib.request import url2pathname

        other = Path(url2pathname(urlsplit(address).path)).resolve()
        if not other.is_relative_to(folder) or any(part.startswith(".") for part in other.relative_to(folder).parts):
            raise DocumentError(f"outside the folder {folder}; such references are not followed")
        try:
            # Reading a pipe or device could block.
            if not other.is_file():
                raise DocumentError("no such file")
            if other.stat().st_size > _MAX_BYTES:
                raise DocumentError(f"larger than {_MAX_BYTES // 2**20} MiB; not read")
            return other.read_bytes()
        except OSError as e:
            raise DocumentError(e.strerror or str(e)) from None

    return read


def no_files(address: str) -> bytes:
    """Refuse other files, for documents without a URL."""
    raise DocumentError("outside the document; such references are not followed")
