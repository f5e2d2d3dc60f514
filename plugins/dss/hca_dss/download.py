"""What all downloads share: sources, destinations, and files that cannot be requested."""

from __future__ import annotations

import os
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from hca_base.errors import HCAError, UnreachableError
from hca_base.http import origin_of, proxy_for
from hca_base.transfer import (
    DirectoryDestination,
    FileStore,
    HostileNameError,
    Item,
    Report,
    Row,
    Source,
    TransferOptions,
    check_names,
    download,
)
from hca_dss.bundles import BUNDLE_JSON, Bundle, BundleFile

if TYPE_CHECKING:
    from hca_dss.operations import DssOperations, Replica

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")
#: Number of service responses to request ahead while earlier files are downloaded.
AHEAD = 8
#: After so many requests that failed to connect, the rest is not tried.
GIVE_UP = 20
#: Seconds between attempts to connect to a server.
PAUSES = (0.25, 0.5, 1.0, 2.0)
# Needs no quoting in a URL; true of nearly all UUIDs and versions.
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


class Download:
    """One download.

    :param download_dir: parent of the bundles' directories; it contains the filestore unless the options name another
    """

    def __init__(
        self, client: DssOperations, replica: Replica, download_dir: Path | str, options: TransferOptions
    ) -> None:
        self.client = client
        self.replica = replica
        self.root = Path(download_dir or ".")
        self.options = options
        self.store = FileStore(options.filestore or self.root)
        self._failures: list[tuple[str, HCAError]] = []
        self._unreachable = 0
        self._url = f"{client.base_url}/files/"
        self._query = f"replica={quote(replica, safe='')}"
        operation = client.operation("get_file")
        # The original service needs no credentials for files; others may.
        secured = operation.auth != "none"
        self._headers: Any = client.credentials.headers_for if secured else {}
        self._on_unauthorized = client.credentials.on_unauthorized if secured else None

    def source(self, uuid: str, version: str) -> Source:
        """The source of a file's content.

        :param version: may be empty, for the latest
        """
        plain = _PLAIN.fullmatch
        if not plain(uuid):
            uuid = quote(uuid, safe="")
        if version:
            if not plain(version):
                version = quote(version, safe="")
            url = f"{self._url}{uuid}?{self._query}&version={version}"
        else:
            url = f"{self._url}{uuid}?{self._query}"
        # The service redirects to the bytes, possibly after 301 responses to wait; ranges apply only to the bytes.
        return Source(url, self._headers, "service", on_unauthorized=self._on_unauthorized)

    def item(self, name: str, file: BundleFile) -> Item:
        """A file of a bundle, saved as ``name`` below the destination."""
        return Item(name, file.size, {"sha256": file.sha256}, self.source(file.uuid, file.version))

    def destination(self, directory: Path | str | None = None) -> DirectoryDestination:
        """Names below ``directory`` (default: the download directory), linked to the filestore."""
        options = self.options
        return DirectoryDestination(
            self.root if directory is None else directory,
            self.store,
            link=options.link,
            fsync=options.fsync,
            names=options.names,
        )

    def fail(self, name: str, error: HCAError) -> None:
        """Record a failure and continue; with ``fail_fast``, stop.

        :param name: for the report
        :raises HCAError: ``error``, if the download cannot continue
        """
        self._unreachable += isinstance(error, UnreachableError)
        if self.options.fail_fast or self._unreachable >= GIVE_UP:
            raise error
        self._failures.append((name, error))

    def run(
        self,
        items: Iterable[Item],
        destination: DirectoryDestination | FileStore,
        expected: tuple[int, int] | None = None,
    ) -> Report:
        """Download the items; the failures from :meth:`fail` are part of the report.

        :param expected: number of files and of bytes, if known
        """
        report = download(items, destination, options=self.options, session=self.client.session, expected=expected)
        for name, error in self._failures:
            report.add(Row.failure(name, "failed", error), error)
        if self._failures and self.options.report:
            report.write(self.options.report)
        return report

    def check_reachable(self) -> None:
        """Check that the server is reachable, instead of failing once for each of perhaps a million files.

        :raises UnreachableError: it is not, and does not come up within seconds
        """
        origin = origin_of(self._url)
        if proxy_for(origin, self.options.proxy or self.client.session.settings.proxy):
            # Only the proxy knows what is reachable through it.
            return
        host, port = origin.host, origin.port
        for pause in (*PAUSES, None):
            try:
                socket.create_connection((host, port), timeout=self.options.connect_timeout).close()
                return
            except OSError as error:
                if pause is None or (isinstance(error, socket.gaierror) and pause > 1):
                    hints = getattr(self.client.service, "retired_hosts", {})
                    raise UnreachableError(
                        f"{host} cannot be reached: {error.strerror or error}", hint=hints.get(host)
                    ) from None
                time.sleep(pause)

    # Bundles

    def check_bundle(self, bundle: Bundle, files: Iterable[BundleFile]) -> None:
        """Check that the names of a bundle's files are valid on every file system, before creating any.

        :raises HostileNameError: one is not, or two are equal on some file systems
        """
        try:
            check_names((file.name for file in files), self.options.names == "native")
        except HostileNameError as error:
            raise HostileNameError(f"bundle {bundle.name} was not downloaded: {error}", hint=error.hint) from None

    def place_manifest(self, bundle: Bundle, destination: DirectoryDestination, name: str) -> None:
        """Store a bundle's manifest like a file: in the filestore, and linked to ``name`` below the destination.

        :raises HCAError: writing failed, or another file exists there
        """
        if self.options.dry_run or any(file.name.casefold() == BUNDLE_JSON for file in bundle.files):
            # A bundle created from a downloaded one contains such a file itself.
            return
        import hashlib

        digest, size = hashlib.sha256(), 0
        for part in bundle.json_parts():
            digest.update(part)
            size += len(part)
        sha256 = digest.hexdigest()
        item = Item(name, size, {"sha256": sha256})
        destination.begin()
        try:
            if destination.present(item, sha256) is None:
                self._store(item, sha256, bundle.json_parts(), destination)
        except OSError as error:
            raise HCAError(f"cannot write {destination.path(name)}: {error.strerror or error}") from None
        finally:
            destination.end()

    @staticmethod
    def _store(item: Item, sha256: str, parts: Iterable[bytes], destination: DirectoryDestination) -> None:
        partial = destination.partial(item, sha256, False)
        try:
            with os.fdopen(os.dup(partial.fd), "wb") as stream:
                stream.writelines(parts)
            destination.adopt(item, sha256, partial)
        except BaseException:
            partial.discard()
            raise


def ahead(
    ask: Callable[[_Asked], _Answer], questions: Iterable[_Asked], workers: int = AHEAD
) -> Iterator[tuple[_Asked, _Answer | HCAError]]:
    """Make several requests concurrently; yield responses, or errors, in the order of the requests.

    At most ``workers`` responses are buffered, however many requests there are.
    """
    waiting: deque[tuple[_Asked, Future[_Answer]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="hca-dss-ask") as pool:
        try:
            for question in questions:
                waiting.append((question, pool.submit(ask, question)))
                if len(waiting) >= workers:
                    asked, future = waiting.popleft()
                    yield asked, _settled(future)
            while waiting:
                asked, future = waiting.popleft()
                yield asked, _settled(future)
        finally:
            # The consumer stopped early.
            for _, future in waiting:
                future.cancel()


def _settled(future: Future[Any]) -> Any:
    try:
        return future.result()
    except HCAError as error:
        return error


def stored_path(store: FileStore) -> Callable[[str], str]:
    """A fast function from a sha256 (validated, in lower case) to the path of its file in the filestore."""
    digest = "0" * 64
    base = os.fspath(store.path(digest))[: -len(f"00/0000/{digest}")]
    if os.sep == "/":
        return lambda sha256: f"{base}{sha256[:2]}/{sha256[2:6]}/{sha256}"
    return lambda sha256: os.path.join(base, sha256[:2], sha256[2:6], sha256)  # noqa: PTH118
