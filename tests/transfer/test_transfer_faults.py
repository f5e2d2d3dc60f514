"""Random faults: every run succeeds, or reports what failed; never wrong bytes under a name."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import DirectoryDestination, FileStore, Item, Source, TransferOptions, download
from tests.lib.fault_server import Fault, FaultServer
from tests.lib.odd_storage import Oddity, OddStorage

MIB = 1024 * 1024
#: Where each kind of fault is injected: in the data, in the service, or both.
DATA = [
    "cut", "reset", "stall", "drip", "longer", "shorter", "corrupt", "ignore-range", "wrong-range", "wrong-total",
    "loop", "expired", "changed", "gzip", "garbage",
]  # fmt: skip
API = ["reset", "loop", "wait", "inline", "garbage"]
#: After these, giving up on a file is justified if they occur twice in the same way.
DEFINITIVE = {"corrupt", "changed", "loop", "longer", "shorter", "wrong-total"}
#: A file fails when its URL is refused once more than it is renewed; a plain URL cannot be renewed.
RENEWALS = 2
SIZES = [0, 1, 4096, 100_000, 300_000, 2 * MIB, 9 * MIB + 1, 34 * MIB]

statuses = st.builds(
    lambda number, wait: Fault("status", number=number, retry_after=wait),
    st.sampled_from([408, 429, 500, 502, 503, 504]),
    st.sampled_from([None, "0", "garbage", "Wed, 21 Oct 2015 07:28:00 GMT"]),
)
shares = st.floats(0, 1, allow_nan=False)


def faults(kinds: list[str]) -> st.SearchStrategy[Fault]:
    plain = st.builds(lambda kind, at: Fault(kind, at=at, number=1.5), st.sampled_from(kinds), shares)
    return st.one_of(plain, plain, statuses)


files = st.tuples(
    st.sampled_from(SIZES),
    st.lists(faults(DATA), max_size=4),
    st.lists(faults(API), max_size=2),
)
#: Unusual behaviour of storages with which all bytes must still arrive.
oddities = st.builds(
    Oddity,
    refuse_ranges=st.sampled_from([0, 0, 400, 403, 416, 501]),
    refuse_later=st.booleans(),
    ignore_ranges=st.booleans(),
    earlier=st.sampled_from([0, 1, 65536]),
    etags=st.sampled_from([('"a"',), ('"a"', '"b"'), ('"a"', '"a"', '"c"')]),
    minds_if_range=st.booleans(),
    encoding=st.sampled_from(["", "", "gzip"]),
    chunked=st.booleans(),
    cuts=st.integers(0, 3),
    no_content=st.integers(0, 1),
)
plans = st.fixed_dictionaries(
    {
        "files": st.lists(files, min_size=1, max_size=5),
        "odd": st.lists(st.tuples(st.sampled_from(SIZES), oddities), max_size=3),
        "fast": st.booleans(),
        "service": st.booleans(),
        "store": st.booleans(),
        "etags": st.booleans(),
        "connections": st.sampled_from([None, 1, 3]),
    }
)


class Servers(NamedTuple):
    """A server with faults, and one with unusual behaviour."""

    faulty: FaultServer
    odd: OddStorage


@pytest.fixture(scope="module")
def shared() -> Iterator[Servers]:
    servers = Servers(FaultServer(), OddStorage())
    yield servers
    servers.faulty.close()
    servers.odd.close()


def odd_items(storage: OddStorage, plan: dict[str, Any]) -> Iterator[tuple[Item, bytes]]:
    for number, (size, oddity) in enumerate(plan["odd"]):
        name = f"odd{number}"
        body = (random.Random(size + number).randbytes(16) * (size // 16 + 1))[:size]
        storage.files[name] = (body, dataclasses.replace(oddity))
        checksums = {"sha256": hashlib.sha256(body).hexdigest()}
        yield Item(name, size, checksums, Source(f"{storage.base}/{name}")), body


def carry_out(servers: Servers, plan: dict[str, Any], root: Path) -> None:
    server = servers.faulty
    server.faults.clear()
    server.files.clear()
    server.etags = plan["etags"]
    items, definitive = [], set()
    for number, (size, data_faults, api_faults) in enumerate(plan["files"]):
        name = f"d/f{number}"
        # Some files have the same content.
        body = random.Random(size + number % 3).randbytes(size)
        server.files[name] = body
        server.faults[f"/data/{name}"].extend(data_faults)
        if plan["service"]:
            server.faults[f"/api/{name}"].extend(api_faults)
        kinds = [fault.kind for fault in (*data_faults, *(api_faults if plan["service"] else ()))]
        if DEFINITIVE & set(kinds) or kinds.count("expired") > (RENEWALS if plan["service"] else 0):
            definitive.add(name)
        source = Source(f"{server.base}/{'api' if plan['service'] else 'data'}/{name}")
        source.redirects = "service" if plan["service"] else "follow"
        items.append(Item(name, size, {"sha256": hashlib.sha256(body).hexdigest()}, source))
    bodies = dict(server.files)
    for item, body in odd_items(servers.odd, plan):
        items.append(item)
        bodies[item.name] = body
    options = TransferOptions(min_delay=0.002, stall_timeout=3.0, fast=plan["fast"], connections=plan["connections"])
    destination = DirectoryDestination(root, root if plan["store"] else None)
    report = download(items, destination, options=options)
    assert len(report) == len(items)
    # Never wrong bytes under a final name.
    for item in items:
        path = root / item.name
        row = next(row for row in report.rows if row.name == item.name)
        assert path.exists() == row.good, row
        if path.exists():
            assert path.read_bytes() == bodies[item.name], row
    if plan["store"]:
        for digest, status in FileStore(root):
            assert hashlib.sha256(FileStore(root).path(digest).read_bytes()).hexdigest() == digest
            assert status.st_nlink >= 2
    # Temporary faults must not make a file fail.
    for row in report.failed:
        assert row.name in definitive, row
        assert row.error
    if report.failed:
        with pytest.raises(HCAError) as raised:
            report.raise_for_failures()
        assert raised.value.exit_code != ExitCode.OK
        # Without further faults the same command completes.
        server.faults.clear()
        report = download(items, DirectoryDestination(root, root if plan["store"] else None), options=options)
    assert report.ok, report.failed
    partial = root / ".hca" / "v2" / "partial"
    assert not partial.exists(), list(partial.iterdir())


def run_plans(servers: Servers, count: int, derandomize: bool) -> None:
    @settings(
        max_examples=count,
        deadline=None,
        derandomize=derandomize,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(plans)
    def run(plan: dict[str, Any]) -> None:
        root = Path(tempfile.mkdtemp(dir=os.environ.get("HCA_TEST_SHM", None)))
        try:
            carry_out(servers, plan, root)
        finally:
            shutil.rmtree(root)

    run()


def test_seeded_plans_of_faults(shared: Servers) -> None:
    run_plans(shared, 25, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_random_plans_of_faults(shared: Servers) -> None:
    run_plans(shared, 200, derandomize=False)


@pytest.mark.hardening
@pytest.mark.timeout(7200)
def test_a_thousand_random_plans_of_faults(shared: Servers) -> None:
    run_plans(shared, int(os.environ.get("HCA_TEST_PLANS", "1000")), derandomize=False)
