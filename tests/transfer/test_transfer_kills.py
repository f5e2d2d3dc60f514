"""kill -9 at random moments, each followed by the same command; and two processes with one filestore."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hca_base.transfer import FileStore
from tests.lib.fault_server import FaultServer

MIB = 1024 * 1024

PROGRAM = """
import json, sys
from hca_base.transfer import DirectoryDestination, Item, Source, TransferOptions, download
plan = json.load(open(sys.argv[1]))
items = (Item(name, size, {"sha256": sha256}, Source(plan["base"] + "/api/" + name, redirects="service"))
         for name, size, sha256 in plan["files"])
options = TransferOptions(min_delay=0.05, connections=plan["connections"])
report = download(items, DirectoryDestination(plan["to"], plan["to"]), options=options)
print(report.summary(), file=sys.stderr)
report.raise_for_failures()
"""


def start(plan: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(plan)], stderr=subprocess.PIPE, text=True)


def make_plan(
    server: FaultServer, root: Path, sizes: list[int], connections: int | None = None
) -> tuple[Path, dict[str, bytes]]:
    bodies = {f"d{number % 3}/f{number}": random.Random(number).randbytes(size) for number, size in enumerate(sizes)}
    server.files.update(bodies)
    files = [(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in bodies.items()]
    plan = root / "plan.json"
    plan.write_text(
        json.dumps({"base": server.base, "to": str(root / "to"), "files": files, "connections": connections})
    )
    return plan, bodies


def verified_so_far(root: Path) -> dict[str, int]:
    """Verified bytes of each unfinished file according to its journal, by sha256."""
    found = {}
    for path in (root / ".hca/v2/partial").glob("*.journal"):
        points = [0]
        for line in path.read_text(errors="replace").splitlines()[1:]:
            with contextlib.suppress(ValueError):
                points.append(json.loads(line)[0])
        found[path.name.removesuffix(".journal")] = max(points)
    return found


def check_no_wrong_names(root: Path, bodies: dict[str, bytes]) -> None:
    for name, body in bodies.items():
        path = root / name
        if path.exists():
            assert path.read_bytes() == body
    for digest, status in FileStore(root):
        assert status.st_size in {len(body) for body in bodies.values()}
        assert hashlib.sha256(FileStore(root).path(digest).read_bytes()).hexdigest() == digest


def kill_and_go_on(server: FaultServer, root: Path, moments: int, seed: int) -> None:
    chance = random.Random(seed)
    sizes = [4096] * 150 + [MIB] * 6 + [0, 24 * MIB, 40 * MIB]
    plan, bodies = make_plan(server, root, sizes)
    to = root / "to"
    by_digest = {hashlib.sha256(body).hexdigest(): name for name, body in bodies.items()}
    server.bytes_per_second = 40 * MIB
    for _ in range(moments):
        process = start(plan)
        time.sleep(chance.uniform(0.2, 1.6))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
        check_no_wrong_names(to, bodies)
        verified = verified_so_far(to)
        done = {digest for digest, _ in FileStore(to)}
        server.ranges.clear()
        # Verified bytes are not downloaded again by later runs.
        if chance.random() < 0.5:
            finish(plan, to, bodies)
            for digest in done:
                assert not server.ranges[f"/data/{by_digest[digest]}"]
            for digest, offset in verified.items():
                asked = server.ranges[f"/data/{by_digest[digest]}"]
                assert all(begin >= offset for begin, _ in asked), (offset, asked)
            for directory, _, names in os.walk(to, topdown=False):
                for name in names:
                    (Path(directory) / name).unlink()
                Path(directory).rmdir()
    finish(plan, to, bodies)


def finish(plan: Path, to: Path, bodies: dict[str, bytes]) -> None:
    process = start(plan)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert {name: (to / name).read_bytes() for name in bodies} == bodies
    assert not (to / ".hca/v2/partial").exists()


def test_kills_at_some_moments(tmp_path: Path, server: FaultServer) -> None:
    kill_and_go_on(server, tmp_path, 4, seed=3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_at_many_moments(tmp_path: Path, server: FaultServer) -> None:
    kill_and_go_on(server, tmp_path, 50, seed=random.randrange(1 << 30))


@pytest.mark.hardening
@pytest.mark.timeout(5000)
def test_a_hundred_kills(tmp_path: Path, server: FaultServer) -> None:
    kill_and_go_on(server, tmp_path, 100, seed=random.randrange(1 << 30))


def test_a_journal_is_not_believed(tmp_path: Path, server: FaultServer) -> None:
    """Bytes that changed on disk since they were received are downloaded again, from that position only."""
    plan, bodies = make_plan(server, tmp_path, [40 * MIB], connections=1)
    to = tmp_path / "to"
    ((name, body),) = bodies.items()
    digest = hashlib.sha256(body).hexdigest()
    server.hold_at[f"/data/{name}"] = 32 * MIB
    process = start(plan)
    while verified_so_far(to).get(digest, 0) < 16 * MIB:
        time.sleep(0.02)
        assert process.poll() is None
    process.kill()
    process.communicate()
    server.released.set()
    partial = to / ".hca/v2/partial" / digest
    with partial.open("r+b") as stream:
        stream.seek(9 * MIB)
        stream.write(b"damaged")
    with partial.with_name(digest + ".journal").open("a") as stream:
        stream.write('[4000000000, "ab')
    server.ranges.clear()
    finish(plan, to, bodies)
    first = min(begin for begin, _ in server.ranges[f"/data/{name}"])
    assert 4 * MIB < first <= 9 * MIB


def test_an_empty_journal_and_foreign_files_do_no_harm(tmp_path: Path, server: FaultServer) -> None:
    plan, bodies = make_plan(server, tmp_path, [9 * MIB, 100])
    to = tmp_path / "to"
    digest = hashlib.sha256(next(iter(bodies.values()))).hexdigest()
    partial = to / ".hca/v2/partial"
    partial.mkdir(parents=True)
    (partial / digest).write_bytes(b"x" * 20 * MIB)
    (partial / f"{digest}.journal").write_text('{"format": 99}\n[8388608, "00"]\n')
    (partial / f"{'0' * 64}.journal").write_text("\x00\x01")
    (partial / ("1" * 64)).write_bytes(b"nobody's")
    (partial / "tmp-elsewhere-999999999-1").write_bytes(b"old")
    os.utime(partial / "tmp-elsewhere-999999999-1", (1, 1))
    finish(plan, to, bodies)


def test_a_kill_between_the_two_names_of_a_file(tmp_path: Path, server: FaultServer) -> None:
    """The partial file still has its name next to the final one: it must not be written to any more."""
    plan, bodies = make_plan(server, tmp_path, [9 * MIB])
    to = tmp_path / "to"
    finish(plan, to, bodies)
    ((name, body),) = bodies.items()
    digest = hashlib.sha256(body).hexdigest()
    (to / ".hca/v2/partial").mkdir()
    os.link(FileStore(to).path(digest), to / ".hca/v2/partial" / digest)
    (to / ".hca/v2/partial" / f"{digest}.journal").write_text("{}\n")
    (to / name).unlink()
    finish(plan, to, bodies)


def test_two_processes_on_one_filestore(tmp_path: Path, server: FaultServer) -> None:
    plan, bodies = make_plan(server, tmp_path, [4096] * 200 + [MIB] * 5 + [20 * MIB, 36 * MIB, 0])
    server.bytes_per_second = 100 * MIB
    processes = [start(plan) for _ in range(3)]
    for process in processes:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    to = tmp_path / "to"
    assert {name: (to / name).read_bytes() for name in bodies} == bodies
    assert not (to / ".hca/v2/partial").exists()
    for name, body in bodies.items():
        if len(body) > 8 * MIB:
            # One of them downloads a large file, while the others wait for it.
            assert server.sent[f"/data/{name}"] < 1.9 * len(body)
        elif body:
            assert 1 <= server.requests[f"/data/{name}"] <= 3


def test_ctrl_c_in_a_terminal(tmp_path: Path, server: FaultServer) -> None:
    plan, bodies = make_plan(server, tmp_path, [4096] * 50 + [30 * MIB])
    large = f"/data/{list(bodies)[-1]}"
    server.hold_at[large] = MIB
    process = start(plan)
    while server.sent[large] < MIB:
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    server.released.set()
    assert process.returncode in (130, -signal.SIGINT, 1)
    check_no_wrong_names(tmp_path / "to", bodies)
    finish(plan, tmp_path / "to", bodies)
