"""Uploads with faults: no incomplete file is reported as uploaded, and none is silently lost."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Runner

MIB = 1024 * 1024


@contextlib.contextmanager
def patched(owner: Any, name: str, replacement: Any) -> Iterator[None]:
    """Temporarily change the behaviour of the running service."""
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        delattr(owner, name)


def complete(stdout: str) -> set[str]:
    """Paths that were reported as uploaded or present."""
    line = r"^Upload complete of (.*) to upload area s3://\S+(?: \(it was there already\))?$"
    return set(re.findall(line, stdout, re.MULTILINE))


def failed(stderr: str) -> set[str]:
    """Paths that were reported as failed."""
    return set(re.findall(r"not uploaded: (.*?): ", stderr))


def whole(site: Any, area: str, hca: Runner, names: set[str]) -> bool:
    """Whether the objects are there, byte for byte."""
    objects = site.objects(area)
    blobs = site.deployment.ctx.store.blobs
    return all(name in objects and blobs.read(objects[name].sha256) == (hca.cwd / name).read_bytes() for name in names)


def test_a_connection_that_drops_in_each_part(
    hca: Runner, proxy: Any, site: Any, area: str, pattern_of: Callable[..., bytes]
) -> None:
    hca.write("large.bam", pattern_of(130 * MIB))
    hca.write("middle.bam", pattern_of(9 * MIB, 2))
    hca.write("small.bam", pattern_of(200_000, 3))
    seen: set[bytes] = set()

    def once(head: bytes) -> bool:
        place = re.sub(rb"uploadId=[^& ]*", b"", head)
        fresh = head.startswith(b"PUT") and place not in seen
        seen.add(place)
        return fresh

    hca("upload", "select", f"s3://{site.bucket}/{area}/")
    proxy.cut = once
    done = hca("upload", "files", "large.bam", "middle.bam", "small.bam")
    assert proxy.cuts == 5, "three parts, and two files of one part"
    assert complete(done.stdout) == {"large.bam", "middle.bam", "small.bam"}
    assert whole(site, area, hca, complete(done.stdout))
    assert {1, 2, 3} == set(proxy.parts)


def test_a_store_that_drops_every_connection(
    hca: Runner, proxy: Any, site: Any, area: str, pattern_of: Callable[..., bytes]
) -> None:
    hca.write("a.txt", b"a")
    hca.write("b.bam", pattern_of(300_000))
    hca("upload", "select", f"s3://{site.bucket}/{area}/")
    proxy.cut = lambda head: head.startswith(b"PUT") and b"b.bam" in head
    done = hca("upload", "files", "a.txt", "b.bam", "--retries", "2", check=6)
    assert complete(done.stdout) == {"a.txt"}
    assert failed(done.stderr) == {"b.bam"}
    assert "1 of 2 files were not uploaded" in done.stderr
    assert "Completed" not in done.stdout
    proxy.cut = lambda head: False
    assert complete(hca("upload", "files", "a.txt", "b.bam").stdout) == {"a.txt", "b.bam"}
    assert whole(site, area, hca, {"a.txt", "b.bam"})


@pytest.mark.parametrize(
    "told", [pytest.param(True, marks=pytest.mark.slow, id="announced"), pytest.param(False, id="unannounced")]
)
def test_credentials_that_lapse_in_the_middle_of_a_file(
    nowhere: Runner, tmp_path: Path, site_of: Any, pattern_of: Callable[..., bytes], told: bool
) -> None:
    from hca_local.server import Deployment

    hca = nowhere
    with Deployment(tmp_path / "deployment", credentials_ttl=4) as deployment:
        site = site_of(deployment)
        hca.configure(site.settings())
        uri = site.area()
        hca("upload", "select", uri)
        area = uri.rstrip("/").rpartition("/")[2]
        hca.write("large.bam", pattern_of(130 * MIB))
        lent = 0
        lend = site.service.areas.lend

        def lending(name: str) -> dict[str, str]:
            nonlocal lent
            lent += 1
            keys = lend(name)
            return keys if told else {**keys, "Expiration": "2099-01-01T00:00:00Z"}

        with patched(site.service.areas, "lend", lending):
            done = hca("upload", "files", "large.bam", "--limit-rate", "20MiB")
        assert complete(done.stdout) == {"large.bam"}
        assert whole(site, area, hca, {"large.bam"})
        assert lent > 2, "once for the listing, once to begin, and again when they had lapsed"


def test_a_service_that_is_busy_when_told_of_files(hca: Runner, site: Any, area: str) -> None:
    from hca_local.upload_service.errors import problem

    names = {f"f{number}.txt" for number in range(6)}
    for name in names:
        hca.write(name, name.encode())
    notify = site.service.files.notify
    asked: dict[str, int] = {}

    def busy(uuid: str, name: str) -> None:
        asked[name] = asked.get(name, 0) + 1
        if asked[name] < 3:
            raise problem(503, "Service Unavailable")
        notify(uuid, name)

    with patched(site.service.files, "notify", busy):
        done = hca("upload", "files", *sorted(names))
    assert complete(done.stdout) == names
    assert set(asked.values()) == {3}
    site.until(lambda: set(site.checksum_states(area).values()) == {"CHECKSUMMED"})


def test_a_service_that_cannot_be_told(hca: Runner, site: Any, area: str) -> None:
    from hca_local.upload_service.errors import problem

    hca.configure({**hca.config(), "http": {"retries": 1}})
    hca.write("told.txt", b"told")
    hca.write("untold.txt", b"untold")
    notify = site.service.files.notify

    def broken(uuid: str, name: str) -> None:
        if name == "untold.txt":
            raise problem(503, "Service Unavailable")
        notify(uuid, name)

    with patched(site.service.files, "notify", broken):
        done = hca("upload", "files", "told.txt", "untold.txt", check=None)
    assert done.returncode in (1, 6)
    assert complete(done.stdout) == {"told.txt"}
    assert "it is in the bucket, but the service could not be notified" in done.stderr
    site.until(lambda: site.checksum_states(area) == {"told.txt": "CHECKSUMMED", "untold.txt": "UNSCHEDULED"})
    # The next run notifies the service, and uploads nothing.
    before = site.objects(area)["untold.txt"].modified
    assert complete(hca("upload", "files", "told.txt", "untold.txt").stdout) == {"told.txt", "untold.txt"}
    assert site.objects(area)["untold.txt"].modified == before
    site.until(lambda: set(site.checksum_states(area).values()) == {"CHECKSUMMED"})


@pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX")
def test_a_client_that_is_killed(
    hca: Runner, proxy: Any, site: Any, area: str, pattern_of: Callable[..., bytes]
) -> None:
    hca.write("large.bam", pattern_of(130 * MIB))
    hca.write("small.txt", b"small")
    hca("upload", "select", f"s3://{site.bucket}/{area}/")
    notes = hca.home / ".local" / "state" / "hca" / "uploads"

    def parts_noted() -> int:
        return sum(len(path.read_text().splitlines()) - 1 for path in notes.glob("*.jsonl"))

    with hca.running("upload", "files", "small.txt", "large.bam", "--limit-rate", "30MiB") as process:
        site.until(lambda: process.poll() is not None or (notes.exists() and parts_noted() > 0))
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
    assert "large.bam" not in complete(out)
    assert "large.bam" not in site.objects(area)
    proxy.parts.clear()
    done = hca("upload", "files", "small.txt", "large.bam")
    assert complete(done.stdout) == {"small.txt", "large.bam"}
    assert whole(site, area, hca, {"small.txt", "large.bam"})
    assert len(proxy.parts) < 3, "a part that had arrived was sent again"
    site.until(lambda: set(site.checksum_states(area).values()) == {"CHECKSUMMED"})


@pytest.mark.parametrize("fate", ["locked", "deleted"])
def test_an_area_that_is_taken_away_meanwhile(hca: Runner, site: Any, area: str, fate: str) -> None:
    names = {f"f{number:02}.txt" for number in range(40)}
    for name in names:
        hca.write(name, name.encode() * 1000)
    notify = site.service.files.notify
    there: set[str] = set()

    def last(uuid: str, name: str) -> None:
        notify(uuid, name)
        there.update(site.objects(area))
        if len(there) > 3 and fate == "locked":
            site.set_status(uuid, "LOCKED")
        elif len(there) > 3:
            site.service.areas.delete(uuid)

    with patched(site.service.files, "notify", last):
        done = hca("upload", "files", *sorted(names), "--connections", "1", "--limit-rate", "60k", check=None)
    assert done.returncode in (1, 3, 4, 5), done.stderr
    uploaded, lost = complete(done.stdout), failed(done.stderr)
    assert lost and uploaded <= there
    assert uploaded | lost == names and not uploaded & lost, "each file is reported, once"
    for line in done.stderr.splitlines():
        assert len(re.findall(r"f\d\d\.txt", line)) <= 1, line
    if fate == "locked":
        assert whole(site, area, hca, uploaded)
        refused = hca("upload", "files", *sorted(names), check=5)
        assert f"upload area {area} is LOCKED" in refused.stderr
        site.set_status(area, "UNLOCKED")
        assert complete(hca("upload", "files", *sorted(names)).stdout) == names
        assert whole(site, area, hca, names)
    else:
        site.until(lambda: not site.objects(area))
        assert not complete(hca("upload", "files", *sorted(names), check=4).stdout)


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ("grows", 20 * MIB),
        ("changes", 70 * MIB),
        ("vanishes", 20 * MIB),
        pytest.param("shrinks", 20 * MIB, marks=pytest.mark.slow),
        pytest.param("shrinks", 70 * MIB, marks=pytest.mark.slow),
        pytest.param("grows", 70 * MIB, marks=pytest.mark.slow),
        pytest.param("changes", 20 * MIB, marks=pytest.mark.slow),
        pytest.param("vanishes", 70 * MIB, marks=pytest.mark.slow),
    ],
)
def test_a_file_that_does_not_rest(
    hca: Runner, proxy: Any, site: Any, area: str, pattern_of: Callable[..., bytes], how: str, size: int
) -> None:
    path = hca.write("live.bam", pattern_of(size))
    hca.write("still.txt", b"still")
    hca("upload", "select", f"s3://{site.bucket}/{area}/")
    rate = f"{size // MIB}MiB"
    with hca.running("upload", "files", "still.txt", "live.bam", "--limit-rate", rate, "--retries", "1") as process:
        site.until(lambda: proxy.received > 3 * MIB or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        if how == "grows":
            with path.open("ab") as file:
                file.write(b"more")
        elif how == "changes":
            with path.open("r+b") as file:
                file.seek(size - 10)
                file.write(b"different!")
        elif how == "shrinks":
            with path.open("r+b") as file:
                file.truncate(size // 2)
        else:
            path.unlink()
        out, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert complete(out) == {"still.txt"}
    assert failed(err) == {"live.bam"}, err
    assert "Traceback" not in err
    assert site.checksum_states(area).get("live.bam", "UNSCHEDULED") == "UNSCHEDULED", "the service was told of it"
    if how != "vanishes":
        assert complete(hca("upload", "files", "still.txt", "live.bam").stdout) == {"still.txt", "live.bam"}
        assert whole(site, area, hca, {"still.txt", "live.bam"})


def test_a_file_that_vanishes_before_its_turn(hca: Runner, site: Any, area: str) -> None:
    for name in ("a.txt", "b.txt"):
        hca.write(name, name.encode())
    hca("upload", "files", "a.txt", "b.txt")
    lend = site.service.areas.lend

    def too_late(uuid: str) -> dict[str, str]:
        # The files have been found by then, and are about to be compared.
        (hca.cwd / "b.txt").unlink(missing_ok=True)
        return dict(lend(uuid))

    with patched(site.service.areas, "lend", too_late):
        done = hca("upload", "files", "a.txt", "b.txt", check=1)
    assert complete(done.stdout) == {"a.txt"}
    assert failed(done.stderr) == {"b.txt"}


def test_ctrl_c(hca: Runner, proxy: Any, site: Any, area: str, pattern_of: Callable[..., bytes]) -> None:
    if sys.platform == "win32":
        pytest.skip("only on POSIX")
    hca.write("large.bam", pattern_of(20 * MIB))
    hca("upload", "select", f"s3://{site.bucket}/{area}/")
    with hca.running("upload", "files", "large.bam", "--limit-rate", "2MiB") as process:
        site.until(lambda: proxy.received > MIB or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 20
    assert not complete(out)
    assert "Traceback" not in err
    assert "large.bam" not in site.objects(area)
