"""Downloads with faults, from one server and from two."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hca_drs.client import DRSClient
from hca_drs.download.sources import Sources
from hca_drs.objects.model import DrsObject
from hca_drs.servers.reading import read_many
from hca_drs.testing import Blob, Bundle, EmbeddedDrs, Faults, Member, Repository

from hca_base.transfer import TransferOptions

QUICK = TransferOptions(min_delay=0.02, progress="none")
TOKENS = ("TOKEN-OF-THE-FIRST-HOST", "TOKEN-OF-THE-SECOND-HOST")


def blob(seed: int, size: int, **more: Any) -> Blob:
    """A blob of random bytes."""
    return Blob(random.Random(seed).randbytes(size), f"f{seed}.bin", **more)


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_addresses_that_expire_are_renewed_in_the_middle_of_a_file(
    make_client: Callable[..., DRSClient], tmp_path: Path, opaque: bool, signed: bool
) -> None:
    faults = Faults(url_life=1.0, opaque=opaque, cut_at=4_000_000, pause=1.5)
    with EmbeddedDrs(Repository(), faults) as drs:
        big = blob(1, 12_000_000, signed=signed)
        drs.repository.add("big", big)
        options = TransferOptions(min_delay=1.5, progress="none", connections=1)
        make_client().download(drs.uri("big"), tmp_path / "out", options=options)
        assert (tmp_path / "out" / "f1.bin").read_bytes() == big.data
        # It resumed where it was cut: the bytes before that were not sent again.
        later = [headers for where, _, _, headers in drs.requests if where == "storage" and "Range" in headers]
        assert any(not headers["Range"].startswith("bytes=0-") for headers in later)
        asked = drs.count("api", part="/access/") if signed else drs.count("api", "GET", "/objects/big")
        assert 2 <= asked <= 5


def test_waits_and_refusals(make_client: Callable[..., DRSClient], tmp_path: Path) -> None:
    with EmbeddedDrs(faults=Faults(accepted=2, busy=0.2, errors=0.1, api_drop=0.1, retry_after=0)) as drs:
        outcome = make_client({"connections": 2}).download(drs.uri("study"), tmp_path / "out", options=QUICK)
        assert outcome.report.counts["downloaded"] == 3
        assert drs.count("api", part="/objects/table") >= 3


def test_each_host_has_a_limit_of_its_own(make_client: Callable[..., DRSClient]) -> None:
    def watched(server: EmbeddedDrs) -> list[int]:
        honest, lock, active, seen = server.api, threading.Lock(), [0], [0]

        def api(*request: Any) -> Any:
            with lock:
                active[0] += 1
                seen[0] = max(seen[0], active[0])
            time.sleep(0.02)
            try:
                return honest(*request)
            finally:
                with lock:
                    active[0] -= 1

        server.__dict__["api"] = api
        return seen

    # Without bulk requests, each object takes a request.
    with EmbeddedDrs(Repository(), version="1.2.0") as first, EmbeddedDrs(Repository(), version="1.2.0") as second:
        for server in (first, second):
            for number in range(40):
                server.repository.add(f"o{number}", blob(number, 10))
        seen = watched(first), watched(second)
        client = make_client({"connections": 4, "hosts": {second.host: {"connections": 1}}})
        uris = [server.uri(f"o{number}") for number in range(40) for server in (first, second)]
        assert sum(entry.object is not None for entry in client.walk(uris)) == 80
        assert 0 < seen[0][0] <= 4
        assert seen[1][0] == 1


def test_the_next_way_is_taken(make_client: Callable[..., DRSClient], tmp_path: Path) -> None:
    with EmbeddedDrs(Repository(), requester_pays=("gs-bucket",)) as drs:
        drs.repository.add("x", blob(1, 500, access=("gs", "s3"), signed=False))
        settings = {"gs_endpoint": f"{drs.storage_url}/gs", "s3_endpoint": f"{drs.storage_url}/s3"}
        client = make_client({**settings, "access": ["gs", "s3"]})
        client.download(drs.uri("x"), tmp_path / "out", options=QUICK)
        assert drs.count("storage", part="/gs/") and drs.count("storage", part="/s3/")
        before = drs.count("storage", part="/gs/")
        client.download(drs.uri("x"), tmp_path / "again", access=["s3"], options=QUICK)
        assert drs.count("storage", part="/gs/") == before


@pytest.mark.parametrize("version", ["1.2.0", "1.3.0", "1.4.0", "1.5.0"])
def test_bulk_requests_where_the_version_has_them(
    make_client: Callable[..., DRSClient], tmp_path: Path, version: str
) -> None:
    repository = Repository()
    names = [repository.add(f"o{n}", blob(n, 100)) for n in range(250)]
    repository.add("all", Bundle([*(Member(f"{n}.bin", name) for n, name in enumerate(names)), Member("no", "gone")]))
    with EmbeddedDrs(repository, version=version, bulk_limit=100) as drs:
        outcome = make_client().run_download(
            [drs.uri("all")], tmp_path / "out", make_client().preferences(), options=QUICK
        )
        assert (outcome.report.counts["downloaded"], outcome.report.counts["failed"]) == (250, 1)
        single, bulk = drs.count("api", "GET", "/objects/o"), drs.count("api", "POST")
        assert (single == 0 and 3 <= bulk < 40) if version >= "1.4" else (single >= 500 and bulk == 0)
        assert drs.problems == []


def test_bulk_requests_that_are_refused(make_client: Callable[..., DRSClient], tmp_path: Path) -> None:
    repository = Repository()
    repository.add("all", Bundle([Member(f"{n}", repository.add(f"o{n}", blob(n, 100))) for n in range(20)]))
    with EmbeddedDrs(repository, bulk_limit=100) as drs:
        # Its service info claims a larger limit than it has.
        drs.repository, limit = repository, drs.bulk_limit
        drs._info = lambda: {"drs": {"maxBulkRequestLength": 500}}  # type: ignore[method-assign]
        drs.contract, drs.bulk_limit = None, 5
        assert limit > drs.bulk_limit
        make_client().download(drs.uri("all"), tmp_path / "out", options=QUICK)
        assert drs.count("api", "POST") <= 3


def test_cycles_depth_and_numbers(hca: Any) -> None:
    repository = Repository()
    repository.add("x", Blob(b"x" * 30, "x.txt"))
    repository.add("a", Bundle([Member("b", "b"), Member("x.txt", "x")], "a"))
    repository.add("b", Bundle([Member("a", "a"), Member("b", "b"), Member("x.txt", "x")], "b"))
    for level in range(40):
        repository.add(f"deep{level}", Bundle([Member("d", f"deep{level + 1}"), Member("e", f"deep{level + 1}")]))
    repository.add("deep40", Blob(b"end"))
    with EmbeddedDrs(repository) as drs:
        done = hca("drs", "download", drs.uri("a"))
        assert hca.files() == {"a/x.txt", "a/b/x.txt"}
        assert "contain themselves" in done.stderr
        assert [row["kind"] for row in hca.json("drs", "list", drs.uri("a"))].count("cycle") == 2
        done = hca("drs", "list", drs.uri("deep0"), "--max-depth", "3", check=5)
        assert "bundles are nested more than 3 levels deep, at deep" in done.error and "--max-depth" in done.hint
        # Two members for each bundle: a thousand million objects at the thirtieth level.
        done = hca("drs", "list", drs.uri("deep0"), "--max-objects", "5000", check=5)
        assert "more than 5,000 objects" in done.error and "--max-objects" in done.hint


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/../../b", "", "con\x00trol", "..", "a/b"])
def test_names_of_a_hostile_server(hca: Any, name: str) -> None:
    repository = Repository()
    repository.add("x", Blob(b"content", "x.txt"))
    repository.add("all", Bundle([Member(name, "x"), Member("fine", "x")], "all"))
    with EmbeddedDrs(repository) as drs:
        drs.contract = None
        hca("drs", "download", drs.uri("all"), "--download-dir", "in", check=None)
        assert "all/fine" in hca.files("in")
        outside = [path for path in hca.home.rglob("*") if path.is_file() and path.read_bytes() == b"content"]
        assert all(hca.cwd / "in" in path.parents for path in outside)


def test_another_server_has_the_member(hca: Any) -> None:
    with EmbeddedDrs() as first, EmbeddedDrs(Repository()) as second:
        second.repository.add("all", Bundle([Member("t.csv", "not-here", (first.uri("table"),))], "all"))
        hca("drs", "download", second.uri("all"))
        assert hca.files() == {"all/t.csv"}


def study(first: EmbeddedDrs, second: EmbeddedDrs, count: int) -> tuple[str, dict[str, Blob]]:
    """Nested bundles of ``count`` blobs on two servers; returns the outermost identifier, and the blobs by path."""
    blobs: dict[str, Blob] = {}
    spellings = ("sha-256", "SHA256", "md5", "sha-512")
    outer: list[Member] = []
    for group in range(0, count, 50):
        inner: list[Member] = []
        for number in range(group, min(group + 50, count)):
            server = first if number % 3 else second
            made = blob(number, 9_000_000 if number % 1000 == 7 else 200 + number % 4000, signed=number % 5 > 0)
            kind = spellings[number % 4]
            made.checksums = [(kind, hashlib.new(kind.lower().replace("-", ""), made.data).hexdigest())]
            if number % 500 == 11:
                made.bytes_sent = made.data[:-1] + b"?"
            identifier = server.repository.add(f"{number:05d}/x", made)
            own = server is first
            inner.append(Member(f"{number}.bin", identifier if own else None, () if own else (server.uri(identifier),)))
            blobs[f"study/g{group}/{number}.bin"] = made
        outer.append(Member(f"g{group}", first.repository.add(f"g{group}", Bundle(inner))))
    first.repository.add("study", Bundle(outer, "study"))
    return first.uri("study"), blobs


def run_study(hca: Any, count: int, kills: int) -> None:
    """Download a study with faults, killed and resumed."""
    # URLs with an expiry time are renewed before they expire; these have none.
    faults = Faults(drop=0.01, api_drop=0.01, busy=0.01, flipped=0.003, url_life=3.0, opaque=True, retry_after=0)
    with (
        EmbeddedDrs(Repository(), faults, token=TOKENS[0]) as first,
        EmbeddedDrs(Repository(), Faults(drop=0.01, busy=0.01, retry_after=0), token=TOKENS[1]) as second,
    ):
        uri, blobs = study(first, second, count)
        for server, token in ((first, TOKENS[0]), (second, TOKENS[1])):
            hca("drs", "login", server.host, stdin=token)
        words = ("drs", "download", uri, "--download-dir", "data")
        for number in range(kills):
            with hca.running(*words) as process:
                wanted = count * (number + 1) // (kills + 2)
                ends = time.monotonic() + 120
                while len(hca.files("data") if (hca.cwd / "data").exists() else ()) < wanted:
                    assert process.poll() is None and time.monotonic() < ends, process.stderr.read()
                    time.sleep(0.1)
                process.send_signal(signal.SIGKILL)
        moved = first.count("storage") + second.count("storage")
        done = hca(*words, "--report", "report.tsv", check=7, timeout=500)
        wrong = {path for path, each in blobs.items() if each.bytes_sent is not None}
        assert hca.files("data") == set(blobs) - wrong
        for path in set(blobs) - wrong:
            assert (hca.cwd / "data" / path).read_bytes() == blobs[path].data, path
        assert f"{len(wrong):,} mismatch" in done.stderr
        assert "present" in done.stderr if kills else True
        if kills:
            # Present files were not downloaded again.
            assert first.count("storage") + second.count("storage") - moved < count
        # The faults occurred: without them the test would be meaningless.
        happened = first.faults.happened + second.faults.happened
        assert happened.total() > 0
        if count >= 1000:
            assert all(happened[kind] for kind in ("drop", "busy", "flipped", "url_life"))
        for server, other in ((first, TOKENS[1]), (second, TOKENS[0])):
            assert not any(other in str(request) for request in server.requests)
            assert server.problems == []
        assert not any(
            "Authorization" in headers
            for server in (first, second)
            for where, _, _, headers in server.requests
            if where == "storage"
        )
        assert not any(token in hca.written() for token in TOKENS)


def test_a_study_through_faults_killed_and_taken_up_again(hca: Any) -> None:
    run_study(hca, 400, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_thousand_objects_through_faults(hca: Any) -> None:
    run_study(hca, 3000, 2)


def test_interrupted_it_keeps_what_has_arrived(hca: Any) -> None:
    with EmbeddedDrs(Repository(), Faults(cut_at=3_000_000, pause=60)) as drs:
        big = blob(1, 9_000_000)
        drs.repository.add("big", big)
        words = ("drs", "download", drs.uri("big"), "--limit-rate", "20M")
        with hca.running(*words) as process:
            ends = time.monotonic() + 90
            # The connection stays open after the cut: less than a checkpoint of the journal has arrived.
            while not any(has(path, big.data[:2_000_000]) for path in (hca.cwd / ".hca").rglob("*")):
                assert process.poll() is None and time.monotonic() < ends, process.stderr.read()
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            try:
                _, told = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                pytest.fail("it does not end")
        assert process.returncode == 130
        assert told == "hca: interrupted\n  hint: run the same command again to continue\n"
        drs.faults.pause = 0.0
        before = len(drs.requests)
        done = hca(*words, "--report", "report.json")
        starts = [int(h["Range"][6:].partition("-")[0]) for w, _, _, h in drs.requests[before:] if w == "storage"]
        assert min(starts) >= 2_000_000
        report = json.loads((hca.cwd / "report.json").read_text())
        assert report["bytes_resumed"] == min(starts)
        assert report["bytes_moved"] + report["bytes_resumed"] == len(big.data)
        assert "from an earlier run" in done.stderr
        assert (hca.cwd / "f1.bin").read_bytes() == big.data


def has(path: Path, start: bytes) -> bool:
    """Whether a file begins with some bytes."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(start)) == start
    except OSError:
        return False


@pytest.mark.parametrize("signed", [False, True], ids=["address in the object", "addresses asked for together"])
def test_addresses_that_lapse_before_their_turn_are_renewed_and_never_used(
    make_client: Callable[..., DRSClient], tmp_path: Path, signed: bool
) -> None:
    """A server that counts or bans refused requests sees none: the URL contains its expiry time."""
    repository = Repository()
    members = [Member(f"{n}", repository.add(f"o{n}", blob(n, 500, signed=signed))) for n in range(12)]
    repository.add("all", Bundle(members))
    with EmbeddedDrs(repository, Faults(url_life=2.0)) as drs:
        honest = drs.storage

        def slow(*request: Any) -> Any:
            time.sleep(0.4)
            return honest(*request)

        drs.__dict__["storage"] = slow
        options = TransferOptions(min_delay=0.02, progress="none", connections=1)
        outcome = make_client({"connections": 1}).download(drs.uri("all"), tmp_path / "out", options=options)
        assert outcome.report.counts["downloaded"] == 12
        assert drs.faults.happened["url_life"] == 0
        assert drs.count("storage") == 12
        # Renewal was necessary: the first URLs had expired at the end.
        assert drs.count("api", part="/access/https" if signed else "/objects/o") >= 6


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("life", "renewed"), [(5.0, True), (3600.0, False)])
def test_an_address_is_renewed_when_little_of_its_life_is_left(
    client: DRSClient, signed: bool, life: float, renewed: bool
) -> None:
    with EmbeddedDrs(Repository(), Faults(url_life=life)) as drs:
        for number in range(3):
            drs.repository.add(f"o{number}", blob(number, 100, signed=signed))
        places = [client.resolve(drs.uri(f"o{number}")) for number in range(3)]
        found = Sources(client.servers, client.preferences())
        objects = [each for each in read_many(client.servers, places) if isinstance(each, DrsObject)]
        ways = [found.of(each)[0] for each in objects]
        drs.faults.url_life = 3600.0
        if signed:
            # The URLs of all three are in the same response as that of the first.
            drs.faults.url_life = life
            ways[0]()
            drs.faults.url_life = 3600.0
        before = drs.count("api")
        expires = ways[2]().expires
        assert expires is not None and expires > time.time() + 1000
        assert (drs.count("api") > before) is renewed
