"""All checksums that the services use, computed in one pass over the bytes."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import google_crc32c

#: Part size of the data coordination platform's ``s3_etag``, in bytes. By that rule, parts grow beyond 10,000 of them
#: (625 GiB); an embedded deployment is not meant for files of that size, so this is not implemented.
ETAG_PART_SIZE = 64 * 1024 * 1024


@dataclass(frozen=True)
class Digests:
    """Checksums in lower-case hexadecimal; ``s3_etag`` may end in ``-N``. An empty string means not computed."""

    size: int
    md5: str
    sha1: str
    sha256: str
    crc32c: str
    s3_etag: str
    crc32: str = ""
    crc64nvme: str = ""


class _Crc32:
    """zlib's function with the interface of the others."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _Crc64Nvme:
    """The same for AWS's function."""

    def __init__(self) -> None:
        from awscrt import checksums

        self._update = checksums.crc64nvme
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = self._update(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(8, "big")


#: All checksums of a blob.
ALL = frozenset(["md5", "sha1", "sha256", "crc32c", "s3_etag"])


class Hasher:
    """Hashes bytes in order and returns their :class:`Digests`.

    :param names: the checksums to compute; ``md5`` is of the whole, the ETag of an object put in one piece
    """

    def __init__(self, names: Collection[str] = ALL) -> None:
        self.size = 0
        makers: dict[str, Any] = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
        makers |= {"crc32c": google_crc32c.Checksum, "crc32": _Crc32, "crc64nvme": _Crc64Nvme}
        self._simple = {name: make() for name, make in makers.items() if name in names}
        self._want_md5 = "md5" in names
        self._want_etag = "s3_etag" in names
        self._md5 = hashlib.md5() if self._want_md5 or self._want_etag else None
        # Up to one part both rules give the MD5 of the whole; a second MD5 starts only with the second part.
        self._part = None if self._want_md5 or not self._want_etag else self._md5
        self._part_md5s: list[bytes] = []

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        for hasher in self._simple.values():
            hasher.update(data)
        if self._want_etag:
            self._update_etag(memoryview(data))
        elif self._md5 is not None:
            self._md5.update(data)
        self.size += len(data)

    def _update_etag(self, data: memoryview) -> None:
        assert self._md5 is not None
        position = self.size
        while data:
            room = ETAG_PART_SIZE - position % ETAG_PART_SIZE
            if position and room == ETAG_PART_SIZE:
                self._end_part()
            piece, data = data[:room], data[room:]
            if self._want_md5:
                self._md5.update(piece)
            if self._part is not None:
                self._part.update(piece)
            position += len(piece)

    def _end_part(self) -> None:
        assert self._md5 is not None
        ended = self._md5 if self._part is None else self._part
        self._part_md5s.append(ended.digest())
        self._part = hashlib.md5()

    def digests(self) -> Digests:
        """The checksums of all bytes so far."""
        md5 = self._md5.hexdigest() if self._md5 is not None and self._want_md5 else ""
        etag = ""
        if self._want_etag:
            assert self._md5 is not None
            last = self._md5 if self._part is None else self._part
            if self._part_md5s:
                etag = etag_of_parts([*self._part_md5s, last.digest()])
            else:
                etag = last.hexdigest()
        simple = {name: hasher.digest().hex() for name, hasher in self._simple.items()}
        return Digests(
            size=self.size,
            md5=md5,
            sha1=simple.get("sha1", ""),
            sha256=simple.get("sha256", ""),
            crc32c=simple.get("crc32c", ""),
            s3_etag=etag,
            crc32=simple.get("crc32", ""),
            crc64nvme=simple.get("crc64nvme", ""),
        )


def etag_of_parts(part_md5s: list[bytes]) -> str:
    """S3's ETag of a multipart object: the MD5 of its parts' binary MD5s, then ``-`` and their number."""
    return f"{hashlib.md5(b''.join(part_md5s)).hexdigest()}-{len(part_md5s)}"
