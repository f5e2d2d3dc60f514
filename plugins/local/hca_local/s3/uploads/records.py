"""Records of uploads in progress and their parts, and the client's request to complete one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_PARTS = 10_000
#: Smallest size of a part other than the last, in bytes, as on S3.
MIN_PART_SIZE = 5 * 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """An upload in progress; ``finished`` is the completion time of one that is still remembered."""

    id: str
    bucket: str
    key: str
    content_type: str
    started: float
    extra: dict[str, Any]
    completing: dict[str, Any] | None
    finished: float | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> Upload:
        completing = json.loads(row["completing"]) if row["completing"] else None
        return cls(
            row["id"],
            row["bucket"],
            row["key"],
            row["content_type"],
            row["started"],
            json.loads(row["extra"]),
            completing,
            row["finished"],
        )


@dataclass(frozen=True)
class Part:
    """A stored part; ``etag`` is its MD5, ``checksums`` those that the client sent, in base64 by algorithm."""

    number: int
    file: str
    size: int
    etag: str
    modified: float
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """A part as listed in the client's request to complete the upload."""

    number: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Promised:
    """The object as described in the client's request to complete the upload.

    :ivar checksums: of the object, in base64 by algorithm; one of the parts' checksums may end in ``-N``
    :ivar size: of the object in bytes, or None
    :ivar kind: the checksums' type, or None
    """

    checksums: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None
    kind: str | None = None
