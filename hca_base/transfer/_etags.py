"""ETags of objects that were uploaded in parts of unknown size.

Such an ETag is the MD5 of the parts' MD5s, ``-`` and the number of parts. Programs use few part sizes, so the size
of the object and the number of parts leave few candidates. A match proves the bytes; a mismatch proves nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from hca_base.errors import HCAError
from hca_base.transfer._checksums import MIB, part_size_of

_ETAG = re.compile(r"[0-9a-f]{32}-([0-9]{1,5})")
#: In MiB and in millions of bytes: defaults of uploaders (AWS 8, Go 5, rclone 5, s3cmd 15, S3A 64, s3fs 50, …), their
#: doublings for large files, and round numbers that people set.
_USUAL = (
    *(5, 6, 8, 10, 12, 15, 16, 20, 24, 25, 30, 32, 40, 48, 50, 60, 64, 75, 80, 96, 100, 120, 125, 128, 150, 160, 200),
    *(250, 256, 300, 320, 400, 500, 512, 600, 640, 750, 800, 1000, 1024, 1280, 2000, 2048, 2560, 4096, 5000, 5120),
)
_MB = 1_000_000
_BLOCK = MIB


def usual_part_sizes(size: int, parts: int) -> list[int]:
    """Return the sizes of parts, in bytes, that uploaders use and that make so many parts of an object.

    :param size: bytes of the object
    :param parts: number of its parts
    """
    if size < 1 or not 1 <= parts <= 10_000:
        return []
    even = -(-size // parts)
    sizes = {unit * count for unit in (MIB, _MB) for count in _USUAL}
    sizes |= {even, -(-even // MIB) * MIB, -(-even // _MB) * _MB, part_size_of(size)}
    return sorted(each for each in sizes if -(-size // each) == parts)


def matches_etag(path: Path | str, etag: str) -> bool:
    """Return whether a file has an ETag, with parts of one of the usual sizes.

    :param etag: as S3 gives it: an MD5, or one with the number of parts behind it
    :raises HCAError: the file cannot be read
    """
    value = etag.removeprefix("W/").strip('"').lower()
    match = _ETAG.fullmatch(value)
    try:
        with Path(path).open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            sizes = usual_part_sizes(size, int(match[1])) if match else [size + 1]
            tries = [_Parts(each) for each in sizes]
            while tries and (block := stream.read(_BLOCK)):
                for each in tries:
                    each.update(block)
    except OSError as error:
        raise HCAError(f"cannot read {path}: {error.strerror or error}") from error
    return any((each.etag() if match else each.md5()) == value for each in tries)


class _Parts:
    """The MD5s of parts of one size."""

    def __init__(self, part_size: int) -> None:
        self._size = part_size
        self._left = part_size
        self._part = hashlib.md5(usedforsecurity=False)
        self._digests: list[bytes] = []

    def update(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            piece = view[: self._left]
            self._part.update(piece)
            self._left -= len(piece)
            view = view[len(piece) :]
            if not self._left:
                self._digests.append(self._part.digest())
                self._part, self._left = hashlib.md5(usedforsecurity=False), self._size

    def md5(self) -> str:
        return self._part.hexdigest()

    def etag(self) -> str:
        digests = self._digests + ([self._part.digest()] if self._left < self._size else [])
        return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"
