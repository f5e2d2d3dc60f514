"""The four checksums, compared with independent implementations."""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hca_base.errors import HCAError
from hca_base.transfer import (
    DirectoryDestination,
    Hashes,
    Item,
    TransferOptions,
    checksum_file,
    checksum_files,
    download,
    part_size_of,
)
from hca_base.transfer import _checksums as checksums
from hca_base.transfer import _crc32c as crc32c

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("data", "value"),
    [
        # RFC 3720, B.4, in the byte order of the number.
        (b"\x00" * 32, "8a9136aa"),
        (b"\xff" * 32, "62a8ab43"),
        (bytes(range(32)), "46dd794e"),
        (bytes(reversed(range(32))), "113fdb5c"),
        (b"123456789", "e3069283"),
        (b"", "00000000"),
    ],
)
def test_crc32c_of_known_data(data: bytes, value: str) -> None:
    hashes = Hashes(["crc32c"])
    hashes.update(data)
    assert hashes.hexdigests() == {"crc32c": value}
    assert f"{crc32c.extend_slowly(0, data):08x}" == value


@given(st.binary(max_size=300), st.integers(0, 300))
def test_crc32c_in_pieces_and_by_both_means(data: bytes, cut: int) -> None:
    whole = crc32c.extend(0, data)
    assert crc32c.extend(crc32c.extend(0, data[:cut]), memoryview(data)[cut:]) == whole
    assert crc32c.extend_slowly(crc32c.extend_slowly(0, bytearray(data[:cut])), data[cut:]) == whole


def test_files_of_all_shapes(tmp_path: Path) -> None:
    for size in (0, 1, 70_000, 9 * MIB, 64 * MIB, 64 * MIB + 1):
        body = random.Random(size).randbytes(MIB) * (size // MIB) + b"x" * (size % MIB)
        path = tmp_path / "file"
        path.write_bytes(body)
        sums = checksum_file(path)
        parts = [hashlib.md5(body[start : start + 64 * MIB]).digest() for start in range(0, size, 64 * MIB)]
        etag = hashlib.md5(body).hexdigest()
        if len(parts) > 1:
            etag = f"{hashlib.md5(b''.join(parts)).hexdigest()}-{len(parts)}"
        assert sums == (
            hashlib.sha1(body).hexdigest(),
            hashlib.sha256(body).hexdigest(),
            f"{crc32c.extend(0, body):08x}",
            etag,
            size,
        )


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 32))
def test_the_etag_does_not_depend_on_the_pieces(pieces: list[bytes], part_size: int) -> None:
    value = checksums._S3Etag(part_size)
    for piece in pieces:
        value.update(piece)
    copy = value.copy()
    body = b"".join(pieces)
    parts = [hashlib.md5(body[start : start + part_size]).digest() for start in range(0, len(body), part_size)]
    expected = checksums.etag_of_parts(parts) if len(parts) > 1 else hashlib.md5(body).hexdigest()
    assert value.hexdigest() == expected
    copy.update(b"more")
    assert value.hexdigest() == expected


def test_parts_grow_past_ten_thousand() -> None:
    limit = 640_000 * MIB
    assert part_size_of(0) == part_size_of(limit) == 64 * MIB
    assert part_size_of(limit + 1) == 65 * MIB
    for size in (limit + 1, 5 * 1024 * 1024 * MIB, 3 * limit + 7):
        part = part_size_of(size)
        assert part % MIB == 0
        assert -(-size // part) <= 10_000
        assert -(-size // (part - MIB)) > 10_000


def test_many_files_in_their_order(tmp_path: Path) -> None:
    paths = [tmp_path / f"f{number}" for number in range(40)]
    for number, path in enumerate(paths):
        if number != 7:
            path.write_bytes(b"%d" % number * 1000)
    found = list(checksum_files(paths))
    assert [path for path, _ in found] == paths
    assert isinstance(found[7][1], HCAError)
    assert found[8][1] == checksum_file(paths[8])


def test_hashes_that_go_on_from_a_copy() -> None:
    one = Hashes(["sha256", "sha1", "md5", "crc32c", "s3_etag"])
    one.update(b"abc")
    two = one.copy()
    one.update(b"def")
    two.update(b"xyz")
    assert one.hexdigests()["sha256"] == hashlib.sha256(b"abcdef").hexdigest()
    assert two.hexdigests()["md5"] == hashlib.md5(b"abcxyz").hexdigest()
    assert one.size == two.size == 6
    assert zlib.crc32(b"abc") != crc32c.extend(0, b"abc")


@pytest.mark.parametrize("name", ["sha512", "trunc512"])
@pytest.mark.parametrize("size", [10, 300_000, 9_000_000])
def test_digests_of_other_services_are_compared(
    tmp_path: Path, item_of: Callable[..., Item], size: int, name: str
) -> None:
    body = b"abc" * (size // 3)
    digest = hashlib.sha512(body).hexdigest()[: 48 if name == "trunc512" else None]
    right = item_of("right", body, checksums={name: digest})
    wrong = item_of("wrong", body, checksums={name: digest[::-1], "md5": hashlib.md5(body).hexdigest()})
    options = TransferOptions(min_delay=0.01)
    report = download([right, wrong], DirectoryDestination(tmp_path / "out"), options=options)
    assert {row.name: row.outcome for row in report.rows} == {"right": "downloaded", "wrong": "mismatch"}
