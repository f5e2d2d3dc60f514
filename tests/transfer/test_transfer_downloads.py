"""Downloads, file by file: the requests, the verification, and the files on disk afterwards."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import ExitCode, HCAError, VerificationError
from hca_base.transfer import DirectoryDestination, FileStore, Item, Source, TransferOptions, download
from hca_base.transfer._report import Row
from tests.lib.downloads import MIB, QUICK, SIZES, files_below, noise, traces
from tests.lib.fault_server import Fault, FaultServer


@pytest.mark.parametrize("connections", [None, 16])
def test_a_large_file_from_far_away_takes_few_requests(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, connections: int | None
) -> None:
    """Each request costs a round trip without data: one or two for each of 16 connections."""
    server.latency = 0.1
    item = item_of("large", noise(64 * MIB))
    options = TransferOptions(connections=connections, **QUICK)
    assert download([item], FileStore(tmp_path), options=options).ok
    ranges = server.ranges["/data/large"]
    assert len(ranges) <= 2 * 16
    # The first response alone determines how many others are requested at once.
    assert ranges[0] == (0, MIB)


@pytest.mark.parametrize("service", [True, False], ids=["service", "direct"])
def test_files_of_all_sizes_arrive(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool, service: bool
) -> None:
    items = [item_of(f"d/file{size}", noise(size, size), service=service) for size in SIZES]
    report = download(
        iter(items), DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(fast=fast, **QUICK)
    )
    assert report.counts == {"downloaded": len(SIZES)}, report.failed
    assert files_below(tmp_path) == {f"d/file{size}": noise(size, size) for size in SIZES}
    assert traces(tmp_path) == []
    # An empty file needs no request (some stores respond with 416).
    assert server.requests["/api/d/file0"] == server.requests["/data/d/file0"] == 0
    for size in SIZES:
        digest = hashlib.sha256(noise(size, size)).hexdigest()
        stored = tmp_path / ".hca/v2/files_2_4" / digest[:2] / digest[2:6] / digest
        assert stored.samefile(tmp_path / f"d/file{size}")


def test_the_second_run_asks_for_nothing(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    items = [item_of(f"f{size}", noise(size, size)) for size in (10, 300_000)]
    destination = DirectoryDestination(tmp_path, tmp_path)
    assert download(items, destination).ok
    before = server.requests.total()
    report = download(items, DirectoryDestination(tmp_path, tmp_path))
    assert report.counts == {"present": 2}
    assert server.requests.total() == before


def test_the_filestore_alone(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    store = FileStore(tmp_path)
    items = [item_of("../../ignored", noise(5000)), item_of("big", noise(9 * MIB))]
    report = download(items, store, options=TransferOptions(**QUICK))
    assert report.counts == {"downloaded": 2}
    assert store.path(hashlib.sha256(noise(5000)).hexdigest()).read_bytes() == noise(5000)
    assert files_below(tmp_path) == {}


def test_without_a_filestore(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    items = [item_of("a/small", noise(5000)), item_of("big", noise(9 * MIB)), item_of("empty", b"")]
    assert download(items, DirectoryDestination(tmp_path), options=TransferOptions(**QUICK)).ok
    assert not (tmp_path / ".hca").exists()
    before = server.requests.total()
    assert download(items, DirectoryDestination(tmp_path)).counts == {"present": 3}
    assert server.requests.total() == before


def test_one_content_under_two_names_is_fetched_once(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    body = noise(6000)
    items = [item_of("one", body), item_of("two", body), item_of("three", body)]
    report = download(items, DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(fast=fast, **QUICK))
    assert report.ok
    assert set(files_below(tmp_path)) == {"one", "two", "three"}
    assert sum(count for path, count in server.requests.items() if path.startswith("/data")) == 1


def test_sizes_and_checksums_that_are_not_told(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer
) -> None:
    from hca_base.transfer import checksum_file

    body = noise(9 * MIB + 3, 9)
    (tmp_path / "local").write_bytes(body)
    sums = checksum_file(tmp_path / "local")
    items = [
        item_of("no-size", noise(3000, 1), size=None),
        item_of("no-size-large", noise(MIB, 2), size=None),
        item_of("no-checksum", noise(3000, 3), checksums={}),
        item_of("nothing", noise(MIB, 4), size=None, checksums={}),
        *(
            item_of(f"by-{name}", body, checksums={name: getattr(sums, name).upper()})
            for name in ("sha1", "crc32c", "s3_etag")
        ),
        item_of("by-md5", noise(20, 5), checksums={"md5": hashlib.md5(noise(20, 5)).hexdigest()}),
        item_of("wrong-crc", noise(20, 6), checksums={"crc32c": "00000000"}),
    ]
    report = download(items, DirectoryDestination(tmp_path / "to", tmp_path / "to"), options=TransferOptions(**QUICK))
    assert [row.name for row in report.failed] == ["wrong-crc"], [row.error for row in report.failed]
    found = files_below(tmp_path / "to")
    assert set(found) == {item.name for item in items} - {"wrong-crc"}
    assert found["by-crc32c"] == body


def test_wrong_bytes_never_get_the_name(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    wrong = hashlib.sha256(b"something else").hexdigest()
    items = [
        item_of("small", noise(4096), checksums={"sha256": wrong}),
        item_of("large", noise(9 * MIB), checksums={"sha256": hashlib.sha256(b"x").hexdigest()}),
        item_of("right", noise(100)),
        item_of("length", noise(500, 8), size=501),
    ]
    report = download(
        iter(items), DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(fast=fast, **QUICK)
    )
    assert set(files_below(tmp_path)) == {"right"}
    assert {row.name: row.outcome for row in report.failed} == dict.fromkeys(("small", "large", "length"), "mismatch")
    kept = [Path(path).read_bytes() for path in traces(tmp_path)]
    assert sorted(map(len, kept)) == [4096, 9 * MIB]
    with pytest.raises(VerificationError) as raised:
        report.raise_for_failures()
    assert raised.value.exit_code == ExitCode.VERIFICATION
    # Retrying does not help if the source is wrong: two attempts are enough.
    assert server.requests["/data/small"] == 2
    assert server.requests["/data/large"] == 2


def test_no_verify_says_so_and_takes_what_comes(
    tmp_path: Path, item_of: Callable[..., Item], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = hashlib.sha256(b"something else").hexdigest()
    item = item_of("file", noise(4096), checksums={"sha256": wrong})
    report = download([item], DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(verify=False, **QUICK))
    assert report.ok
    assert (tmp_path / "file").read_bytes() == noise(4096)
    # The store still keeps files under their own checksums.
    assert not FileStore(tmp_path).has(wrong)
    assert FileStore(tmp_path).has(hashlib.sha256(noise(4096)).hexdigest())
    assert "NOT verified" in capsys.readouterr().err


def test_a_file_that_the_user_put_there_stays(tmp_path: Path, item_of: Callable[..., Item]) -> None:
    (tmp_path / "other").write_bytes(b"mine")
    (tmp_path / "same").write_bytes(noise(500, 1))
    items = [item_of("other", noise(500)), item_of("same", noise(500, 1))]
    report = download(items, DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(**QUICK))
    assert {row.name: row.outcome for row in report.rows} == {"other": "refused", "same": "present"}
    assert (tmp_path / "other").read_bytes() == b"mine"
    with pytest.raises(HCAError, match="different content"):
        report.raise_for_failures()


@pytest.mark.parametrize("link", ["hard", "copy", "symlink"])
def test_ways_to_link(tmp_path: Path, item_of: Callable[..., Item], link: str, server: FaultServer) -> None:
    items = [item_of("a/small", noise(500)), item_of("large", noise(9 * MIB))]
    options = TransferOptions(link=link, **QUICK)
    for outcome in ("downloaded", "present"):
        destination = DirectoryDestination(tmp_path / "to", tmp_path / "store", link=link)
        assert download(items, destination, options=options).counts == {outcome: 2}
    name = tmp_path / "to" / "large"
    assert name.read_bytes() == noise(9 * MIB)
    assert name.is_symlink() == (link == "symlink")
    assert (name.stat().st_nlink == 2) == (link == "hard")
    assert traces(tmp_path / "store") == []


def test_links_that_fail_become_copies(
    tmp_path: Path, item_of: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link

    def link(source: Any, target: Any, **more: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    items = [item_of("a/small", noise(500)), item_of("large", noise(9 * MIB)), item_of("middle", noise(MIB))]
    report = download(items, DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(**QUICK))
    assert report.ok, report.failed
    assert (tmp_path / "large").read_bytes() == noise(9 * MIB)
    assert (tmp_path / "large").stat().st_nlink == 1
    assert traces(tmp_path) == []
    monkeypatch.setattr(os, "link", real)
    assert download(items, DirectoryDestination(tmp_path, tmp_path)).counts == {"present": 3}


@pytest.mark.parametrize("status", [404, 410, 403, 400, 418])
def test_refusals_are_told(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool, status: int
) -> None:
    item = item_of("gone", noise(100), service=False)
    server.faults["/data/gone"].extend([Fault("status", number=status)] * 50)
    other = item_of("there", noise(200))
    report = download([item, other], FileStore(tmp_path), options=TransferOptions(fast=fast, **QUICK))
    assert [row.name for row in report.failed] == ["gone"]
    assert str(status) in report.failed[0].error
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures()
    from hca_base.errors import exit_code_of_status

    assert raised.value.exit_code == exit_code_of_status(status)
    assert server.requests["/data/gone"] <= 4


def test_fail_fast_stops_and_keep_going_does_not(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer
) -> None:
    failed = threading.Event()

    def items() -> Iterator[Item]:
        yield Item("gone", 5, {}, Source(f"{server.base}/data/none"))
        for number in range(3000):
            while number == 5 and not failed.is_set():
                time.sleep(0.01)
                yield item_of("again", b"")
            yield item_of(f"f{number}", noise(10, number))

    def watch(item: Item, row: Row) -> None:
        if row.outcome == "failed":
            failed.set()

    options = TransferOptions(fail_fast=True, **QUICK)
    report = download(items(), FileStore(tmp_path), options=options, on_result=watch)
    assert sum(row.name.startswith("f") for row in report.rows) < 3000
    assert report.counts["failed"] == 1
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures()
    assert raised.value.exit_code == ExitCode.NOT_FOUND
    report = download(items(), FileStore(tmp_path), options=TransferOptions(**QUICK))
    assert report.counts.total() == 3001
    assert report.failures == 1


def test_a_service_that_sends_the_bytes_itself(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    items = [item_of("small", noise(100)), item_of("large", noise(9 * MIB))]
    for item in items:
        server.faults[f"/api/{item.name}"].append(Fault("inline"))
    report = download(items, FileStore(tmp_path), options=TransferOptions(fast=fast, **QUICK))
    assert report.ok, report.failed
    assert server.requests["/data/large"] == 0


def test_the_object_changes_in_the_middle(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    item = item_of("large", noise(9 * MIB))
    server.faults["/data/large"].extend([Fault("cut", at=0.6), Fault("changed")])
    report = download([item], FileStore(tmp_path), options=TransferOptions(**QUICK))
    assert report.ok, report.failed


def test_sources_in_order_of_preference(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    body = noise(5000)
    item = item_of("file", body)
    copy = tmp_path / "copy"
    copy.write_bytes(body)
    sources = [
        Source(f"{server.base}/data/missing"),
        lambda: Source(f"{server.base}/api/file", redirects="service"),
    ]
    item.source = sources
    item2 = Item("two", None, {"sha256": hashlib.sha256(copy.read_bytes()).hexdigest()}, Source(path=copy))
    item3 = Item("three", 9, {}, [Source(f"{server.base}/data/missing"), Source(f"{server.base}/data/missing2")])
    report = download([item], FileStore(tmp_path / "a"), options=TransferOptions(fast=fast, **QUICK))
    assert report.ok, report.failed
    report = download([item2, item3], FileStore(tmp_path / "b"), options=TransferOptions(fast=fast, **QUICK))
    assert {row.name: row.outcome for row in report.rows} == {"two": "downloaded", "three": "failed"}


def test_compressed_although_not_asked_for(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    items = [item_of(name, b"text " * size) for name, size in (("small", 500), ("large", 500_000))]
    for item in items:
        server.faults[f"/data/{item.name}"].extend([Fault("gzip")] * 3)
    report = download(items, DirectoryDestination(tmp_path, tmp_path), options=TransferOptions(fast=fast, **QUICK))
    assert report.ok, report.failed
    assert files_below(tmp_path) == {"small": b"text " * 500, "large": b"text " * 500_000}


def test_a_file_that_is_gzip_itself_stays_so(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    # Objects stored with Content-Encoding: gzip (sometimes fastq.gz) must be saved as stored.
    plain = b"ACGT" * 1000
    stored = gzip.compress(plain, mtime=0)
    item = item_of("reads.fastq.gz", stored)
    server.files["reads.fastq.gz"] = plain
    server.faults["/data/reads.fastq.gz"].extend([Fault("gzip")] * 3)
    original = gzip.compress
    try:
        gzip.compress = lambda data, *more, **kw: original(data, mtime=0)  # type: ignore[assignment]
        report = download([item], DirectoryDestination(tmp_path), options=TransferOptions(**QUICK))
    finally:
        gzip.compress = original
    assert report.ok, report.failed
    assert (tmp_path / "reads.fastq.gz").read_bytes() == stored


def test_more_than_was_promised_is_not_read_to_the_end(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    item = item_of("small", noise(100))
    server.files["small"] = noise(64 * MIB)
    report = download([item], FileStore(tmp_path), options=TransferOptions(fast=fast, **QUICK))
    assert report.counts == {"mismatch": 1}
    assert server.sent["/data/small"] < 32 * MIB


def test_dry_run_touches_nothing(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    items = [item_of("a", noise(100)), item_of("b", noise(200)), item_of("c", noise(300))]
    to = tmp_path / "to"
    assert download(items[:1], DirectoryDestination(to, to)).ok
    before, asked = sorted(to.rglob("*")), server.requests.total()
    report = download(items, DirectoryDestination(to, to), options=TransferOptions(dry_run=True))
    assert report.ok
    assert report.plan | {"free_bytes": 0} == {
        "files": 2, "bytes": 500, "present_files": 1, "present_bytes": 100, "free_bytes": 0,
    }  # fmt: skip
    assert report.plan["free_bytes"] > 0
    assert sorted(to.rglob("*")) == before
    assert server.requests.total() == asked
    report = download(
        items, DirectoryDestination(tmp_path / "new", tmp_path / "new"), options=TransferOptions(dry_run=True)
    )
    assert report.plan["files"] == 3
    assert not (tmp_path / "new").exists()


def test_reports(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    items = [item_of("a\tb", noise(100)), Item("gone", 5, {}, Source(f"{server.base}/data/none"), key="mine")]
    for name in ("report.tsv", "report.json"):
        rows: list[Any] = []
        report = download(
            items,
            FileStore(tmp_path / name[7:]),
            options=TransferOptions(report=tmp_path / name, **QUICK),
            on_result=lambda item, row, rows=rows: rows.append((item.key, row)),
        )
        assert sorted(row.outcome for _, row in rows) == ["downloaded", "failed"]
        assert {key for key, _ in rows} == {None, "mine"}
        assert len(report) == 2
    lines = (tmp_path / "report.tsv").read_text().splitlines()
    assert lines[0].split("\t")[:7] == ["name", "outcome", "bytes", "seconds", "attempts", "checksum", "error"]
    assert {line.split("\t")[0] for line in lines[1:]} == {"a b", "gone"}
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["counts"] == {"downloaded": 1, "failed": 1}
    assert {row["name"]: row["checksum"] for row in document["rows"]}["a\tb"] == hashlib.sha256(noise(100)).hexdigest()


def test_limit_rate(tmp_path: Path, item_of: Callable[..., Item], fast: bool) -> None:
    items = [item_of(f"f{number}", noise(50_000, number)) for number in range(10)] + [item_of("large", noise(500_000))]
    started = time.monotonic()
    report = download(items, FileStore(tmp_path), options=TransferOptions(fast=fast, limit_rate=1_000_000, **QUICK))
    assert report.ok
    assert time.monotonic() - started > 0.8


def test_the_items_are_pulled_as_needed(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    server.bytes_per_second = 20_000
    pulled = 0

    def items() -> Iterator[Item]:
        nonlocal pulled
        for number in range(100_000):
            pulled += 1
            yield item_of(f"f{number}", noise(1000, number))
            if server.requests.total() > 20:
                raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        download(items(), FileStore(tmp_path))
    assert pulled < 5000


def test_ctrl_c_stops_at_once_and_keeps_what_can_be_resumed(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer
) -> None:
    body = noise(40 * MIB)
    item = item_of("large", body)
    server.hold_at["/data/large"] = 18 * MIB

    def items() -> Iterator[Item]:
        yield item
        while server.sent["/data/large"] < 18 * MIB:
            time.sleep(0.01)
            yield item_of(f"f{server.sent['/data/large']}-{time.monotonic_ns()}", b"")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(items(), FileStore(tmp_path), options=TransferOptions(connections=1, **QUICK))
    server.released.set()
    sent = server.sent["/data/large"]
    report = download([item], FileStore(tmp_path), options=TransferOptions(**QUICK))
    assert report.ok
    assert server.sent["/data/large"] - sent < 32 * MIB
    assert traces(tmp_path) == []


@pytest.mark.parametrize("mode", ["jsonl", "given"])
def test_progress(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from hca_base.output import Progress

    items = [item_of("small", noise(5000)), item_of("large", noise(9 * MIB)), item_of("same", noise(5000))]
    items += [Item("gone", 7, {}, Source(f"{server.base}/data/none"))]
    options = TransferOptions(progress="jsonl" if mode == "jsonl" else "none", **QUICK)
    given = None if mode == "jsonl" else Progress("mine", mode="none")
    expected = (4, 10007 + 9 * MIB)
    download(items, FileStore(tmp_path), options=options, progress=given, expected=expected)
    if given is not None:
        told = given.snapshot()
    else:
        events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert sorted(event["name"] for event in events if event["event"] == "file") == [
            "gone",
            "large",
            "same",
            "small",
        ]
        told = events[-1]
        assert told["event"] == "end"
    assert (told["files_done"], told["files_failed"], told["files"]) == (3, 1, 4)
    assert told["bytes_done"] == 10000 + 9 * MIB
    assert told["bytes"] == 10007 + 9 * MIB
    capsys.readouterr()
    # Not a terminal: no progress.
    download(items[:2], FileStore(tmp_path / "b"), options=TransferOptions(**QUICK))
    assert capsys.readouterr().err == ""


def test_what_a_caller_raises_ends_the_run(tmp_path: Path, item_of: Callable[..., Item], fast: bool) -> None:
    def fail(item: Item, row: Any) -> None:
        raise LookupError("the caller's own")

    items = [item_of("small", noise(5000)), item_of("large", noise(9 * MIB))]
    with pytest.raises(LookupError, match="own"):
        download(items, FileStore(tmp_path), options=TransferOptions(fast=fast, **QUICK), on_result=fail)


@pytest.mark.parametrize("connections", [None, 16])
def test_one_large_file_over_slow_connections(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, connections: int | None
) -> None:
    """Each connection is throttled: more are opened, and no byte is transferred twice."""
    item = item_of("large", noise(40 * MIB), service=False)
    server.bytes_per_second = 4e6
    options = TransferOptions(connections=connections, **QUICK)
    assert download([item], DirectoryDestination(tmp_path), options=options).ok
    assert files_below(tmp_path) == server.files
    assert server.most_connections >= (12 if connections else 4)
    assert server.sent["/data/large"] < 52 * MIB
