"""ETags of multipart objects with unknown part sizes."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from hca_base.transfer import matches_etag, usual_part_sizes

MIB = 1 << 20
DATA = random.Random(9).randbytes(20 * MIB + 17)


def etag(part_size: int, data: bytes = DATA) -> str:
    """The ETag as computed by S3."""
    parts = [hashlib.md5(data[at : at + part_size]).digest() for at in range(0, len(data), part_size)]
    return f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"


#: tool, its part size
UPLOADERS = [
    ("aws s3 cp, boto3", 8 * MIB),
    ("rclone, SDK for Go", 5 * MIB),
    ("s3cmd", 15 * MIB),
    ("s3fs of FUSE", 10 * MIB),
    ("gsutil, decimal", 8_000_000),
    ("Hadoop, one part", 64 * MIB),
    ("even halves", -(-len(DATA) // 2)),
    ("even thirds in whole MiB", 7 * MIB),
]


@pytest.mark.parametrize("part_size", [row[1] for row in UPLOADERS], ids=[row[0] for row in UPLOADERS])
def test_usual_sizes_of_parts(tmp_path: Path, part_size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    value = etag(part_size)
    assert matches_etag(path, value)
    assert matches_etag(path, f'"{value.upper()}"')
    path.write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    assert not matches_etag(path, value)


def test_an_object_of_one_upload(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    assert matches_etag(path, hashlib.md5(DATA).hexdigest())
    assert not matches_etag(path, hashlib.md5(b"").hexdigest())
    path.write_bytes(b"")
    assert matches_etag(path, hashlib.md5(b"").hexdigest())
    assert not matches_etag(path, "not an ETag")


@pytest.mark.parametrize(("size", "parts"), [(0, 1), (5, 0), (5, 10_001), (100, 7), (10 * MIB, 100)])
def test_numbers_of_parts_that_nobody_makes(size: int, parts: int) -> None:
    # Even splits are tried for any number of parts.
    assert all(-(-size // each) == parts for each in usual_part_sizes(size, parts))
    assert bool(usual_part_sizes(size, parts)) == (
        size > 0 and 0 < parts <= 10_000 and -(-size // -(-size // parts)) == parts
    )
