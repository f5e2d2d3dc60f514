"""Files too large for memory: written into one preallocated partial file, hashed as they arrive, resumable.

There are two ways. If other large files are under way, or the file is below 32 MiB, one thread receives, writes and
hashes: the cores are busy anyway. Otherwise receivers take blocks of the file in order, and the thread that started
them hashes, from the page cache, what is written without a gap.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hca_base.errors import UnreachableError
from hca_base.transfer._checksums import Hashes
from hca_base.transfer._download._context import Context
from hca_base.transfer._download._locate import SourceResolver
from hca_base.transfer._download._ranges import OneStreamError, Ranges
from hca_base.transfer._download._receiver import EncodedError, ObjectChangedError, Receiver, is_encoded
from hca_base.transfer._download._stream import receive_in_order, receive_stream
from hca_base.transfer._download._verified import store_partial
from hca_base.transfer._model import JOURNAL_FROM, Item, Stored
from hca_base.transfer._network._retries import RetryError
from hca_base.transfer._store._disk import DiskError, disk_error, free_bytes, room_in_words
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._verify import MismatchError, names_to_hash, strongest_checksum

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response

#: From this size on one file may have several receivers.
_THREADS_FROM = 32 * 1024 * 1024
#: Give up an attempt after the object changed this many times during the download.
_MAX_CHANGES = 5


class LargeFetch:
    """One attempt at one large file."""

    def __init__(self, context: Context, item: Item, sha256: str | None, resolver: SourceResolver) -> None:
        self.context = context
        self.item = item
        self.sha256 = sha256
        self.resolver = resolver
        self.size = item.size
        #: The server compresses the body despite ``Accept-Encoding: identity``.
        self._is_encoded = False

    def run(self, response: Response | None) -> Stored:
        """Receive, verify and name the file.

        :param response: one with the whole file that is open already
        :raises RetryError: it failed; a retry may succeed
        :raises HCAError: a permanent failure; retrying will not help
        """
        try:
            if response is None and self.size is None:
                response = self.resolver.open()
            if response is not None and self.size is None and not is_encoded(response):
                self.size = response.length
            partial = self._take_partial()
            if partial is None:
                if response is not None:
                    response.close()
                return self._stored_by_another_process()
        except OSError as error:
            raise disk_error(error, self.item.name) from error
        try:
            hashes = self._receive(partial, response)
        except OSError as error:
            partial.leave()
            raise disk_error(error, self.item.name) from error
        except MismatchError as mismatch:
            mismatch.decoded = self._is_encoded
            # The server's size differs from the expected one, so this partial file can never be completed.
            partial.discard()
            raise
        except BaseException:
            partial.leave()
            raise
        try:
            return store_partial(self.context, self.item, partial, hashes)
        except MismatchError as mismatch:
            mismatch.decoded = self._is_encoded
            raise
        except BaseException:
            partial.discard()
            raise

    def _take_partial(self) -> Partial | None:
        """Return the partial file, locked; None if another process finished the file in the meantime."""
        destination = self.context.destination
        journal = self.size is not None and self.size >= JOURNAL_FROM
        logged = False
        while True:
            try:
                partial = destination.partial(self.item, self.sha256, journal)
            except BlockingIOError:
                if self.sha256 and destination.present(self.item, self.sha256):
                    return None
                if not logged:
                    logged = True
                    import logging

                    logging.getLogger("hca.transfer").info("%s is being downloaded by another process", self.item.name)
                self.context.cancel.sleep(0.2)
                continue
            # Another process may have finished the file between the check and the lock.
            if self.sha256 and partial.resumable and destination.present(self.item, self.sha256):
                partial.discard()
                return None
            return partial

    def _stored_by_another_process(self) -> Stored:
        found = self.context.destination.present(self.item, self.sha256)
        if found is None:
            raise RetryError(
                UnreachableError(f"{self.item.name} was being downloaded by another process, which gave up")
            )
        return Stored(found.path, self.sha256 or "", self.size or 0, found.outcome)

    def _receive(self, partial: Partial, response: Response | None) -> Hashes:
        """Receive all bytes, into the partial file and into the hashes."""
        changes: list[str | None] = []
        if response is not None and is_encoded(response):
            self._is_encoded = self.size is None or response.length != self.size
        while True:
            try:
                if self.size is None or self._is_encoded or (response is not None and response.length != self.size):
                    return receive_stream(self.context, self.item, self.resolver, partial, response, self.size)
                return self._receive_known(partial, response, self.size, len(changes) < 2 or not self._is_verified())
            except EncodedError:
                self._is_encoded, response = True, None
            except ObjectChangedError as change:
                response = None
                changes.append(change.etag)
                if len(changes) > _MAX_CHANGES:
                    raise RetryError(self._changes_error(changes)) from None
                partial.restart(change.etag)
                self.resolver.renew()

    def _receive_known(self, partial: Partial, response: Response | None, size: int, compares_etags: bool) -> Hashes:
        """Receive a file of known size.

        :param compares_etags: False after the ETag changed twice, if a checksum would detect mixed content
        """
        hashes = Hashes(names_to_hash(self.item), size)
        self._reserve(partial, self._resume(partial, hashes), size)
        receiver = Receiver(self.context, self.item, self.resolver, partial, size, compares_etags)
        if not compares_etags:
            partial.etag = None
        if size < _THREADS_FROM or response is not None or self.context.is_crowded():
            return receive_in_order(receiver, hashes, response)
        try:
            return Ranges(receiver, hashes).run()
        except OneStreamError as whole:
            return receive_in_order(receiver, hashes, whole.response)

    def _is_verified(self) -> bool:
        return strongest_checksum(self.item) is not None and self.context.options.verify

    def _changes_error(self, etags: list[str | None]) -> UnreachableError:
        names = ", ".join(sorted({str(etag) for etag in etags}))
        return UnreachableError(
            f"{self.item.name}: the server sends different ETags ({names}) for parts of one file, and there is no "
            "checksum to detect a mix of two versions"
        )

    def _resume(self, partial: Partial, hashes: Hashes) -> int:
        if not partial.resumable:
            return 0
        if not partial.etag and not self._is_verified():
            # Without an ETag or checksum, a resumed download could mix two objects.
            partial.restart()
        start = partial.resume(hashes)
        if start and not self.resolver.attempts:
            # No request was made in this run yet, so the bytes are from an earlier run.
            self.context.resumed(self.item, start)
        return start

    def _reserve(self, partial: Partial, start: int, size: int) -> None:
        """Give the partial file its length, or report that the disk has no room for it.

        Blocks are written where they belong. The file is not filled, which would be slow on network disks; the free
        space is looked up.
        """
        disk = self.context.destination.disk
        if disk is not None:
            free = free_bytes(disk)
            held = os.fstat(partial.fd).st_blocks * 512 if hasattr(os.stat_result, "st_blocks") else start
            need = size - held
            if free is not None and need > 0 and need > free - self.context.options.disk_reserve:
                words = room_in_words(need, free, self.context.options.disk_reserve)
                raise DiskError(f"not enough space for {self.item.name}: {words}", fatal=True)
        os.ftruncate(partial.fd, size)
