"""Files too large for memory: ranges written into one preallocated partial, hashed as they arrive, resumable.

Two ways. When other large files are under way, or the file is not that large, one thread receives, writes and hashes:
the cores are busy anyway. Otherwise receivers take blocks of the file in order, and the thread that ordered them
hashes, from the page cache, what stands written without a gap; when it mostly waits, more receivers are started.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from hca_base.errors import HCAError, RefusedError, UnreachableError
from hca_base.transfer._checksums import Hashes
from hca_base.transfer._download._locate import Locator, Retry, backoff, range_of
from hca_base.transfer._download._ranges import Ranges
from hca_base.transfer._model import JOURNAL_FROM, Item
from hca_base.transfer._network._decoding import Unpacker
from hca_base.transfer._network._limits import GivenUpError
from hca_base.transfer._store._disk import DiskError, disk_error, free_bytes, write_all
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._verify import Mismatch, check_size, names_to_hash, promised

if TYPE_CHECKING:
    from hca_base.transfer._download._fetch import Fetcher
    from hca_base.transfer._network._connections import Reply

MIB = 1024 * 1024
_BUFFER = MIB // 2
#: From this size on one file may have several receivers.
_THREADS_FROM = 32 * MIB


class Changed(Exception):
    """The object behind the address is not the one that the partial file was begun with."""

    def __init__(self, etag: str | None) -> None:
        super().__init__("the object changed")
        self.etag = etag


class LargeFetch:
    """One attempt at one large file."""

    def __init__(self, fetcher: Fetcher, item: Item, sha256: str | None, locator: Locator) -> None:
        self.fetcher = fetcher
        self.context = fetcher.context
        self.item = item
        self.sha256 = sha256
        self.locator = locator
        self.size = item.size
        self.partial: Partial | None = None
        #: The server gave more, or other, than the range that was asked for.
        self.whole = False

    # -- the whole attempt ---------------------------------------------------------------------------------------

    def run(self, reply: Reply | None) -> tuple[str, str, int, str]:
        """Receive, verify, name; path, sha256, size and outcome.

        :param reply: an answer with the whole file that is open already
        :raises Retry: it failed, and may not fail again
        :raises HCAError: it will not do
        """
        try:
            if reply is None and self.size is None:
                reply = self.locator.open()
            if reply is not None and self.size is None and not _is_encoded(reply):
                self.size = reply.length
            partial = self._take_partial()
            if partial is None:
                if reply is not None:
                    reply.close()
                return self._made_elsewhere()
        except OSError as error:
            raise disk_error(error, self.item.name) from error
        self.partial = partial
        try:
            hashes = self._receive(partial, reply)
        except OSError as error:
            partial.leave()
            raise disk_error(error, self.item.name) from error
        except BaseException:
            partial.leave()
            raise
        try:
            return self.fetcher.finish(self.item, partial, hashes)
        except Mismatch:
            raise
        except BaseException:
            partial.discard()
            raise

    def _take_partial(self) -> Partial | None:
        """The partial file; None when another process finished the file while we waited for it."""
        journal = self.size is None or self.size >= JOURNAL_FROM
        told = False
        while True:
            try:
                partial = self.fetcher.destination.partial(self.item, self.sha256, journal and self.size is not None)
            except BlockingIOError:
                if self.sha256 and self.fetcher.destination.present(self.item, self.sha256):
                    return None
                if not told:
                    told = True
                    import logging

                    logging.getLogger("hca.transfer").info("%s is being fetched by another process", self.item.name)
                self.context.cancel.sleep(0.2)
                continue
            # Another process may have finished between our look and our lock.
            if self.sha256 and partial.resumable and self.fetcher.destination.present(self.item, self.sha256):
                partial.discard()
                return None
            return partial

    def _made_elsewhere(self) -> tuple[str, str, int, str]:
        found = self.fetcher.destination.present(self.item, self.sha256)
        if found is None:
            raise Retry(UnreachableError(f"{self.item.name} was being fetched by another process, which gave up"))
        return found[1], self.sha256 or "", self.size or 0, found[0]

    def _receive(self, partial: Partial, reply: Reply | None) -> Hashes:
        """All bytes, in the partial file and in the hashes."""
        for _ in range(5):
            hashes = Hashes(names_to_hash(self.item), self.size)
            try:
                if self.size is None or (reply is not None and (_is_encoded(reply) or reply.length != self.size)):
                    return self._stream(partial, reply, hashes)
                start = self._resume(partial, hashes)
                self._reserve(partial, start)
                if self.size < _THREADS_FROM or reply is not None or self.fetcher.crowded():
                    return self._alone(partial, hashes, reply)
                return Ranges(self, partial, hashes, self.size).run()
            except Changed as change:
                reply = None
                partial.restart(change.etag)
                self.locator.renew_all()
        raise Retry(UnreachableError(f"{self.item.name} changes while it is fetched"))

    def _resume(self, partial: Partial, hashes: Hashes) -> int:
        if not partial.resumable:
            return 0
        if not partial.etag and not (promised(self.item) and self.context.options.verify):
            # Nothing would tell whether the rest belongs to the same object.
            partial.restart()
        start = partial.resume(hashes)
        if start:
            self.fetcher.resumed(self.item, start)
        return start

    def _reserve(self, partial: Partial, start: int) -> None:
        """Make room for the whole file, or say that there is none.

        The partial gets its length at once; blocks are written where they belong. It is not filled (which would be
        slow on network disks): that there is room is looked up.
        """
        assert self.size is not None
        disk = self.fetcher.destination.disk
        if disk is not None:
            free = free_bytes(disk)
            held = os.fstat(partial.fd).st_blocks * 512 if hasattr(os.stat_result, "st_blocks") else start
            need = self.size - held
            if free is not None and need > 0 and need > free - self.context.options.disk_reserve:
                raise DiskError(
                    f"not enough room for {self.item.name}: {need:,} bytes are needed, {free:,} are free", fatal=True
                )
        os.ftruncate(partial.fd, self.size)

    # -- one thread ----------------------------------------------------------------------------------------------

    def _alone(self, partial: Partial, hashes: Hashes, reply: Reply | None) -> Hashes:
        """One thread does it all, in order; a broken connection is taken up where it broke."""
        assert self.size is not None
        buffer = memoryview(bytearray(min(_BUFFER, self.size)))
        failures = 0
        while hashes.size < self.size:
            before = hashes.size
            try:
                if reply is None:
                    reply = self.locator.open(hashes.size, if_range=self.guard(partial))
                at = self.check_answer(reply, partial, hashes.size)
                self.skip(reply, hashes.size - at, buffer)
                while hashes.size < self.size:
                    self.context.cancel.check()
                    count = reply.readinto(buffer[: self.size - hashes.size])
                    if not count:
                        raise UnreachableError(f"the answer for {self.item.name} ended early")
                    write_all(partial.fd, buffer[:count], hashes.size)
                    hashes.update(buffer[:count])
                    partial.checkpoint(hashes)
                    self.fetcher.moved(self.item, count)
                    self.fetcher.rate.pace(count, self.context.cancel)
                reply.release()
            except (Retry, HCAError) as error:
                if reply is not None:
                    reply.close()
                    reply = None
                again = self.as_retry(error)
                if not isinstance(again, Retry):
                    raise again from error
                failures = self.pause(again, failures, hashes.size > before)
            except BaseException:
                if reply is not None:
                    reply.close()
                raise
        return hashes

    @staticmethod
    def as_retry(error: Exception) -> Exception:
        """A broken connection is worth another attempt; other errors are what they are."""
        return Retry(error) if isinstance(error, UnreachableError) and not isinstance(error, GivenUpError) else error

    def guard(self, partial: Partial) -> str | None:
        """The ETag for ``If-Range``: a strong one of the object that the partial was begun with."""
        return partial.etag if partial.etag and not partial.etag.startswith("W/") else None

    def check_answer(self, reply: Reply, partial: Partial, wanted: int, begun: bool = False) -> int:
        """Where in the file the answer's body starts.

        :param begun: other bytes of the file are there already
        :raises Changed: it is another object than before
        :raises Retry: it is not what was asked for
        """
        assert self.size is not None
        etag = reply.header("ETag") or None
        if partial.etag and etag and etag != partial.etag and (wanted or begun):
            reply.close()
            raise Changed(etag)
        if etag != partial.etag and not (wanted or begun):
            partial.restart(etag)
        if reply.status == 206:
            told = range_of(reply)
            if told is None or told[0] != wanted or (told[2] is not None and told[2] != self.size):
                header = reply.header("Content-Range")
                reply.close()
                if told is not None and told[2] is not None and told[2] != self.size:
                    check_size(self.item, told[2])
                self.whole = True
                raise Retry(UnreachableError(f"{self.item.name}: asked for bytes from {wanted}, got {header!r}"))
            return wanted
        if _is_encoded(reply) and reply.length != self.size:
            reply.close()
            raise Retry(UnreachableError(f"{self.item.name}: the server compresses where it was asked not to"))
        if reply.length is not None and reply.length != self.size:
            reply.close()
            check_size(self.item, reply.length)
        return 0

    def skip(self, reply: Reply, count: int, buffer: memoryview) -> None:
        """Read and drop bytes that are there already (the server gave more than it was asked for)."""
        while count > 0:
            self.context.cancel.check()
            received = reply.readinto(buffer[: min(len(buffer), count)])
            if not received:
                raise UnreachableError(f"the answer for {self.item.name} ended early")
            count -= received

    def pause(self, retry: Retry, failures: int, progressed: bool) -> int:
        """Wait before the next attempt; how many have failed in a row.

        :raises HCAError: there are to be no more
        """
        if not retry.free:
            failures = 1 if progressed else failures + 1
        if failures > self.context.options.retries:
            raise retry.error
        self.context.cancel.sleep(retry.after if retry.after is not None else backoff(self.context.options, failures))
        return failures

    # -- a stream of unknown or other length -----------------------------------------------------------------------

    def _stream(self, partial: Partial, reply: Reply | None, hashes: Hashes) -> Hashes:
        """Receive a body whose length is not that of the file: chunked without a known size, or compressed."""
        partial.restart()
        os.ftruncate(partial.fd, 0)
        if reply is None:
            reply = self.locator.open()
        limit = self.size if self.size is not None else 1 << 62
        unpack = None
        if _is_encoded(reply):
            if reply.header("Content-Encoding").lower() not in ("gzip", "x-gzip", "deflate"):
                reply.close()
                raise Retry(UnreachableError(f"{self.item.name} comes in an encoding that was not asked for"))
            unpack = Unpacker()
        elif self.size is not None and reply.length is not None:
            reply.close()
            check_size(self.item, reply.length)
        buffer = memoryview(bytearray(_BUFFER))
        try:
            while count := reply.readinto(buffer):
                self.fetcher.moved(self.item, count)
                self.fetcher.rate.pace(count, self.context.cancel)
                self.context.cancel.check()
                for data in unpack.feed(buffer[:count]) if unpack else (buffer[:count],):
                    if hashes.size + len(data) > limit:
                        check_size(self.item, hashes.size + len(data))
                    write_all(partial.fd, data, hashes.size)
                    hashes.update(data)
            if unpack is not None and not unpack.complete:
                raise UnreachableError(f"the answer for {self.item.name} ended early")
            reply.release()
            return hashes
        except (HCAError, zlib.error) as error:
            reply.close()
            if isinstance(error, zlib.error):
                raise Retry(UnreachableError(f"{self.item.name} comes in a broken encoding")) from error
            raise self.as_retry(error) from error
        except BaseException:
            reply.close()
            raise


def _is_encoded(reply: Reply) -> bool:
    return reply.header("Content-Encoding").lower() not in ("", "identity")


def copy_local(fetcher: Fetcher, item: Item, sha256: str | None, path: str) -> tuple[str, str, int, str]:
    """Take the bytes from a local file, verified like any others."""
    try:
        stream = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed below; the error belongs to the source
    except OSError as error:
        raise RefusedError(f"cannot read {path}: {error.strerror or error}") from error
    with stream:
        try:
            partial = fetcher.destination.partial(item, sha256, False)
        except OSError as error:
            raise disk_error(error, item.name) from error
        hashes = Hashes(names_to_hash(item), item.size)
        buffer = memoryview(bytearray(MIB))
        try:
            while count := stream.readinto(buffer):
                fetcher.context.cancel.check()
                write_all(partial.fd, buffer[:count], hashes.size)
                hashes.update(buffer[:count])
                fetcher.moved(item, count)
        except OSError as error:
            partial.discard()
            raise disk_error(error, item.name) from error
        except BaseException:
            partial.discard()
            raise
        return fetcher.finish(item, partial, hashes)
