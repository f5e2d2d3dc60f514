"""Unusual storages: with a checksum all bytes arrive; without one the message names the problem."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.transfer import DirectoryDestination, FileStore, Item, Report, Source, TransferOptions, download
from tests.lib import Loopback
from tests.lib.downloads import files_below, traces
from tests.lib.odd_storage import Oddity, OddStorage

MIB = 1024 * 1024
FLIPS = ('"backend-0"', '"backend-1"')
TEXT = b"".join(b"cell_%07d\tgene_%05d\t%d\n" % (n, n % 30000, n % 17) for n in range(60000))
SMALL, MEDIUM, LARGE = 200_000, 3 * MIB, 40 * MIB

ODDITIES: dict[str, tuple[int, Oddity]] = {
    "plain": (MEDIUM, Oddity()),
    "ignores-ranges": (MEDIUM, Oddity(ignore_ranges=True, cuts=1)),
    "ignores-ranges-large": (LARGE, Oddity(ignore_ranges=True)),
    "begins-earlier": (MEDIUM, Oddity(earlier=65536, cuts=1)),
    "begins-earlier-large": (LARGE, Oddity(earlier=65536, cuts=2)),
    "refuses-ranges-416": (LARGE, Oddity(refuse_ranges=416)),
    "refuses-ranges-403": (LARGE, Oddity(refuse_ranges=403)),
    "refuses-ranges-501": (LARGE, Oddity(refuse_ranges=501)),
    "refuses-ranges-400": (LARGE, Oddity(refuse_ranges=400)),
    "refuses-later-ranges": (LARGE, Oddity(refuse_ranges=416, refuse_later=True)),
    "refuses-ranges-after-a-cut": (MEDIUM, Oddity(refuse_ranges=501, cuts=1)),
    "etags-flip": (MEDIUM, Oddity(etags=FLIPS, cuts=1)),
    "etags-flip-large": (LARGE, Oddity(etags=FLIPS)),
    "etags-flip-and-matter": (LARGE, Oddity(etags=FLIPS, minds_if_range=True)),
    "three-etags": (LARGE, Oddity(etags=('"a"', '"b"', '"c"'))),
    "compresses": (SMALL, Oddity(encoding="gzip")),
    "compresses-medium": (MEDIUM, Oddity(encoding="gzip")),
    "compresses-large": (LARGE, Oddity(encoding="gzip")),
    "compresses-chunked": (MEDIUM, Oddity(encoding="gzip", chunked=True)),
    "stored-compressed": (SMALL, Oddity(encoding="gzip", stored_encoded=True)),
    "stored-compressed-chunked": (SMALL, Oddity(encoding="gzip", stored_encoded=True, chunked=True)),
    "stored-compressed-chunked-medium": (MEDIUM, Oddity(encoding="gzip", stored_encoded=True, chunked=True)),
    "brotli": (SMALL, Oddity(encoding="br")),
    "brotli-medium": (MEDIUM, Oddity(encoding="br")),
    "one-204": (SMALL, Oddity(no_content=1)),
    "one-204-large": (LARGE, Oddity(no_content=1)),
}  # fmt: skip


@pytest.fixture
def storage() -> Iterator[OddStorage]:
    made = OddStorage()
    yield made
    made.close()


def body_of(size: int, odd: Oddity) -> bytes:
    body = random.Random(size).randbytes(size) if not odd.encoding else (TEXT * (size // len(TEXT) + 1))[:size]
    return gzip.compress(random.Random(3).randbytes(size)) if odd.stored_encoded else body


def fetch(
    storage: OddStorage,
    root: Path,
    name: str,
    *,
    checksum: bool = True,
    size: bool = True,
    connections: int | None = None,
) -> Report:
    body = storage.files[name][0]
    item = Item(
        name,
        len(body) if size else None,
        {"sha256": hashlib.sha256(body).hexdigest()} if checksum else {},
        Source(f"{storage.base}/{name}"),
    )
    options = TransferOptions(min_delay=0.01, retries=3, stall_timeout=10.0, connections=connections)
    return download([item], DirectoryDestination(root, FileStore(root)), options=options)


@pytest.mark.parametrize("name", sorted(ODDITIES))
def test_with_a_checksum_the_right_bytes_arrive(storage: OddStorage, tmp_path: Path, name: str) -> None:
    if "brotli" in name:
        pytest.importorskip("brotli")
    size, odd = ODDITIES[name]
    body = body_of(size, odd)
    storage.files[name] = (body, odd)
    report = fetch(storage, tmp_path, name)
    assert report.ok, report.failed
    assert files_below(tmp_path)[name] == body
    assert traces(tmp_path) == []


@pytest.mark.parametrize("name", ["refuses-ranges-416", "refuses-ranges-501", "ignores-ranges-large"])
def test_a_storage_without_ranges_sends_a_file_once(storage: OddStorage, tmp_path: Path, name: str) -> None:
    size, odd = ODDITIES[name]
    storage.files[name] = (body_of(size, odd), odd)
    assert fetch(storage, tmp_path, name).ok
    assert storage.requests[name] <= 3
    assert storage.ranges[name][-1] is None or odd.ignore_ranges


@pytest.mark.parametrize("connections", [None, 2, 16])
@pytest.mark.parametrize("name", ["etags-flip-large", "three-etags"])
def test_without_a_checksum_the_message_says_what_is_odd(
    storage: OddStorage, tmp_path: Path, name: str, connections: int | None
) -> None:
    """With any number of connections: each response is compared with the first one's ETag."""
    size, odd = ODDITIES[name]
    storage.files[name] = (body_of(size, odd), odd)
    report = fetch(storage, tmp_path, name, checksum=False, connections=connections)
    assert not report.ok
    assert "ETag" in report.failed[0].error
    assert files_below(tmp_path) == {}


def test_an_encoding_that_nothing_decodes_is_named(storage: OddStorage, tmp_path: Path, monkeypatch: Any) -> None:
    for module in ("brotli", "brotlicffi"):
        monkeypatch.setitem(sys.modules, module, None)
    storage.files["x"] = (TEXT[:SMALL], Oddity(encoding="br", stored_encoded=True))
    report = fetch(storage, tmp_path, "x", size=False)
    assert "'br'" in report.failed[0].error
    assert "pip install" in str(report.errors[0].hint)


@pytest.mark.parametrize("chunked", [False, True])
def test_an_empty_compressed_body_of_unknown_size(storage: OddStorage, tmp_path: Path, chunked: bool) -> None:
    storage.files["x"] = (b"", Oddity(encoding="gzip", stored_encoded=True, chunked=chunked))
    report = fetch(storage, tmp_path, "x", size=False)
    assert report.ok, report.failed
    assert files_below(tmp_path) == {"x": b""}


def test_a_204_twice_fails(storage: OddStorage, tmp_path: Path) -> None:
    storage.files["x"] = (b"x" * 100, Oddity(no_content=99))
    report = fetch(storage, tmp_path, "x")
    assert "204" in report.failed[0].error
    assert report.failed[0].status == 204
    assert storage.requests["x"] <= 3


def test_a_redirect_that_is_refused_for_safety_is_not_asked_for_again(
    loopback: Loopback, tmp_path: Path, fast: bool
) -> None:
    loopback.route("GET", "/x", (302, {"Location": "http://169.254.169.254/latest"}, b""))
    item = Item("x", 5, {"sha256": "ab" * 32}, Source(f"{loopback.url}/x"))
    report = download([item], DirectoryDestination(tmp_path), options=TransferOptions(fast=fast, min_delay=0.01))
    assert "link-local or metadata address 169.254.169.254: not followed" in report.failed[0].error
    assert (report.errors[0].hint or "").startswith("Check")
    assert len(loopback.requests) == 1


def test_a_partial_file_that_can_never_fit_is_dropped(storage: OddStorage, tmp_path: Path) -> None:
    """The object's size differs from the expected one: partial files of an earlier run are useless."""
    body = random.Random(9).randbytes(20 * MIB)
    storage.files["x"] = (body, Oddity(cuts=1))
    item = Item("x", len(body) + 5, {"sha256": "ab" * 32}, Source(f"{storage.base}/x"))
    destination = DirectoryDestination(tmp_path, FileStore(tmp_path))
    partial = destination.partial(item, "ab" * 32, True)
    os.pwrite(partial.fd, body[: 8 * MIB], 0)
    from hca_base.transfer import Hashes

    hashes = Hashes(("sha256",), len(body) + 5)
    hashes.update(body[: 8 * MIB])
    partial.checkpoint(hashes)
    partial.leave()
    assert len(traces(tmp_path)) == 2
    report = download([item], destination, options=TransferOptions(min_delay=0.01, retries=1))
    assert report.counts == {"mismatch": 1}
    assert traces(tmp_path) == []
