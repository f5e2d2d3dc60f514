"""DRS identifiers as files for fsspec: ``pandas.read_csv("drs://…")``, and any other library that uses it."""

from __future__ import annotations

import itertools
import time
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from hca_base.errors import HCAError, NotFoundError, ServiceError, UnreachableError
from hca_base.http import iter_body
from hca_base.transfer import Source
from hca_drs.download.sources import Sources, lapses
from hca_drs.objects.model import DrsObject

#: Statuses for an expired URL.
_EXPIRED = frozenset({400, 401, 403, 404, 410})
_ATTEMPTS = 6


class DRSFileSystem(AbstractFileSystem):
    """Objects of DRS servers, read-only.

    :param client: a :class:`hca_drs.client.DRSClient`; default: one with the user's settings
    :param profile: name of an hca profile, if no client is given
    """

    protocol = "drs"
    root_marker = "drs://"

    def __init__(self, client: Any = None, profile: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        if client is None:
            import hca_base

            client = hca_base.client("drs", profile=profile)
        self.client = client
        self._sources: Sources | None = None

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        # Keep the scheme: without it a compact identifier cannot be told from a host.
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        text = str(path)
        return text if "://" in text else f"drs://{text.lstrip('/')}"

    @classmethod
    def _parent(cls, path: str) -> str:
        head, slash, _ = cls._strip_protocol(path).rpartition("/")
        return str(head) if slash and not head.endswith("/") else "drs://"

    def unstrip_protocol(self, name: str) -> str:
        """The complete identifier."""
        return str(self._strip_protocol(name))

    @property
    def sources(self) -> Sources:
        """The source of signed URLs."""
        if self._sources is None:
            self._sources = Sources(self.client.servers, self.client.preferences())
        return self._sources

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """Name, size, type and checksums of an object.

        :raises FileNotFoundError: the object does not exist
        """
        return _info(self._strip_protocol(path), self._stat(path))

    def ls(self, path: str, detail: bool = True, **options: Any) -> list[Any]:
        """A blob, or the members of a bundle.

        :raises FileNotFoundError: the object does not exist
        """
        name = self._strip_protocol(path)
        found = self._stat(path)
        rows = [_info(name, found)]
        if found.is_bundle:
            members = (entry for entry in self.client.walk(name) if entry.depth == 1)
            rows = []
            # Exactly the number of members: one more would also request the members' members.
            for entry in itertools.islice(members, len(found.members)):
                if entry.error is not None:
                    raise entry.error
                rows.append({**_info(entry.uri, entry.object), "path": entry.path})
        return rows if detail else [row["name"] for row in rows]

    def _stat(self, path: str) -> DrsObject:
        name = self._strip_protocol(path)
        try:
            found: DrsObject = self.client.stat(name)
            return found
        except NotFoundError as error:
            raise FileNotFoundError(f"{name}: {error}") from None

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: Any = None,
        **options: Any,
    ) -> DRSFile:
        if mode != "rb":
            raise NotImplementedError("objects of DRS servers can only be read")
        found = self._stat(path)
        if found.is_bundle:
            raise IsADirectoryError(f"{path} is a bundle, which has members but no content")
        if found.size is None:
            raise OSError(f"{path}: its server does not report its size")
        return DRSFile(
            self,
            self._strip_protocol(path),
            found,
            block_size=block_size or "default",
            cache_options=cache_options,
            **options,
        )

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        """The bytes of an object, or a range of them."""
        with self._open(path, cache_type="none") as stream:
            size = stream.size
            first = 0 if start is None else max(0, start + size if start < 0 else start)
            last = size if end is None else min(size, end + size if end < 0 else end)
            return stream.fetch(first, last) if last > first else b""


def _info(name: str, found: DrsObject) -> dict[str, Any]:
    return {
        "name": name,
        "size": found.size,
        "type": "directory" if found.is_bundle else "file",
        "filename": found.name,
        "checksums": dict(found.digests.known),
        "created": found.raw.get("created_time"),
    }


class DRSFile(AbstractBufferedFile):
    """The bytes of an object; ranges are downloaded as they are read, and URLs renewed when they expire."""

    def __init__(self, fs: DRSFileSystem, path: str, found: DrsObject, **options: Any) -> None:
        self._found = found
        self._functions = fs.sources.of(found)
        self._source: Source | None = None
        self._etag: str | None = None
        super().__init__(fs, path, "rb", size=found.size, **options)

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self.fetch(start, end)

    def fetch(self, start: int, end: int) -> bytes:
        """All bytes from ``start`` up to ``end`` (exclusive): never fewer than requested.

        :raises HCAError: no access method returns them
        """
        end = min(end, self.size)
        if start >= end:
            return b""
        got = bytearray()
        failures = 0
        while len(got) < end - start:
            try:
                piece = self._piece(start + len(got), end)
            except HCAError as error:
                failures += 1
                if failures >= _ATTEMPTS:
                    if not self._next_way():
                        raise error from None
                    failures = 0
                time.sleep(0.05 * 2**failures)
                continue
            got += piece
            failures = 0
        return bytes(got)

    def _next_way(self) -> bool:
        """Switch to the next access method; False if there is none."""
        if len(self._functions) < 2:
            return False
        self._functions = self._functions[1:]
        self._source = self._etag = None
        return True

    def _piece(self, start: int, end: int) -> bytes:
        """Bytes from ``start``: as many as one response returns, at least one.

        :raises HCAError: there is no response, or an invalid one
        """
        if self._source is None or lapses(self._source.expires):
            self._source = self._functions[0]()
        source = self._source
        session = self.fs.client.session
        headers = {**source.headers_now(), "Range": f"bytes={start}-{end - 1}", "Accept-Encoding": "identity"}
        response = session.call("GET", source.url, headers=headers, auth="no", stream=True, raise_for_status=False)
        with response:
            if response.status_code in _EXPIRED:
                self._source = None
                raise ServiceError(
                    f"{self._found.place.host} returned a URL that responded with {response.status_code}",
                    status=response.status_code,
                )
            if response.status_code not in (200, 206):
                raise ServiceError(
                    f"the storage of {self._found.id} answered {response.status_code}", status=response.status_code
                )
            self._check_version(response)
            skip = start if response.status_code == 200 else 0
            if response.status_code == 206:
                self._check_range(response.headers.get("Content-Range", ""), start)
            return _taken(response, skip, end - start)

    def _check_version(self, response: Any) -> None:
        """Check that the object has not changed since it was opened."""
        etag = response.headers.get("ETag")
        if self._etag is not None and etag and etag != self._etag:
            raise ServiceError(f"{self._found.id} was replaced while it was being read", status=412)
        self._etag = self._etag or etag

    def _check_range(self, text: str, start: int) -> None:
        unit, _, rest = text.strip().partition(" ")
        first = rest.partition("-")[0]
        total = rest.rpartition("/")[2]
        if unit != "bytes" or first != str(start) or total not in ("*", str(self.size)):
            raise UnreachableError(f"the storage of {self._found.id} answered with another range: {text[:80]!a}")


def _taken(response: Any, skip: int, length: int) -> bytes:
    """Up to ``length`` bytes after the first ``skip``; bytes received before a connection broke are kept."""
    got = bytearray()
    try:
        # Use what was received, even if the connection breaks within a chunk.
        for chunk in iter_body(response, eager=True):
            if skip:
                chunk, skip = chunk[skip:], max(0, skip - len(chunk))
            got += chunk
            if len(got) >= length:
                break
    except HCAError:
        if not got:
            raise
    if not got:
        raise UnreachableError("the storage sent an empty response")
    return bytes(got[:length])
