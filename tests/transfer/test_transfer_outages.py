"""Services and hosts that delay downloads or are down: hca waits for them, in bounded time."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import FileStore, Item, Source, TransferOptions, download
from tests.lib.downloads import MIB, QUICK, noise
from tests.lib.fault_server import Fault, FaultServer


@pytest.mark.parametrize("kind", ["wait", "ask-again"])
def test_a_service_that_makes_us_wait(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool, kind: str
) -> None:
    items = [item_of("small", noise(100)), item_of("large", noise(MIB))]
    for item in items:
        server.faults[f"/api/{item.name}"].extend(
            [Fault(kind, retry_after="0"), Fault(kind, retry_after="1"), Fault(kind, retry_after="0")]
        )
    started = time.monotonic()
    report = download(items, FileStore(tmp_path), options=TransferOptions(fast=fast, **QUICK))
    assert report.ok, report.failed
    assert time.monotonic() - started >= 1
    assert server.requests["/api/small"] == server.requests["/api/large"] == 4


def test_a_service_that_makes_us_wait_for_ever(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    item = item_of("small", noise(100))
    server.faults["/api/small"].extend([Fault("wait", retry_after="1")] * 500)
    report = download([item], FileStore(tmp_path), options=TransferOptions(fast=fast, wait_budget=2.0, **QUICK))
    assert not report.ok
    with pytest.raises(HCAError, match="still not ready") as raised:
        report.raise_for_failures()
    assert raised.value.exit_code == ExitCode.UNREACHABLE


@pytest.mark.parametrize("size", [100, 3 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_host_that_always_asks_to_come_back_at_once_is_given_up(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool, status: int, size: int
) -> None:
    item = item_of("busy", noise(size), service=False)
    for path in ("/data/busy", "/api/busy"):
        server.faults[path].extend([Fault("status", number=status, retry_after="0")] * 500)
    report = download([item], FileStore(tmp_path), options=TransferOptions(fast=fast, retries=3, **QUICK))
    assert not report.ok
    assert server.requests["/data/busy"] + server.requests["/api/busy"] <= 30
    with pytest.raises(HCAError, match=f"answered {status}"):
        report.raise_for_failures()


def test_a_busy_host_is_left_alone_by_all(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    items = [item_of(f"f{number}", noise(100, number), service=False) for number in range(200)]
    server.busy_until = time.monotonic() + 1.5
    report = download(items, FileStore(tmp_path), options=TransferOptions(fast=fast, connections=20, **QUICK))
    assert report.ok, report.failed
    assert time.monotonic() > server.busy_until
    # All connections may have made requests before the first response; then all wait, and fewer resume at a time.
    assert server.turned_away <= 20 + 10 + 5


def test_an_address_that_lapses_in_the_middle(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer
) -> None:
    """All connections are refused at once: that counts as one refusal, and ranges are still used."""
    item = item_of("large", noise(40 * MIB))
    server.bytes_per_second = 20 * MIB

    def lapse(path: str, sent: int) -> None:
        server.generation, server.on_sent = 1, None

    server.on_sent = lapse
    server.refused_together = threading.Barrier(4, action=lambda: setattr(server, "refused_together", None))
    report = download([item], FileStore(tmp_path), options=TransferOptions(connections=4, **QUICK))
    assert report.ok, report.failed
    assert server.requests["/api/large"] == 2
    assert (0, 40 * MIB) not in server.ranges["/data/large"]
    assert all(start or end < 8 * MIB for start, end in server.ranges["/data/large"])


def test_a_server_that_ends_ranges_in_the_middle_sends_one_stream(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer
) -> None:
    """All connections are refused at once: one of them continues, and the others do not download the file again."""
    item = item_of("large", noise(64 * MIB), service=False)
    server.bytes_per_second = 40 * MIB

    def refuse(path: str, sent: int) -> None:
        server.without_ranges, server.on_sent = True, None

    server.on_sent = refuse
    server.refused_together = threading.Barrier(8, action=lambda: setattr(server, "refused_together", None))
    report = download([item], FileStore(tmp_path), options=TransferOptions(connections=8, **QUICK))
    assert report.ok, report.failed
    # The buffered data of seven connections was sent for nothing.
    assert server.sent["/data/large"] < (8 + 64 + 7 * 10) * MIB


def test_connections_over_ipv6(tmp_path: Path, fast: bool) -> None:
    import socket

    try:
        server = FaultServer(socket.AF_INET6)
    except OSError:
        # Without IPv6 loopback there is nothing to test.
        return
    try:
        server.files["x"] = noise(1000)
        item = Item("x", 1000, {"sha256": hashlib.sha256(noise(1000)).hexdigest()}, Source(f"{server.base}/data/x"))
        assert download([item], FileStore(tmp_path), options=TransferOptions(fast=fast, **QUICK)).ok
    finally:
        server.close()


def test_a_server_that_is_away_for_a_while(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    items = [item_of(f"f{number}", noise(3000, number)) for number in range(20)] + [item_of("large", noise(9 * MIB))]
    server.refuse()
    threading.Timer(2.0, server.resume).start()
    report = download(items, FileStore(tmp_path), options=TransferOptions(fast=fast, min_delay=0.05))
    assert report.ok, report.failed


def test_a_server_that_stays_away(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    items = [item_of(f"f{number}", noise(3000, number)) for number in range(20)] + [item_of("large", noise(9 * MIB))]
    server.refuse()
    report = download(items, FileStore(tmp_path), options=TransferOptions(fast=fast, retries=2, **QUICK))
    assert report.counts == {"failed": 21}
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures()
    assert raised.value.exit_code == ExitCode.UNREACHABLE


def test_a_host_that_stays_away_costs_the_run_its_patience_once(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    """A hundred files on an unreachable host do not use up all attempts each."""
    items = [item_of(f"f{number}", noise(3000, number)) for number in range(300)]
    items += [item_of(f"large{number}", noise(9 * MIB, number)) for number in range(2)]
    items += [item_of("huge", noise(33 * MIB))]
    server.refuse()
    options = TransferOptions(fast=fast, retries=1000, min_delay=0.05, patience=0.3)
    report = download(items, FileStore(tmp_path), options=options)
    assert report.counts == {"failed": 303}
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures()
    assert raised.value.exit_code == ExitCode.UNREACHABLE
    # With all their attempts it would have been 303,000.
    assert sum(row.attempts for row in report.rows) < 10_000


def test_a_host_that_goes_away_in_the_middle_gets_more_patience(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool
) -> None:
    items = [item_of(f"f{number}", noise(3000, number)) for number in range(50)] + [item_of("large", noise(9 * MIB))]

    def pulled() -> Iterator[Item]:
        for number, item in enumerate(items):
            if number == 25:
                deadline = time.monotonic() + 20
                while not server.requests and time.monotonic() < deadline:
                    yield item_of(f"extra{time.monotonic()}", noise(10))
                server.refuse()
                threading.Timer(1.0, server.resume).start()
            yield item

    options = TransferOptions(fast=fast, retries=1000, min_delay=0.05, patience=0.9)
    report = download(pulled(), FileStore(tmp_path), options=options)
    assert report.ok, report.failed


def test_a_server_that_drips_for_ever(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    item = item_of("slow", noise(300_000))
    server.faults["/data/slow"].extend([Fault("trickle", number=0.1)] * 2)
    options = TransferOptions(min_delay=0.01, stall_timeout=1.0)
    report = download([item], FileStore(tmp_path), options=options)
    # At that rate it would have taken hours.
    assert report.ok, report.failed
    assert server.requests["/data/slow"] >= 3


@pytest.mark.parametrize("size", [300_000, 9_000_000])
def test_a_connection_below_the_minimum_rate_is_given_up(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, size: int
) -> None:
    """Data arrives, so no timeout applies; the file is resumed on another connection."""
    item = item_of("slow", noise(size))
    server.faults["/data/slow"].append(Fault("crawl", number=50_000))
    options = TransferOptions(min_delay=0.01, stall_timeout=2.0, min_rate=100_000)
    report = download([item], FileStore(tmp_path), options=options)
    assert report.ok, report.failed
    assert server.requests["/data/slow"] >= 2
    assert server.ranges["/data/slow"][1][0] > 0


def test_no_minimum_rate(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    item = item_of("slow", noise(300_000))
    server.faults["/data/slow"].append(Fault("crawl", number=100_000))
    options = TransferOptions(min_delay=0.01, stall_timeout=30.0, min_rate=0)
    assert download([item], FileStore(tmp_path), options=options).ok
    assert server.requests["/data/slow"] == 1


@pytest.mark.parametrize(
    ("kind", "told"), [("ask-again", "is busy and asks to try again in 1 s"), ("wait", "preparing")]
)
def test_what_is_waited_for_is_said(
    tmp_path: Path,
    item_of: Callable[..., Item],
    server: FaultServer,
    fast: bool,
    kind: str,
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once for many files of a host, and not for short waits."""
    items = [item_of(f"f{number}", noise(100, number)) for number in range(8)]

    def get(where: str, progress: str) -> str:
        for item in items:
            server.faults[f"/api/{item.name}"].append(Fault(kind, retry_after="1"))
        options = TransferOptions(fast=fast, progress=progress, wait_budget=77, **QUICK)
        assert download(items, FileStore(tmp_path / where), options=options).ok
        return capsys.readouterr().err

    assert told not in get("short", "auto")
    monkeypatch.setattr("hca_base.http._waits.NOTE_AFTER", 0.9)
    text = get("long", "auto")
    assert text.count(told) == 1 and "waiting (at most 77 s for each file)" in text
    assert told not in get("quiet", "none")
