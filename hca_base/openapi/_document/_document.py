"""An OpenAPI document with its source, service URL and operations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from hca_base.errors import DocumentError, UsageError
from hca_base.openapi._document._alias import Alias
from hca_base.openapi._document._beyond import of_document, of_path_item
from hca_base.openapi._document._build import Builder
from hca_base.openapi._document._bundle import Read, no_files, read_document, reader_of_files
from hca_base.openapi._document._location import base_url_of, is_url
from hca_base.openapi._document._naming import Named, assign
from hca_base.openapi._document._operation import METHODS, NAMINGS, Operation
from hca_base.openapi._document._read import REPEATED, check
from hca_base.openapi._document._schema import Unusable
from hca_base.openapi._document._text import printable, suggestion

#: Maximum number of problems to keep; further ones are only counted.
_MAX_PROBLEMS = 1000


@dataclasses.dataclass(frozen=True)
class Problem:
    """A part of a document that cannot be used.

    :ivar where: the operation ("GET /bundles/{uuid}") or part
    :ivar reason: why it cannot be used
    :ivar lost: True if the whole operation is missing; False if only a part is missing
    """

    where: str
    reason: str
    lost: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class Document:
    """A Swagger 2.0 or OpenAPI 3 document.

    :ivar url: the document's URL, if known; completes relative server URLs and Swagger 2 documents without host or
        schemes
    :ivar content: the document's bytes, if it was read from bytes; several files are combined
    :ivar files: the URLs of its other files
    :ivar naming: how operations are named: by ``operation`` (their operationIds) or by ``path``, as hca 7 did
    """

    def __init__(
        self,
        root: Mapping[str, Any],
        *,
        url: str | None = None,
        origin: str = "document",
        naming: str = NAMINGS[0],
    ) -> None:
        self.root = check(root, origin)
        self.url = url
        self.content: bytes | None = None
        self.files: tuple[str, ...] = ()
        self.naming = check_naming(naming)

    @classmethod
    def load(
        cls,
        source: str | Path | bytes | Mapping[str, Any],
        *,
        base_url: str | None = None,
        naming: str = NAMINGS[0],
    ) -> Document:
        """Read a document.

        :param source: an http or https URL, a file's path, the document's bytes, or its parsed content
        :param base_url: the document's original URL, if it was read from elsewhere
        :param naming: how operations are named, ``operation`` or ``path``
        :raises DocumentError: it is not an OpenAPI document
        :raises HCAError: it cannot be read
        """
        if isinstance(source, Mapping):
            return cls(source, url=base_url, naming=naming)
        if isinstance(source, str) and is_url(source):
            from hca_base.openapi._document._fetch import fetch, reader_of_urls

            response = fetch(source)
            return cls.parsed(
                response.content,
                source,
                url=base_url or source,
                naming=naming,
                source=response.url,
                read=reader_of_urls(response.url),
            )
        if isinstance(source, bytes):
            return cls.parsed(source, base_url or "document", url=base_url, naming=naming)
        path = Path(source)
        try:
            content = path.read_bytes()
        except OSError as e:
            raise DocumentError(f"{source}: {e.strerror or e}") from None
        return cls.of_file(content, path, url=base_url, naming=naming)

    @classmethod
    def of_file(cls, content: bytes, path: Path, *, url: str | None = None, naming: str = NAMINGS[0]) -> Document:
        """Parse the bytes of a file, with the files that it refers to.

        :raises DocumentError: it is not an OpenAPI document
        """
        address = path.absolute().as_uri()
        return cls.parsed(content, str(path), url=url, naming=naming, source=address, read=reader_of_files(path))

    @classmethod
    def parsed(
        cls, content: bytes, origin: str, *, url: str | None, naming: str, source: str = "", read: Read = no_files
    ) -> Document:
        """Parse bytes, with the files that they refer to.

        :param origin: source of the bytes, for messages
        :param source: the base URL of its references
        :param read: reads the files that it refers to
        :raises DocumentError: it is not an OpenAPI document
        """
        root, content, files = read_document(content, origin, source, read)
        document = cls(root, url=url, origin=origin, naming=naming)
        document.content, document.files = content, tuple(files)
        return document

    @property
    def title(self) -> str:
        return self._info("title")

    @property
    def version(self) -> str:
        return self._info("version")

    @property
    def description(self) -> str:
        return self._info("description")

    def _info(self, key: str) -> str:
        info = self.root.get("info")
        value = info.get(key) if isinstance(info, dict) else None
        return value if isinstance(value, str) else ""

    @cached_property
    def base_url(self) -> str | None:
        """The service's URL without a trailing slash, by the rules of ``base_url_of``; None if unknown."""
        return base_url_of(self.root, self.url)

    @cached_property
    def security_schemes(self) -> dict[str, dict[str, Any]]:
        return Builder(self.root).security_schemes()

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations that can be called, in the document's order, with unique names."""
        return self._built[0].operations

    @property
    def aliases(self) -> tuple[Alias, ...]:
        """Additional names, each for one operation or several."""
        return self._built[0].aliases

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The unusable parts, with reasons."""
        return self._built[1]

    @cached_property
    def _by_name(self) -> dict[str, Operation | Alias]:
        names: dict[str, Operation | Alias] = {}
        for alias in self.aliases:
            names[alias.name] = alias.operations[0] if len(alias.operations) == 1 else alias
        names.update((operation.name, operation) for operation in self.operations)
        return names

    def operation(self, name: str) -> Operation:
        """Return an operation by its name, its command, or an alias that stands for it alone.

        :raises UsageError: there is none, or the name stands for several
        """
        found = self._by_name.get(name.rstrip("_").replace("-", "_").replace(" ", "_"))
        if found is None:
            raise UsageError(f"no operation {name!r}{suggestion(name.replace('-', '_'), self._by_name)}")
        return found.choose(()) if isinstance(found, Alias) else found

    @cached_property
    def _built(self) -> tuple[Named, tuple[Problem, ...]]:
        problems: list[Problem] = []
        usable = list(self._usable(problems))
        return assign(usable, self.naming), tuple(problems[:_MAX_PROBLEMS])

    def _usable(self, problems: list[Problem]) -> Iterator[Operation]:
        builder = Builder(self.root)
        problems += [Problem(part, printable(reason), lost=False) for part, reason in of_document(self.root)]
        paths = self._paths(builder, problems)
        for path, method in paths.get(REPEATED, ()):
            where = f"{printable(str(method)).upper()} {printable(str(path))}"
            problems.append(Problem(where, "defined twice in the document; the first definition is used"))
        for path, item in paths.items():
            if not isinstance(path, str) or not path.startswith("/"):
                # Members that start with x- are extensions.
                if not str(path).startswith("x-"):
                    problems.append(Problem(printable(str(path)), "a path must begin with '/'"))
                continue
            try:
                item = builder.resolver.resolve(item)
            except Unusable as e:
                problems.append(Problem(printable(path), printable(str(e))))
                continue
            for member, reason in of_path_item(item):
                operation_like = isinstance(item[member], dict) and "responses" in item[member]
                where = f"{printable(member).upper()} {printable(path)}" if operation_like else printable(path)
                problems.append(Problem(where, printable(reason), lost=operation_like))
            for method, raw in _methods(item):
                where = f"{printable(method).upper()} {printable(path)}"
                before, notes = len(builder.resolver.problems), len(builder.resolver.notes)
                try:
                    operation = builder.operation(method, path, item, raw)
                except Unusable as e:
                    problems.append(Problem(where, printable(str(e))))
                    continue
                except Exception as e:  # noqa: BLE001 - whatever a document does to us costs that operation only
                    problems.append(Problem(where, f"malformed ({type(e).__name__})"))
                    continue
                for reason in builder.resolver.problems[before:]:
                    problems.append(Problem(where, f"{printable(reason)}; any JSON is accepted there", lost=False))
                for reason in dict.fromkeys(builder.resolver.notes[notes:]):
                    problems.append(Problem(where, printable(reason), lost=False))
                yield operation

    def _paths(self, builder: Builder, problems: list[Problem]) -> Mapping[str, Any]:
        """The paths, which some documents have in a separate file."""
        try:
            return builder.resolver.resolve(self.root.get("paths", {}))
        except Unusable as e:
            problems.append(Problem("paths", printable(str(e))))
            return {}


def _methods(item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield (method, operation object) of a path item; OpenAPI 3.2 has a member for methods of any name."""
    for method in METHODS:
        if method in item:
            yield method, item[method]
    more = item.get("additionalOperations")
    for method, raw in more.items() if isinstance(more, dict) else ():
        yield str(method), raw


def check_naming(naming: str) -> str:
    """Return the naming rule after checking it.

    :raises UsageError: it is not valid
    """
    if naming not in NAMINGS:
        raise UsageError(f"{naming!r} is not a valid naming", hint=f"use {' or '.join(NAMINGS)}")
    return naming
