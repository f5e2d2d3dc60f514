"""One large file over several connections: receivers take blocks in order, one thread hashes what has no gaps."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hca_base.errors import HCAError
from hca_base.transfer._checksums import Hashes
from hca_base.transfer._download._receiver import BUFFER, Receiver, as_retry, ended_early
from hca_base.transfer._network._limits import CancelledError
from hca_base.transfer._network._retries import RetryError
from hca_base.transfer._store._disk import DiskError, read_into, write_all

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response

MIB = 1024 * 1024
_BLOCK = 16 * MIB
#: Seconds between two looks at whether another receiver would help.
_LOOK_EVERY = 0.5


class _Block:
    """A stretch of the file: bytes up to ``done`` are written."""

    __slots__ = ("done", "end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.done = start
        self.end = end


class Ranges:
    """Receives the rest of a file over several connections, from where the hashes stand."""

    def __init__(self, receiver: Receiver, hashes: Hashes) -> None:
        self.receiver = receiver
        self.context = receiver.context
        self.item = receiver.item
        self.partial = receiver.partial
        self.hashes = hashes
        size = receiver.size
        self._blocks = [_Block(start, min(start + _BLOCK, size)) for start in range(hashes.size, size, _BLOCK)]
        self._condition = threading.Condition()
        self._next = 0
        self._error: BaseException | None = None
        self._stop = False
        self._threads: list[threading.Thread] = []
        #: Receivers that are receiving the whole file, because the server sends no ranges.
        self._streaming = 0

    def run(self) -> Hashes:
        """Receive all of it.

        :raises RetryError: a receiver failed; a retry may succeed
        :raises HCAError: a permanent failure; retrying will not help
        """
        self._start_receiver()
        try:
            self._hash_along()
        finally:
            with self._condition:
                self._stop = True
                self._condition.notify_all()
            for thread in self._threads:
                while thread.is_alive():
                    thread.join(0.1)
        if self._error is not None:
            raise self._error
        return self.hashes

    def _start_receiver(self) -> None:
        thread = threading.Thread(target=self._work, name="hca-range", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _hash_along(self) -> None:
        hashes, partial = self.hashes, self.partial
        buffer = memoryview(bytearray(MIB))
        looked, waited, seen, best = time.monotonic(), 0.0, hashes.size, 0.0
        may_grow = True
        for block in self._blocks:
            while hashes.size < block.end:
                before = time.monotonic()
                with self._condition:
                    # Small steps cost more than they bring, unless nothing else is left to do.
                    goal = min(block.end, hashes.size + len(buffer))
                    while block.done < goal and self._error is None and not self.context.cancel.is_set():
                        self._condition.wait(0.25)
                        if block.done > hashes.size and time.monotonic() - before > 0.2:
                            break
                    available = block.done
                now = time.monotonic()
                waited += now - before
                if available <= hashes.size:
                    self.context.cancel.check()
                    if self._error is not None:
                        return
                while hashes.size < available:
                    step = min(len(buffer), available - hashes.size)
                    count = read_into(partial.fd, buffer[:step], hashes.size)
                    if not count:
                        raise DiskError(f"{self.item.name}: the partial file lost bytes that were written to it")
                    hashes.update(buffer[:count])
                    partial.checkpoint(hashes)
                if now - looked >= _LOOK_EVERY:
                    rate = (hashes.size - seen) / (now - looked)
                    may_grow = (
                        may_grow and waited > (now - looked) / 3 and not self.receiver.one_stream and rate > best * 1.1
                    )
                    if may_grow and len(self._threads) < self.context.max_receivers:
                        best = rate
                        self._start_receiver()
                    looked, waited, seen = now, 0.0, hashes.size

    def _claim(self, after: _Block | None = None) -> _Block | None:
        """The next block that nobody has; with ``after``, only if it is the one that follows."""
        with self._condition:
            if self._stop or self._error is not None or self._next >= len(self._blocks):
                return None
            if after is None and self.receiver.one_stream and self._streaming:
                # Another receiver gets to all blocks that are left; a second stream would bring them twice.
                return None
            block = self._blocks[self._next]
            if after is not None and block.start != after.end:
                return None
            self._next += 1
            return block

    def _work(self) -> None:
        buffer = memoryview(bytearray(BUFFER))
        try:
            while (block := self._claim()) is not None:
                self._fill(block, buffer)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that hashes
            with self._condition:
                if self._error is None:
                    self._error = error
                self._condition.notify_all()

    def _fill(self, block: _Block, buffer: memoryview) -> None:
        """Receive one block, with its attempts, and those that an answer which went on beyond it has begun."""
        failures = 0
        begun = [block]
        while (block := begun[-1]).done < block.end:
            before = block.done
            try:
                # A server that once gave the whole file, or other bytes, is asked for everything in one go.
                end = None if self.receiver.one_stream else block.end
                response = self.receiver.open(block.done, end)
            except RetryError as retry:
                failures = self._pause(retry, failures, False)
                continue
            try:
                with self._condition:
                    received = self.hashes.size or any(other.done > other.start for other in self._blocks)
                    at = self.receiver.check_response(response, block.done, bool(received))
                with self._stream_counted(response.status == 200):
                    self.receiver.skip(response, block.done - at, buffer)
                    self._pump(response, begun, buffer)
                response.release()
            except (RetryError, HCAError) as error:
                response.close()
                again = as_retry(error)
                if not isinstance(again, RetryError):
                    raise again from error
                failures = self._pause(again, failures, block.done > before or begun[-1] is not block)
            except BaseException:
                response.close()
                raise

    @contextlib.contextmanager
    def _stream_counted(self, is_stream: bool) -> Iterator[None]:
        """Take note of a response that holds the whole file, as long as it is received."""
        if not is_stream:
            yield
            return
        with self._condition:
            self.receiver.one_stream = True
            self._streaming += 1
        try:
            yield
        finally:
            with self._condition:
                self._streaming -= 1

    def _pause(self, retry: RetryError, failures: int, progressed: bool) -> int:
        if self._stop or self._error is not None:
            raise CancelledError
        return self.receiver.pause(retry, failures, progressed)

    def _pump(self, response: Response, begun: list[_Block], buffer: memoryview) -> None:
        """Receive the last of the blocks in ``begun``; those that are taken on further are added there."""
        while True:
            current = begun[-1]
            while current.done < current.end:
                self.context.cancel.check()
                if self._stop:
                    raise CancelledError
                count = response.readinto(buffer[: min(len(buffer), current.end - current.done)])
                if not count:
                    raise ended_early(self.item)
                write_all(self.partial.fd, buffer[:count], current.done)
                with self._condition:
                    current.done += count
                    self._condition.notify()
                self.receiver.received(count)
            # A body that goes on beyond the block: take what follows, if nobody else does.
            following = self._claim(current) if response.status == 200 or self.receiver.one_stream else None
            if following is None:
                return
            begun.append(following)
