"""Documents of several files, and schemas with a ``$id``: all references become references within one document.

The other files are read breadth first, each once, and kept as members of the document, so that everything after this
(index, cache, client) has to do with one document only. A reference that cannot be followed keeps its text and gets a
reason; what it costs is the part that uses it.

Other files are read only from where the document is from: the same scheme, host and port as its URL, or the folder (or
the checkout) of its file. Their number, size and time are bounded.
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

#: Other files of one document, and their bytes together; DigitalOcean's document has some 2,500.
_MAX_FILES = 5000
_MAX_BYTES = 64 * 2**20
#: Seconds after which no other file is asked for.
_MAX_SECONDS = 120.0
#: Files that are asked for at once where they come from a server.
_AT_ONCE = 8
#: Nodes of all files together.
_MAX_NODES = 3_000_000

#: What a document of several files or with names in it has in its text. Each begins with a fixed text: one pattern of
#: both would take fifty times as long.
_OUTSIDE = (
    re.compile(rb"""\$ref["']?\s*:\s*["']?[^#"'\s{]"""),
    re.compile(rb"""\$(?:id|self)["']?\s*:\s*["']?[^"'\s{]"""),
)
#: Members whose members are names that the author chose: ``properties: {example: …}`` is no example.
_BY_NAME = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas", "responses", "headers"}
    | {"parameters"}
    | {"requestBodies", "securitySchemes", "securityDefinitions", "pathItems", "paths", "callbacks", "content"}
)
#: Members that hold data of the API, not of the document.
_DATA = frozenset({"example", "examples", "default", "enum", "const"})
_SUFFIXES = ("", ".json", ".yaml", ".yml")

#: Reads the bytes at an address; raises HCAError.
Read = Callable[[str], bytes]
#: A node's place: the way up, as (parent, key); None for the root.
_Place = tuple[Any, str] | None


def read_document(content: bytes, origin: str, source: str, read: Read) -> tuple[dict[str, Any], bytes, list[str]]:
    """Parse a document with the files that it refers to.

    :param source: its http, https or file URL; "" if it has none, then no other file is read
    :return: the document as one, its bytes as one, and the addresses of the other files
    :raises DocumentError: it is not an OpenAPI document
    """
    root = parse(content, origin)
    # A look at the text is enough to see that a document is whole, as nearly all are.
    if FILES in root or not any(each.search(content) for each in _OUTSIDE):
        return root, content, []
    made = _Bundle(root, source, read)
    made.run()
    try:
        # What aliases of YAML share is written out each time.
        if _size(root, {}) > MAX_BYTES:
            raise DocumentError(f"{origin}: its files expand to more than {MAX_BYTES // 2**20} MiB; not read")
        return root, json.dumps(root).encode(), made.files
    except RecursionError:
        raise DocumentError(f"{origin}: nested too deep") from None


def _size(node: Any, known: dict[int, int]) -> int:
    """About how many characters some data takes as JSON."""
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
        #: Addresses of the other files that were read, in their order.
        self.files: list[str] = []
        self.unread: dict[str, str] = {}
        self._counting = threading.Lock()
        self._asked = 0
        self._bytes = 0
        self._nodes = 0
        self._end = time.monotonic() + _MAX_SECONDS
        self._ids = not str(root.get("openapi", "3.0")).startswith("3.0") and "openapi" in root
        #: Address without fragment, and (address, anchor) -> place in the bundled document.
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
        # Also where there are none: a document is bundled once.
        self.root.setdefault(FILES, {})
        if self.unread:
            self.root[UNREAD] = self.unread

    def _add_files(self, addresses: Iterable[str]) -> None:
        """Read the files that are waited for, and note what they refer to."""
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
        """The bytes of a file, or why they are not to be had."""
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
        """Note the references and the names within one file."""
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
        """Note the names of a schema (since OpenAPI 3.1); the base of the references in it."""
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
            except ValueError:  # what unbalanced brackets make of urlsplit
                continue
            self._references.append((node, key, absolute))
            # One of a schema's $id may come later in the document: whether it is a file is seen when all is known.
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
    """Reads the files that a document's file may refer to: those of its folder, or of the checkout that it is in."""
    # Symbolic links count as what they lead to.
    whole = path.resolve()
    folder = next((each for each in whole.parents if (each / ".git").exists()), whole.parent)

    def read(address: str) -> bytes:
        from urllib.request import url2pathname

        other = Path(url2pathname(urlsplit(address).path)).resolve()
        if not other.is_relative_to(folder) or any(part.startswith(".") for part in other.relative_to(folder).parts):
            raise DocumentError(f"outside the folder {folder}; such references are not followed")
        try:
            # A pipe or device would be waited for.
            if not other.is_file():
                raise DocumentError("no such file")
            if other.stat().st_size > _MAX_BYTES:
                raise DocumentError(f"larger than {_MAX_BYTES // 2**20} MiB; not read")
            return other.read_bytes()
        except OSError as e:
            raise DocumentError(e.strerror or str(e)) from None

    return read


def no_files(address: str) -> bytes:
    """Read no other file, for documents of which only the bytes are known."""
    raise DocumentError("outside the document; such references are not followed")
