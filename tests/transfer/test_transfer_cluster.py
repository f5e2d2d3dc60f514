"""Downloads on a Dask cluster of two worker processes, and to fsspec destinations."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import (
    DirectoryDestination,
    FileStore,
    Item,
    ObjectStoreDestination,
    Source,
    TransferOptions,
    download,
)
from tests.lib.fault_server import Fault, FaultServer

MIB = 1024 * 1024
pytestmark = pytest.mark.xdist_group("transfer-cluster")


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as made:
        yield made


@pytest.fixture
def options(cluster: Any) -> TransferOptions:
    address = cluster.scheduler_address.removeprefix("tcp://")
    return TransferOptions(executor=f"dask://{address}", min_delay=0.05)


def test_the_same_items_and_the_same_report(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, options: TransferOptions
) -> None:
    sizes = [4096] * 150 + [MIB] * 4 + [20 * MIB, 0]
    items = [item_of(f"d{n % 4}/f{n}", noise(size, n), key=n) for n, size in enumerate(sizes)]
    items += [
        item_of("../evil", b"x"),
        item_of("d0/F0", b"y"),
        item_of("wrong", b"z" * 50, checksums={"sha256": "0" * 64}),
    ]
    items += [Item("gone", 7, {}, Source(f"{server.base}/data/none"))]
    seen: list[Any] = []
    report = download(
        iter(items), DirectoryDestination(tmp_path, tmp_path), options=options,
        on_result=lambda item, row: seen.append((item.key, row.key)),
    )  # fmt: skip
    assert {row.name: row.outcome for row in report.failed} == {
        "../evil": "refused", "d0/F0": "refused", "wrong": "mismatch", "gone": "failed",
    }  # fmt: skip
    assert report.files == len(items)
    assert all(key == row_key for key, row_key in seen)
    for number, size in enumerate(sizes):
        assert (tmp_path / f"d{number % 4}/f{number}").read_bytes() == noise(size, number)
    assert not (tmp_path / ".hca/v2/partial").exists()
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures()
    assert raised.value.exit_code == ExitCode.VERIFICATION


def test_what_a_worker_did_not_come_to_is_in_the_report(
    tmp_path: Path, server: FaultServer, options: TransferOptions
) -> None:
    # A worker takes 32 files of unknown size at once.
    items = [Item(f"f{n}", None, {}, Source(f"{server.base}/data/none{n}")) for n in range(60)]
    options = dataclasses.replace(options, fail_fast=True)
    report = download(items, DirectoryDestination(tmp_path), options=options)
    assert sorted(row.name for row in report.failed) == sorted(item.name for item in items)
    assert set(report.counts) == {"failed", "cancelled"}


def test_a_lost_worker_costs_only_what_it_was_doing(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, options: TransferOptions, cluster: Any
) -> None:
    server.bytes_per_second = 4 * MIB
    items = [item_of(f"f{n}", noise(64 * 1024, n)) for n in range(600)]
    victims = [worker["pid"] for worker in cluster.scheduler_info["workers"].values() if "pid" in worker]
    if not victims:
        victims = [nanny.process.pid for nanny in cluster.workers.values() if nanny.process is not None]

    def kill() -> None:
        while server.requests.total() < 200:
            time.sleep(0.01)
        os.kill(victims[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    report = download(items, DirectoryDestination(tmp_path, tmp_path), options=options)
    killer.join()
    assert report.ok, report.failed
    assert {path.name: path.read_bytes() for path in tmp_path.glob("f*")} == {
        item.name: server.files[item.name] for item in items
    }
    fetched_again = sum(count - 1 for path, count in server.requests.items() if path.startswith("/data") and count > 1)
    assert fetched_again < 300


def test_a_busy_host_is_left_alone_by_all_workers(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, options: TransferOptions
) -> None:
    items = [item_of(f"f{n}", noise(100, n), service=False) for n in range(400)]
    server.busy_until = time.monotonic() + 3
    report = download(items, FileStore(tmp_path), options=options)
    assert report.ok, report.failed
    assert server.turned_away < 120


def test_tokens_that_lapse_are_renewed_by_the_driver(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, options: TransferOptions
) -> None:
    server.refused = "Bearer old"
    tokens = ["old"]
    items = [item_of(f"f{n}", noise(100, n)) for n in range(20)]

    def renew(url: str) -> bool:
        tokens.append("new")
        return True

    for item in items:
        assert isinstance(item.source, Source)
        item.source.headers = lambda url: {"Authorization": f"Bearer {tokens[-1]}"}
        item.source.on_unauthorized = renew
    lock = threading.Lock()
    unpicklable = Item("last", 100, dict(items[0].checksums), lambda: (lock.locked(), items[0].source)[1])  # type: ignore[arg-type, return-value]
    report = download([*items, unpicklable], DirectoryDestination(tmp_path, tmp_path), options=options)
    assert report.ok, report.failed


def test_into_a_place_that_fsspec_knows(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, options: TransferOptions
) -> None:
    items = [item_of(f"d/f{n}", noise(size, n)) for n, size in enumerate([0, 100, 300_000, 9 * MIB])]
    destination = ObjectStoreDestination(f"file://{tmp_path}/to")
    assert download(items, destination, options=options).counts == {"downloaded": 4}
    assert sorted(path.name for path in (tmp_path / "to" / "d").iterdir()) == ["f0", "f1", "f2", "f3"]
    assert (tmp_path / "to" / "d" / "f3").read_bytes() == noise(9 * MIB, 3)
    before = server.requests.total()
    assert download(items, destination, options=options).counts == {"present": 4}
    assert server.requests.total() == before


def test_an_object_store_from_here(tmp_path: Path, item_of: Callable[..., Item], server: FaultServer) -> None:
    import fsspec

    items = [item_of(f"d/f{n}", noise(size, n)) for n, size in enumerate([0, 100, 300_000, 9 * MIB])]
    items.append(item_of("wrong", b"x" * 10, checksums={"sha256": "0" * 64}))
    items.append(item_of("../evil", b"x"))
    server.faults["/data/d/f2"].append(Fault("cut"))
    destination = ObjectStoreDestination("memory://bucket/prefix")
    report = download(items, destination, options=TransferOptions(min_delay=0.01))
    assert {row.name for row in report.failed} == {"wrong", "../evil"}
    store = fsspec.filesystem("memory")
    assert sorted(store.find("/bucket")) == [f"/bucket/prefix/d/f{n}" for n in range(4)]
    assert store.cat("/bucket/prefix/d/f3") == noise(9 * MIB, 3)
    store.pipe("/bucket/prefix/d/f1", b"of another size")
    report = download(items[:3], destination, options=TransferOptions(min_delay=0.01))
    assert {row.name: row.outcome for row in report.rows} == {"d/f0": "present", "d/f1": "refused", "d/f2": "present"}
    store.rm("/bucket", recursive=True)


@pytest.mark.parametrize("executor", ["dask://", "dask://host", "ray://x:1", "dask://h:1/x", "dask://h:port"])
def test_executors_that_there_are_not(tmp_path: Path, executor: str) -> None:
    with pytest.raises(HCAError) as raised:
        download([], FileStore(tmp_path), options=TransferOptions(executor=executor))
    assert raised.value.exit_code == ExitCode.USAGE


def test_no_scheduler_there(tmp_path: Path) -> None:
    with pytest.raises(HCAError) as raised:
        download([], FileStore(tmp_path), options=TransferOptions(executor="dask://127.0.0.1:9", connect_timeout=1.0))
    assert raised.value.exit_code == ExitCode.UNREACHABLE


def test_kinds_of_places_that_are_not_known() -> None:
    with pytest.raises(HCAError):
        ObjectStoreDestination("nonsense://x/y")


def test_the_hash_of_what_travels() -> None:
    """Destinations mean the same on another machine."""
    import pickle

    one = DirectoryDestination("relative", "store", link="copy", fsync=True)
    other = pickle.loads(pickle.dumps(one))
    assert other.root == Path.cwd() / "relative"
    assert other.store.root == Path.cwd() / "store"
    assert (other.link, other.fsync) == ("copy", True)
    digest = hashlib.sha256(b"").hexdigest()
    assert pickle.loads(pickle.dumps(FileStore("x"))).path(digest) == Path.cwd() / FileStore("x").path(digest)
