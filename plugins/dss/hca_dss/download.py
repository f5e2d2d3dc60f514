"""What all downloads have in common: where files come from and go to, and what cannot even be asked for."""

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
#: How many answers of the service are asked for while the files of earlier ones are fetched.
AHEAD = 8
#: After so many requests that reached no server, the rest are not tried.
GIVE_UP = 20
#: Seconds between attempts to reach a server at all.
PAUSES = (0.25, 0.5, 1.0, 2.0)
# Needs no quoting in a URL, as is so for nearly all UUIDs and versions.
_PLAIN = re.compile(r"[A-Za-z0-9._-]+")


class Download:
    """One download.

    :param download_dir: where bundles' directories are made; the filestore is in it unless the options say otherwise
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
        # The original service gives files to everybody; others may not.
        secured = operation.auth != "none"
        self._headers: Any = client.credentials.headers_for if secured else {}
        self._on_unauthorized = client.credentials.on_unauthorized if secured else None

    def source(self, uuid: str, version: str) -> Source:
        """Where the content of a file is to be had.

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
        # The service answers with a redirect to the bytes, after it may have made us wait; ranges are for those.
        return Source(url, self._headers, "service", on_unauthorized=self._on_unauthorized)

    def item(self, name: str, file: BundleFile) -> Item:
        """A file of a bundle, to be called ``name`` below the destination."""
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
        """Note something that cannot be downloaded, and go on; with ``fail_fast``, do not go on.

        :param name: for the report
        :raises HCAError: ``error``, when there is no sense in going on
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
        """Fetch the items; what :meth:`fail` noted is part of the report.

        :param expected: number of files and of bytes, where known
        """
        report = download(items, destination, options=self.options, session=self.client.session, expected=expected)
        for name, error in self._failures:
            report.add(Row.failure(name, "failed", error), error)
        if self._failures and self.options.report:
            report.write(self.options.report)
        return report

    def check_reachable(self) -> None:
        """See that there is a server, before each of perhaps a million files finds out by itself that there is none.

        :raises UnreachableError: there is none, and none comes up within seconds
        """
        origin = origin_of(self._url)
        if proxy_for(origin, self.options.proxy or self.client.session.settings.proxy):
            # What can be reached through it, only the proxy knows.
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
        """See that a bundle's files can be made on any disk, before any of them is.

        :raises HostileNameError: naming the one that cannot, or two that some disks would take for one
        """
        try:
            check_names((file.name for file in files), self.options.names == "native")
        except HostileNameError as error:
            raise HostileNameError(f"bundle {bundle.name} was not downloaded: {error}", hint=error.hint) from None

    def place_manifest(self, bundle: Bundle, destination: DirectoryDestination, name: str) -> None:
        """Keep a bundle's manifest like a file: in the filestore, and linked to ``name`` below the destination.

        :raises HCAError: the disk refuses, or another file is there
        """
        if self.options.dry_run or any(file.name.casefold() == BUNDLE_JSON for file in bundle.files):
            # A bundle that was made of a downloaded one has such a file itself.
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
    """Ask a service several things at once; answers, or errors, in the order of the questions.

    No more than ``workers`` answers wait to be used, however many questions there are.
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
            # Nobody wants the rest.
            for _, future in waiting:
                future.cancel()


def _settled(future: Future[Any]) -> Any:
    try:
        return future.result()
    except HCAError as error:
        return error


def stored_path(store: FileStore) -> Callable[[str], str]:
    """A fast way from a sha256 (checked, in lower case) to the path of its file in the filestore."""
    digest = "0" * 64
    base = os.fspath(store.path(digest))[: -len(f"00/0000/{digest}")]
    if os.sep == "/":
        return lambda sha256: f"{base}{sha256[:2]}/{sha256[2:6]}/{sha256}"
    return lambda sha256: os.path.join(base, sha256[:2], sha256[2:6], sha256)  # noqa: PTH118
