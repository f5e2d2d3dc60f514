"""Metadata of a blob, and the error for one whose content does not match it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from hca_base.errors import HCAError
from hca_local.store.hashes import Digests


@dataclass(frozen=True)
class Blob:
    """Metadata of a blob; checksums in lower-case hexadecimal.

    :ivar md5: of the complete content; empty for an object uploaded in parts
    :ivar s3_etag: by the platform's rule, with parts of 64 MiB, however the content was uploaded
    :ivar segments: sizes of its files if it has several, else empty
    """

    sha256: str
    size: int
    md5: str
    sha1: str
    crc32c: str
    s3_etag: str
    segments: tuple[int, ...] = ()

    @classmethod
    def of(cls, digests: Digests, segments: Sequence[int] = ()) -> Blob:
        return cls(
            digests.sha256, digests.size, digests.md5, digests.sha1, digests.crc32c, digests.s3_etag, tuple(segments)
        )

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Blob:
        return cls(
            row["sha256"],
            row["size"],
            row["md5"],
            row["sha1"],
            row["crc32c"],
            row["s3_etag"],
            tuple(json.loads(row["segments"])),
        )

    def row(self, data: bytes | None) -> tuple[str, int, str, str, str, str, str, bytes | None]:
        """The values of the blob's row; ``data`` is its content if it is stored in the row."""
        segments = json.dumps(self.segments)
        return self.sha256, self.size, self.md5, self.sha1, self.crc32c, self.s3_etag, segments, data


class DamagedBlobError(HCAError):
    """Stored content is missing or was changed; it has been moved to quarantine.

    :ivar sha256: the blob's name
    :ivar problem: what is wrong with it
    """

    def __init__(self, sha256: str, problem: str) -> None:
        super().__init__(
            f"the stored content {sha256} is damaged: {problem}",
            hint="put the same content again to repair it; list all damaged content with: hca local verify",
        )
        self.sha256 = sha256
        self.problem = problem
