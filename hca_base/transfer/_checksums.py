"""The four checksums of the DSS and the Upload Service, and those of other services, computed in one pass.

``s3_etag`` is the ETag that S3 gives to an object uploaded in parts of :func:`part_size_of` bytes: the MD5 of the
bytes when they fit in one part, else the MD5 of the parts' MD5s, ``-`` and the number of parts.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hca_base.errors import HCAError
from hca_base.transfer import _crc32c

MIB = 1024 * 1024
#: Parts of a multipart upload, until there would be more than :data:`MAX_PARTS` of them.
PART_SIZE = 64 * MIB
MAX_PARTS = 10_000
_BLOCK = MIB
#: Below this many bytes, threads cost more time than they save.
_THREADS_FROM = 8 * MIB


class Checksums(NamedTuple):
    """Hex digests of one file, and its size in bytes."""

    sha1: str
    sha256: str
    crc32c: str
    s3_etag: str
    size: int


def part_size_of(size: int) -> int:
    """Bytes in each part but the last of a file of ``size`` bytes.

    64 MiB up to 640,000 MiB (10,000 parts); beyond that the smallest whole number of MiB that needs no more parts.
    """
    if size <= PART_SIZE * MAX_PARTS:
        return PART_SIZE
    exact = -(-size // MAX_PARTS)
    return -(-exact // MIB) * MIB


class _Crc32c:
    def __init__(self) -> None:
        self._crc = 0

    def update(self, data: Any) -> None:
        self._crc = _crc32c.extend(self._crc, data)

    def hexdigest(self) -> str:
        return f"{self._crc:08x}"

    def copy(self) -> _Crc32c:
        other = _Crc32c()
        other._crc = self._crc
        return other


class _S3Etag:
    """MD5 over parts; files that fit in 10,000 parts of 64 MiB need no known size."""

    def __init__(self, part_size: int = PART_SIZE) -> None:
        self._part_size = part_size
        self._left = part_size
        self._part = hashlib.md5(usedforsecurity=False)
        self._parts: list[bytes] = []

    def update(self, data: Any) -> None:
        view = memoryview(data)
        while len(view) > self._left:
            # Close a part only when another byte follows it: a file of exactly one part has no multipart ETag.
            self._part.update(view[: self._left])
            self._parts.append(self._part.digest())
            self._part = hashlib.md5(usedforsecurity=False)
            view = view[self._left :]
            self._left = self._part_size
        self._part.update(view)
        self._left -= len(view)

    def copy(self) -> _S3Etag:
        other = _S3Etag(self._part_size)
        other._left, other._part, other._parts = self._left, self._part.copy(), list(self._parts)
        return other

    def hexdigest(self) -> str:
        if not self._parts:
            return self._part.hexdigest()
        return etag_of_parts([*self._parts, self._part.digest()])


def etag_of_parts(digests: list[bytes]) -> str:
    """The ETag of an object whose parts have these MD5 digests."""
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


class _Truncated512:
    """The first 24 bytes of SHA-512: the digest of GA4GH's sequence collections and identifiers."""

    def __init__(self, hash_: Any = None) -> None:
        self._hash = hash_ if hash_ is not None else hashlib.sha512()

    def update(self, data: Any) -> None:
        self._hash.update(data)

    def copy(self) -> _Truncated512:
        return _Truncated512(self._hash.copy())

    def hexdigest(self) -> str:
        return str(self._hash.hexdigest()[:48])


_MAKERS: dict[str, Callable[[int], Any]] = {
    "sha512": lambda _: hashlib.sha512(),
    "sha256": lambda _: hashlib.sha256(),
    "trunc512": lambda _: _Truncated512(),
    "sha1": lambda _: hashlib.sha1(usedforsecurity=False),
    "md5": lambda _: hashlib.md5(usedforsecurity=False),
    "crc32c": lambda _: _Crc32c(),
    "s3_etag": lambda part_size: _S3Etag(part_size),
}
KNOWN = frozenset(_MAKERS)
_SPELLINGS = {name.replace("_", ""): name for name in KNOWN}
#: Strongest first: the first one that an item has is the one to verify.
BY_STRENGTH = ("sha512", "sha256", "trunc512", "sha1", "md5", "s3_etag", "crc32c")


class Hashes:
    """Several checksums over one stream of bytes.

    :param names: any of sha512, sha256, trunc512, sha1, md5, crc32c, s3_etag
    :param size: bytes to come, where known: it decides the part size of ``s3_etag``
    """

    def __init__(self, names: Iterable[str], size: int | None = None) -> None:
        part_size = part_size_of(size or 0)
        self._hashes = {name: _MAKERS[name](part_size) for name in names}
        self.size = 0

    def update(self, data: Any) -> None:
        """Take more bytes in."""
        for value in self._hashes.values():
            value.update(data)
        self.size += len(data)

    def hexdigests(self) -> dict[str, str]:
        """The digests so far, by name."""
        return {name: value.hexdigest() for name, value in self._hashes.items()}

    def copy(self) -> Hashes:
        """The same state, to be continued apart."""
        other = Hashes(())
        other.size = self.size
        other._hashes = {name: value.copy() for name, value in self._hashes.items()}
        return other

    def become(self, other: Hashes) -> None:
        """Take over another's state."""
        self._hashes, self.size = other._hashes, other.size


def normalize_checksums(checksums: Mapping[str, str]) -> dict[str, str]:
    """The known checksums of a mapping, in lower case, under the names used here; empty ones are left out.

    Names are known however they are spelled: ``sha256``, ``SHA-256``, ``S3-ETag``.
    """
    found = {}
    for key, value in checksums.items():
        name = _SPELLINGS.get(key.lower().replace("-", "").replace("_", ""))
        if name and value and (value := value.strip().lower()):
            found[name] = value
    return found


class ParallelHashes:
    """Checksums whose work is spread over threads, so that two cores halve the time.

    ``md5`` (of ``s3_etag``) takes as long as the other three together; it has a thread of its own, the others share
    one. Blocks are handed over in a queue of bounded length; a block must not be changed until :meth:`done` says so,
    which is why :meth:`update` takes a function to call when both threads have done with it.
    """

    def __init__(self, names: Iterable[str], size: int | None = None, depth: int = 4) -> None:
        names = list(names)
        slow = [name for name in names if name in ("s3_etag", "md5")]
        groups = [group for group in ([name for name in names if name not in slow], slow) if group]
        self._groups = [Hashes(group, size) for group in groups]
        self._queues: list[queue.Queue[tuple[Any, Callable[[], None] | None] | None]] = []
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        for hashes in self._groups:
            feed: queue.Queue[tuple[Any, Callable[[], None] | None] | None] = queue.Queue(depth)
            thread = threading.Thread(target=self._work, args=(hashes, feed), name="hca-hash", daemon=True)
            self._queues.append(feed)
            self._threads.append(thread)
            thread.start()

    def _work(self, hashes: Hashes, feed: queue.Queue[tuple[Any, Callable[[], None] | None] | None]) -> None:
        while (entry := feed.get()) is not None:
            block, release = entry
            try:
                if self._error is None:
                    hashes.update(block)
            except BaseException as error:  # noqa: BLE001 - told to the thread that reads the result
                self._error = error
            if release is not None:
                release()

    def update(self, block: Any, release: Callable[[], None] | None = None) -> None:
        """Take ``block`` in; ``release`` is called once by each of :attr:`users` threads when done with it."""
        for feed in self._queues:
            feed.put((block, release))

    @property
    def users(self) -> int:
        """How many threads read each block."""
        return len(self._queues)

    def hexdigests(self) -> dict[str, str]:
        """Wait for the threads; the digests by name."""
        self.close()
        if self._error is not None:
            raise self._error
        return {name: value for hashes in self._groups for name, value in hashes.hexdigests().items()}

    def close(self) -> None:
        """End the threads; may be called again."""
        for feed, thread in zip(self._queues, self._threads, strict=True):
            if thread.is_alive():
                feed.put(None)
                thread.join()


class BlockPool:
    """A few reusable buffers, refilled only after all threads have read them."""

    def __init__(self, count: int, size: int = _BLOCK) -> None:
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        for _ in range(count):
            self._free.put(memoryview(bytearray(size)))

    def take(self) -> memoryview:
        """Return a buffer that no thread is reading, waiting for one if necessary."""
        return self._free.get()

    def releaser(self, block: memoryview, users: int) -> Callable[[], None]:
        """Return a function that frees ``block`` once it has been called ``users`` times."""
        lock = threading.Lock()
        left = users

        def release() -> None:
            nonlocal left
            with lock:
                left -= 1
                if left:
                    return
            self._free.put(block)

        return release


def checksum_file(path: Path | str) -> Checksums:
    """The four checksums and the size of a local file, read once.

    :raises HCAError: the file cannot be read
    """
    digests, size = digest_file(path, ("sha1", "sha256", "crc32c", "s3_etag"))
    return Checksums(digests["sha1"], digests["sha256"], digests["crc32c"], digests["s3_etag"], size)


def digest_file(path: Path | str, names: Iterable[str], dir_fd: int | None = None) -> tuple[dict[str, str], int]:
    """Some checksums of a local file, and its size, read once.

    :raises HCAError: the file cannot be read
    """
    names = list(names)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0), dir_fd=dir_fd)
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size < _THREADS_FROM or len(names) < 2:
                return _digest_here(stream, names, size)
            return _digest_parallel(stream, names, size)
    except OSError as error:
        raise HCAError(f"cannot read {path}: {error.strerror or error}") from error


def _digest_here(stream: Any, names: list[str], size: int) -> tuple[dict[str, str], int]:
    hashes = Hashes(names, size)
    if size <= _BLOCK:
        while data := stream.read(_BLOCK):
            hashes.update(data)
        return hashes.hexdigests(), hashes.size
    block = memoryview(bytearray(_BLOCK))
    while count := stream.readinto(block):
        hashes.update(block[:count])
    return hashes.hexdigests(), hashes.size


def _digest_parallel(stream: Any, names: list[str], size: int) -> tuple[dict[str, str], int]:
    hashes = ParallelHashes(names, size)
    pool = BlockPool(6)
    total = 0
    try:
        while True:
            block = pool.take()
            count = stream.readinto(block)
            if not count:
                break
            total += count
            hashes.update(block[:count], pool.releaser(block, hashes.users))
        return hashes.hexdigests(), total
    finally:
        hashes.close()


def checksum_files(paths: Iterable[Path | str]) -> Iterator[tuple[Path | str, Checksums | HCAError]]:
    """Yield the checksums of files in their order, computed in parallel; for an unreadable file, its error."""
    from concurrent.futures import Future, ThreadPoolExecutor

    def one(path: Path | str) -> Checksums | HCAError:
        try:
            return checksum_file(path)
        except HCAError as error:
            return error

    waiting: list[tuple[Path | str, Future[Checksums | HCAError]]] = []
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        for path in paths:
            waiting.append((path, pool.submit(one, path)))
            if len(waiting) >= 16:
                first, future = waiting.pop(0)
                yield first, future.result()
        for path, future in waiting:
            yield path, future.result()
