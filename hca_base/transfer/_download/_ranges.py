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
from hca_base.transfer._workers import LOOK_EVERY, Growth

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response

MIB = 1024 * 1024
_BLOCK = 16 * MIB
#: A block lasts one receiver this many round trips, within these limits in seconds: bytes beyond a gap are lost when a
#: run is stopped, and each block costs a round trip.
_ROUND_TRIPS_A_BLOCK = 30
_MIN_SECONDS, _MAX_SECONDS = 0.15, 2.5
#: Split a remaining block only if each half has at least this many bytes; for fewer, a request costs more.
_MIN_BLOCK = MIB
#: A server with at least this response time (seconds) is far away: round trips cost more than a long block may lose.
_FAR = 0.02
#: Initial number of receivers, and the maximum length of the first blocks, if the server is far away.
_RECEIVERS_IF_FAR = 4
_FIRST_BLOCK_IF_FAR = 4 * MIB
#: Seconds needed to measure the rate of a connection.
_RATE_SHOWS = 0.1


class _Block:
    """A range of the file; bytes up to ``done`` are written."""

    __slots__ = ("done", "end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.done = start
        self.end = end


class OneStreamError(Exception):
    """Raised when several receivers are running and the server only sends the whole file.

    :ivar response: its response, unread
    """

    def __init__(self, response: Response) -> None:
        super().__init__("the server does not support range requests")
        self.response = response


class Ranges:
    """Receives the rest of a file over several connections, starting after the hashed bytes."""

    def __init__(self, receiver: Receiver, hashes: Hashes) -> None:
        self.receiver = receiver
        self.context = receiver.context
        self.item = receiver.item
        self.partial = receiver.partial
        self.hashes = hashes
        size = receiver.size
        #: The assigned blocks, in file order; the unassigned rest begins at ``_free``.
        self._blocks: list[_Block] = []
        self._free = hashes.size
        self._size = size
        #: Bytes per receiver with the maximum number of receivers.
        self._share = (size - hashes.size) // self.context.max_receivers
        self._condition = threading.Condition()
        #: Bytes written by all receivers.
        self._received = 0
        #: Shortest response time (seconds), and the time of the first response; 0 before that.
        self._latency = self._first_response = 0.0
        #: Bytes per second of the receiver that finished a block most recently; 0 before that.
        self._rate = 0.0
        self._error: BaseException | None = None
        self._stop = False
        self._threads: list[threading.Thread] = []
        #: Receivers that are receiving the whole file, because the server does not support range requests.
        self._streaming = 0

    def run(self) -> Hashes:
        """Receive the rest of the file.

        :raises RetryError: a receiver failed; a retry may succeed
        :raises HCAError: a permanent failure; retrying will not help
        :raises OneStreamError: the rest after the hashed bytes requires a single connection
        """
        # Start the others after the first response: until then they would only wait for the same address.
        self._start_receiver()
        try:
            self._hash_along(Growth(self.context.max_receivers))
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

    def _on_response(self, seconds: float, is_range: bool) -> None:
        """Record a response; after the first one, start more receivers if they would help."""
        with self._condition:
            is_first = not self._first_response
            self._latency = min(self._latency, seconds) if self._latency else seconds
            self._first_response = self._first_response or time.monotonic()
        if is_first and is_range:
            most = self.context.max_receivers
            if self.context.options.connections is None:
                most = min(most, _RECEIVERS_IF_FAR) if seconds >= _FAR else 1
            for _ in range(most - 1):
                self._start_receiver()

    def _first_length(self) -> int:
        """Return the length of a receiver's first block."""
        with self._condition:
            if not self._first_response:
                return _MIN_BLOCK
            first, elapsed = self._blocks[0], time.monotonic() - self._first_response
            rate = self._rate or ((first.done - first.start) / elapsed if elapsed > _RATE_SHOWS else 0.0)
            if rate:
                return self._length(rate, self._share)
            return max(_MIN_BLOCK, min(_FIRST_BLOCK_IF_FAR, self._share)) if self._latency >= _FAR else _MIN_BLOCK

    def _length(self, rate: float, share: int) -> int:
        """Return the length of a receiver's blocks.

        :param rate: bytes per second that it receives
        :param share: bytes that are left for each receiver
        """
        seconds = min(_MAX_SECONDS, max(_MIN_SECONDS, self._latency * _ROUND_TRIPS_A_BLOCK))
        return int(max(_MIN_BLOCK, min(_BLOCK, share, rate * seconds)))

    def _hash_along(self, growth: Growth) -> None:
        hashes, partial = self.hashes, self.partial
        buffer = memoryview(bytearray(MIB))
        number = 0
        while hashes.size < self._size:
            block = self._taken(number)
            if block is None:
                return
            number += 1
            while hashes.size < block.end:
                before = time.monotonic()
                with self._condition:
                    # Small steps are not worth their cost, unless no other work is left.
                    goal = min(block.end, hashes.size + len(buffer))
                    while block.done < goal and self._error is None and not self.context.cancel.is_set():
                        self._condition.wait(0.25)
                        if block.done > hashes.size and time.monotonic() - before > 0.2:
                            break
                    available = block.done
                now = time.monotonic()
                growth.waited += now - before
                if available <= hashes.size:
                    self.context.cancel.check()
                    if self._error is not None:
                        return
                while hashes.size < available:
                    step = min(len(buffer), available - hashes.size)
                    count = read_into(partial.fd, buffer[:step], hashes.size)
                    if not count:
                        raise DiskError(f"{self.item.name}: the partial file is missing bytes that were written to it")
                    hashes.update(buffer[:count])
                    partial.checkpoint(hashes)
                if now - growth.looked >= LOOK_EVERY and not self.receiver.one_stream:
                    for _ in range(growth.step(now, self._received, len(self._threads))):
                        self._start_receiver()

    def _taken(self, number: int) -> _Block | None:
        """Wait until a receiver has taken the block with this number; return None if one has failed."""
        with self._condition:
            while number >= len(self._blocks) and self._error is None:
                self.context.cancel.check()
                self._condition.wait(0.25)
            return self._blocks[number] if number < len(self._blocks) else None

    def _claim(self, length: int, after: _Block | None = None) -> _Block | None:
        """Take the next ``length`` free bytes, or part of another block; with ``after``, only what follows that one."""
        with self._condition:
            if self._stop or self._error is not None:
                return None
            if after is None and self.receiver.one_stream and self._streaming:
                # Another receiver's stream reaches all remaining blocks; a second one would fetch them twice.
                return None
            if self._free < self._size:
                if after is not None and after.end != self._free:
                    return None
                block = _Block(self._free, min(self._free + length, self._size))
                self._free = block.end
                self._blocks.append(block)
                self._condition.notify_all()
                return block
            return self._split() if after is None and not self.receiver.one_stream else None

    def _split(self) -> _Block | None:
        """Take the second half of the largest remaining block; its receiver stops there."""
        largest = max(self._blocks, key=lambda block: block.end - block.done, default=None)
        if largest is None:
            return None
        left = largest.end - largest.done
        if left < 2 * _MIN_BLOCK:
            return None
        half = _Block(largest.done + left // 2, largest.end)
        largest.end = half.start
        self._blocks.insert(self._blocks.index(largest) + 1, half)
        return half

    def _work(self) -> None:
        buffer = memoryview(bytearray(BUFFER))
        try:
            length = self._first_length()
            while (block := self._claim(length)) is not None:
                began, start = time.monotonic(), block.start
                self._fill(block, buffer)
                self._rate = (block.end - start) / max(0.001, time.monotonic() - began)
                length = self._length(self._rate, (self._size - self._free) // len(self._threads))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that hashes
            with self._condition:
                if self._error is None:
                    self._error = error
                elif isinstance(error, OneStreamError):
                    error.response.close()
                self._condition.notify_all()

    def _fill(self, block: _Block, buffer: memoryview) -> None:
        """Receive one block, with retries, and the blocks that its response continued into."""
        failures = 0
        begun = [block]
        while (block := begun[-1]).done < block.end:
            before = block.done
            try:
                # After a whole file or a wrong range from this server, request the whole file.
                end = None if self.receiver.one_stream else block.end
                asked = time.monotonic()
                response = self.receiver.open(block.done, end)
                latency = time.monotonic() - asked
            except RetryError as retry:
                failures = self._pause(retry, failures, False)
                continue
            if response.status == 200 and len(self._threads) > 1:
                # Otherwise each receiver would read the whole file up to its block.
                raise OneStreamError(response)
            try:
                with self._condition:
                    received = self.hashes.size or self._received
                    at = self.receiver.check_response(response, block.done, bool(received))
                # Only now, because the other responses are compared with the first one's ETag.
                self._on_response(latency, response.status == 206)
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
        """Register a response that holds the whole file while it is received."""
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
        """Receive the last block in ``begun``, and append the blocks that the response continues into."""
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
                    self._received += count
                    self._condition.notify()
                self.receiver.received(count)
            # The body continues beyond the block: take the next block too, if no other receiver has it.
            following = self._claim(_BLOCK, current) if response.status == 200 or self.receiver.one_stream else None
            if following is None:
                return
            begun.append(following)
