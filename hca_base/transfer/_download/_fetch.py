"""One file, from its source to its destination, in one thread (large ones bring threads of their own)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hca_base.errors import HCAError, RefusedError, TransferError
from hca_base.transfer._checksums import Hashes, normal
from hca_base.transfer._download._large import LargeFetch, copy_local
from hca_base.transfer._download._locate import Context, Locator, Retry, backoff
from hca_base.transfer._model import SMALL_FILE, Item
from hca_base.transfer._network._limits import CancelledError, RateLimit
from hca_base.transfer._report import Row
from hca_base.transfer._store._destination import Destination
from hca_base.transfer._store._disk import DiskError, disk_error
from hca_base.transfer._store._partial import Partial
from hca_base.transfer._store._verify import Mismatch, check_digests, check_size, names_to_hash

if TYPE_CHECKING:
    from hca_base.transfer._network._connections import Reply


@dataclass(slots=True)
class Result:
    """What became of an item: a row, and the exception when it is not good."""

    row: Row
    error: HCAError | None = None


class Fetcher:
    """Fetches items; shared by the threads of a run.

    :param moved: called with the item and the number of bytes of each piece received
    :param resumed: called with the item and the number of bytes that an earlier run left
    :param crowded: True when other large files are fetched at the same time
    """

    def __init__(
        self,
        context: Context,
        destination: Destination,
        rate: RateLimit,
        moved: Callable[[Item, int], None],
        resumed: Callable[[Item, int], None],
        crowded: Callable[[], bool],
    ) -> None:
        self.context = context
        self.destination = destination
        self.rate = rate
        self.moved = moved
        self.resumed = resumed
        self.crowded = crowded
        self.shows_progress = True

    def run(self, item: Item, sha256: str | None, failures: int = 0, wrong: str | None = None) -> Result:
        """Fetch one item, with all its attempts.

        :param failures: attempts that failed before, elsewhere
        :param wrong: the digest of wrong bytes that one of those brought
        """
        started = time.monotonic()
        locator = Locator(self.context, item)
        locator.attempts = failures
        while True:
            try:
                path, digest, size, outcome = self._attempt(item, sha256, locator)
                seconds = time.monotonic() - started
                return Result(Row(item.name, outcome, size, seconds, locator.attempts, digest, "", path, item.key))
            except Retry as retry:
                error: HCAError = retry.error
                if not retry.free:
                    failures += 1
                if failures > self.context.options.retries:
                    if not locator.next_source():
                        return self._failed(item, "failed", error, started, locator)
                    failures = 0
                delay = retry.after if retry.after is not None else backoff(self.context.options, failures)
            except Mismatch as mismatch:
                # The same wrong bytes twice: they are what the source has, asking again will not change them.
                failures += 1
                if failures > self.context.options.retries or (mismatch.found == wrong and not locator.next_source()):
                    return self._rejected(item, mismatch, started, locator)
                mismatch.drop()
                wrong = mismatch.found
                delay = backoff(self.context.options, 1)
                locator.renew_all()
            except CancelledError:
                return self._failed(item, "cancelled", TransferError("the run was ended"), started, locator)
            except DiskError as failure:
                return self._failed(item, "failed", failure, started, locator)
            except RefusedError as failure:
                return self._failed(item, "refused", failure, started, locator)
            except HCAError as failure:
                if not locator.next_source():
                    return self._failed(item, "failed", failure, started, locator)
                failures, delay = 0, 0.0
            except OSError as failure:
                return self._failed(item, "failed", disk_error(failure, item.name), started, locator)
            try:
                self.context.cancel.sleep(delay)
            except CancelledError:
                return self._failed(item, "cancelled", TransferError("the run was ended"), started, locator)

    def _rejected(self, item: Item, mismatch: Mismatch, started: float, locator: Locator) -> Result:
        path = "" if mismatch.data is None else self.destination.quarantine(item, mismatch.data)
        return self._failed(item, "mismatch", mismatch.told_with(path), started, locator)

    def _failed(self, item: Item, outcome: str, error: HCAError, started: float, locator: Locator) -> Result:
        seconds = time.monotonic() - started
        row = Row(item.name, outcome, 0, seconds, locator.attempts, "", str(error), "", item.key)
        return Result(row, error)

    def _attempt(self, item: Item, sha256: str | None, locator: Locator) -> tuple[str, str, int, str]:
        if item.size == 0:
            return (*self._put(item, sha256, b""), 0, "downloaded")
        local = locator.local_path
        if local is not None:
            return copy_local(self, item, sha256, local)
        if item.size is not None and item.size > SMALL_FILE:
            return LargeFetch(self, item, sha256, locator).run(None)
        reply = locator.open()
        try:
            encoded = reply.header("Content-Encoding").lower() not in ("", "identity")
            if encoded and reply.length != item.size:
                return LargeFetch(self, item, sha256, locator).run(reply)
            if item.size is None and (reply.length is None or reply.length > SMALL_FILE):
                return LargeFetch(self, item, sha256, locator).run(reply)
            return self._small(item, sha256, reply)
        except HCAError as error:
            reply.close()
            if isinstance(error, (Mismatch, DiskError, RefusedError)):
                raise
            raise Retry(error) from error
        except BaseException:
            reply.close()
            raise

    def _small(self, item: Item, sha256: str | None, reply: Reply) -> tuple[str, str, int, str]:
        if item.size is not None and reply.length is not None and reply.length != item.size:
            reply.release()
            check_size(item, reply.length)
        data = reply.read(SMALL_FILE if item.size is None else item.size)
        reply.release()
        self.moved(item, len(data))
        self.rate.pace(len(data), self.context.cancel)
        return (*self._put(item, sha256, data), len(data), "downloaded")

    def _put(self, item: Item, sha256: str | None, data: bytes) -> tuple[str, str]:
        """Verify and store bytes; path and sha256."""
        hashes = Hashes(names_to_hash(item), len(data))
        hashes.update(data)
        digests = hashes.hexdigests()
        try:
            # A size is compared in any case: what is cut off, or compressed, is not the file.
            check_size(item, len(data))
            if self.context.options.verify:
                check_digests(item, digests)
        except Mismatch as mismatch:
            mismatch.data = data
            raise
        try:
            return self.destination.put_bytes(item, digests["sha256"], data), digests["sha256"]
        except OSError as error:
            raise disk_error(error, item.name) from error

    def finish(self, item: Item, partial: Partial, hashes: Hashes) -> tuple[str, str, int, str]:
        """Verify a received partial file, and give it its name."""
        digests = hashes.hexdigests()
        try:
            check_size(item, hashes.size)
            if self.context.options.verify:
                check_digests(item, digests)
        except Mismatch as mismatch:
            mismatch.data = partial
            raise
        try:
            path = self.destination.adopt(item, digests["sha256"], partial)
        except OSError as error:
            raise disk_error(error, item.name) from error
        return path, digests["sha256"], hashes.size, "downloaded"


def expected_sha256(item: Item) -> str | None:
    """The promised sha256 in lower case, when there is one."""
    value = item.checksums.get("sha256")
    # The common spelling first: this is asked for every file.
    known = value.strip().lower() if value else ""
    return known or normal(item.checksums).get("sha256")
