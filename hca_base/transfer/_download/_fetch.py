"""Fetch one file in one thread (large files start additional threads)."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hca_base.errors import HCAError, RefusedError
from hca_base.transfer._download._context import Context
from hca_base.transfer._download._large import LargeFetch
from hca_base.transfer._download._locate import SourceResolver
from hca_base.transfer._download._receiver import is_encoded
from hca_base.transfer._download._stream import copy_local
from hca_base.transfer._download._verified import store_bytes
from hca_base.transfer._model import SMALL_FILE, Item, Stored
from hca_base.transfer._network._limits import CancelledError
from hca_base.transfer._network._retries import RetryError, backoff
from hca_base.transfer._report import Result, Row, cancelled
from hca_base.transfer._store._disk import DiskError, disk_error
from hca_base.transfer._store._verify import MismatchError, check_size


@dataclass(slots=True)
class FetchTask:
    """An item for the threads.

    :param failures: attempts that failed before, elsewhere
    :param bad_digest: the digest of the wrong bytes that one of those attempts received
    """

    item: Item
    sha256: str | None
    failures: int = 0
    bad_digest: str | None = None


def fetch(context: Context, task: FetchTask) -> Result:
    """Fetch one item, with all its attempts."""
    return _Fetch(context, task).run()


class _Fetch:
    """The attempts at one item."""

    def __init__(self, context: Context, task: FetchTask) -> None:
        self.context = context
        self.item = task.item
        self.sha256 = task.sha256
        self.failures = task.failures
        self.bad_digest = task.bad_digest
        self.resolver = SourceResolver(context, task.item, task.failures)
        self.started = time.monotonic()

    def run(self) -> Result:
        while True:
            try:
                stored = self._attempt()
            except RetryError as retry:
                delay = self._after_retry(retry)
                if delay is None:
                    return self._failed("failed", retry.error)
            except MismatchError as mismatch:
                delay = self._after_mismatch(mismatch)
                if delay is None:
                    return self._rejected(mismatch)
            except CancelledError:
                return self._cancelled()
            except DiskError as error:
                return self._failed("failed", error)
            except RefusedError as error:
                return self._failed("refused", error)
            except HCAError as error:
                if not self.resolver.next_source():
                    return self._failed("failed", error)
                self.failures, delay = 0, 0.0
            except OSError as error:
                return self._failed("failed", disk_error(error, self.item.name))
            else:
                return self._done(stored)
            try:
                self.context.cancel.sleep(delay)
            except CancelledError:
                return self._cancelled()

    def _after_retry(self, retry: RetryError) -> float | None:
        """Count a failed attempt; return the seconds before the next one, or None if it was the last."""
        if not retry.free:
            self.failures += 1
        if self.failures > self.context.options.retries:
            if not self.resolver.next_source():
                return None
            self.failures = 0
        return retry.after if retry.after is not None else backoff(self.context.options, self.failures)

    def _after_mismatch(self, mismatch: MismatchError) -> float | None:
        """Like :meth:`_after_retry`, for wrong bytes."""
        self.failures += 1
        # The same wrong bytes twice: the source itself is wrong, so a retry cannot help.
        repeated = mismatch.found == self.bad_digest
        if self.failures > self.context.options.retries or (repeated and not self.resolver.next_source()):
            return None
        mismatch.drop()
        if mismatch.decoded:
            self.resolver.decode_bodies = not self.resolver.decode_bodies
        self.bad_digest = mismatch.found
        self.resolver.renew()
        return backoff(self.context.options, 1)

    def _attempt(self) -> Stored:
        item = self.item
        if item.size == 0:
            return store_bytes(self.context, item, b"")
        local = self.resolver.local_path
        if local is not None:
            return copy_local(self.context, item, self.sha256, local)
        large = LargeFetch(self.context, item, self.sha256, self.resolver)
        if item.size is not None and item.size > SMALL_FILE:
            return large.run(None)
        response = self.resolver.open()
        try:
            if is_encoded(response) and response.length != item.size:
                return large.run(response)
            if item.size is None and (response.length is None or response.length > SMALL_FILE):
                return large.run(response)
            if item.size is not None and response.length not in (None, item.size):
                response.release()
                check_size(item, response.length or 0)
            data = response.read(SMALL_FILE if item.size is None else item.size)
            response.release()
            self.context.moved(item, len(data))
            self.context.rate.pace(len(data), self.context.cancel)
            return store_bytes(self.context, item, data)
        except HCAError as error:
            response.close()
            if isinstance(error, (MismatchError, DiskError, RefusedError)):
                raise
            raise RetryError(error) from error
        except BaseException:
            response.close()
            raise

    def _done(self, stored: Stored) -> Result:
        item, seconds = self.item, time.monotonic() - self.started
        row = Row.success(
            item.name, stored.outcome, stored.size, stored.path,
            checksum=stored.sha256, key=item.key, seconds=seconds, attempts=self.resolver.attempts,
        )  # fmt: skip
        return Result(row)

    def _rejected(self, mismatch: MismatchError) -> Result:
        path = "" if mismatch.data is None else self.context.destination.quarantine(self.item, mismatch.data)
        if self.resolver.encoding:
            mismatch.message += (
                f"; the server sent the encoding {self.resolver.encoding!r}, although none was requested"
            )
        return self._failed("mismatch", mismatch.with_quarantine_path(path))

    def _cancelled(self) -> Result:
        result = cancelled(self.item.name, self.item.key, "the run ended")
        result.row = result.row._replace(seconds=time.monotonic() - self.started, attempts=self.resolver.attempts)
        return result

    def _failed(self, outcome: str, error: HCAError) -> Result:
        seconds = time.monotonic() - self.started
        item = self.item
        return Result.failed(item.name, outcome, error, key=item.key, seconds=seconds, attempts=self.resolver.attempts)
