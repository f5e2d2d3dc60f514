"""Destinations of reports: files, links, pipes, devices, stdout, and unwritable ones."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hca_base.errors import HCAError, UsageError
from hca_base.output import with_subject
from hca_base.transfer import (
    DirectoryDestination,
    FileStore,
    Item,
    Report,
    Row,
    Source,
    TransferOptions,
    UploadItem,
    add_transfer_options,
    download,
    options_from_args,
    upload,
)
from tests.lib import Runner
from tests.lib.downloads import noise
from tests.lib.fault_server import Fault, FaultServer


def filled(*names: str) -> Report:
    report = Report()
    for name in names or ("one", "two"):
        report.add(Row(name, "downloaded", 1, 0.5, 1, "", "", "/x"))
    return report


@pytest.fixture
def root(tmp_path: Path, item_of: Callable[..., Item]) -> Path:
    items = [item_of(f"f{number}", b"x" * (100 + number)) for number in range(3)]
    assert download(items, DirectoryDestination(tmp_path / "root", tmp_path / "root")).ok
    return tmp_path / "root"


def test_a_device_stays_a_device(tmp_path: Path, hca: Runner, root: Path) -> None:
    before = Path("/dev/null").stat()
    # Through a link, so that at worst the link is lost: root could replace the device itself.
    (tmp_path / "null").symlink_to("/dev/null")
    filled().write(tmp_path / "null")
    hca("transfer", "verify", root, "--report", tmp_path / "null", check=0)
    assert (tmp_path / "null").is_symlink()
    after = Path("/dev/null").stat()
    assert (after.st_mode, after.st_ino, after.st_rdev) == (before.st_mode, before.st_ino, before.st_rdev)
    assert stat.S_ISCHR(before.st_mode)


@pytest.mark.parametrize("name", ["report", "report.json"])
def test_a_pipe_is_written_to(tmp_path: Path, hca: Runner, root: Path, name: str) -> None:
    pipe = tmp_path / name
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    hca("transfer", "verify", root, "--report", pipe, check=0)
    reader.join(20)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "root", "home"])
    if name == "report":
        assert len(got[0].splitlines()) == 4
    else:
        assert json.loads(got[0])["files"] == 3


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    for _ in range(2):
        filled().write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert len((tmp_path / "real").read_text().splitlines()) == 3
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    filled().write(tmp_path / "report.json")
    (tmp_path / "other").touch()
    assert (tmp_path / "report.json").stat().st_mode == (tmp_path / "other").stat().st_mode


PROGRAM = """
import sys
from hca_base.transfer import Report, Row
report = Report()
report.add(Row("name", "downloaded", 1, 0.5, 1, "", "", "/x"))
print("before")
report.write(sys.argv[1])
print("after")
"""


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_our_own_output(tmp_path: Path, kind: str) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "link")]
    if kind == "file":
        with (tmp_path / "out").open("w") as out:
            subprocess.run(command, stdout=out, check=True)
        text = (tmp_path / "out").read_text()
    else:
        text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = text.splitlines()
    assert [lines[0], lines[1].split("\t")[0], lines[2].split("\t")[0], lines[3]] == ["before", "name", "name", "after"]


@pytest.mark.parametrize("name", [".", "", "directory", "directory/", "new/", "file/report.tsv"])
def test_what_can_never_be_a_report_is_told_before_the_run(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("directory").mkdir()
    Path("file").touch()
    options = TransferOptions(report=name)
    with pytest.raises(UsageError, match="report"):
        download([item_of("f", b"x" * 100)], DirectoryDestination(tmp_path / "to"), options=options)
    with pytest.raises(UsageError, match="report"):
        upload([UploadItem("file", "key")], object(), options=options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="report"):
        filled().write(name)
    assert server.requests.total() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory", "file"]


def test_a_directory_in_the_installed_command(hca: Runner, root: Path) -> None:
    done = hca("transfer", "verify", root, "--report", root, check=2)
    assert "is a directory; name a file" in done.stderr
    assert "Traceback" not in done.stderr
    parser = argparse.ArgumentParser()
    add_transfer_options(parser)
    with pytest.raises(UsageError, match="is a directory"):
        options_from_args(parser.parse_args(["--report", str(root)]))


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(HCAError, match=r"cannot write the report .*nowhere"):
        filled().write(tmp_path / "nowhere" / "report.tsv")
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(HCAError, match=r"cannot write the report .*full: No space left"):
        filled(*map(str, range(5000))).write(tmp_path / "full")


def test_an_interrupted_run_reports_what_waited_for_the_same_content(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer
) -> None:
    body = b"x" * 20_000_000
    server.bytes_per_second = 2_000_000
    names = [f"f{number}" for number in range(20)]

    def items() -> Iterator[Item]:
        for name in names:
            yield item_of(name, body)
        while not server.sent.total():
            time.sleep(0.01)
            yield item_of(f"e{time.monotonic_ns()}", b"")
        raise KeyboardInterrupt

    options = TransferOptions(report=tmp_path / "report.json")
    with pytest.raises(KeyboardInterrupt):
        download(items(), DirectoryDestination(tmp_path / "to", tmp_path / "to"), options=options)
    rows = {row["name"]: row["outcome"] for row in json.loads((tmp_path / "report.json").read_text())["rows"]}
    assert {name: rows.get(name) for name in names} == dict.fromkeys(names, "cancelled")


def test_one_file_is_one_line(tmp_path: Path) -> None:
    names = ["a\tb", "c\rd", "e\x85f", "g\u2028h", "i\n", "größe\u00a0j", "plain  name"]
    filled(*names).write(tmp_path / "report.tsv")
    lines = (tmp_path / "report.tsv").read_bytes().decode().splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == [
        "a b", "c d", "e f", "g h", "i", "größe\u00a0j", "plain  name",
    ]  # fmt: skip


def test_what_an_earlier_run_moved_is_counted_apart(tmp_path: Path, server: FaultServer) -> None:
    """Rate and bytes are those of this run only."""
    body = noise(20 << 20)
    server.files["x"], server.files["y"] = body, noise(1 << 20)
    item = Item("x", len(body), {"sha256": hashlib.sha256(body).hexdigest()}, Source(f"{server.base}/data/x"))
    other = Item("y", 1 << 20, {}, Source(f"{server.base}/data/y"))
    server.faults["/data/x"].append(Fault("cut", at=0.5))
    options = TransferOptions(retries=0, min_delay=0.01, connections=1)
    destination = DirectoryDestination(tmp_path, FileStore(tmp_path))
    assert download([item], destination, options=options).counts == {"failed": 1}
    # A connection that breaks during the run does not count as an earlier run.
    server.faults["/data/x"].append(Fault("cut", at=0.2))
    server.sent.clear()
    options = TransferOptions(retries=3, min_delay=0.01, connections=1, report=tmp_path / "report.json")
    report = download([item, other], destination, options=options)
    assert report.ok, report.failed
    assert report.bytes_moved + report.bytes_resumed == len(body) + (1 << 20)
    assert 8 << 20 <= report.bytes_resumed <= 10 << 20
    assert abs(report.bytes_moved - sum(server.sent.values())) < 4 << 20
    assert "from an earlier run" in report.summary()
    written = json.loads((tmp_path / "report.json").read_text())
    assert (written["bytes_moved"], written["bytes_resumed"]) == (report.bytes_moved, report.bytes_resumed)


@pytest.mark.parametrize("kind", ["status", "corrupt", "shorter", "longer"])
@pytest.mark.parametrize("names", [("d/f0.bin", "d/f1.bin"), ("a", "file")])
def test_a_path_is_named_once_in_a_message(
    tmp_path: Path, server: FaultServer, item_of: Callable[..., Item], kind: str, names: tuple[str, ...]
) -> None:
    items = [item_of(name, noise(4096, number)) for number, name in enumerate(names)]
    for name in names:
        server.faults[f"/data/{name}"].extend([Fault(kind, number=404)] * 9)
    report = download(items, DirectoryDestination(tmp_path / "to"), options=TransferOptions(min_delay=0.002))
    assert len(report.failed) == len(names)
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures()
    message = str(raised.value)
    (named,) = [name for name in names if f"the first: {name}: " in message]
    assert len(re.findall(rf"(?<![\w./]){named}(?![\w./])", message)) == 1, message


@pytest.mark.parametrize(
    ("name", "message", "told"),
    [
        ("d/x.bam", "h answered 404 (Not Found) for d/x.bam", "d/x.bam: h answered 404 (Not Found) for it"),
        ("d/x.bam", "d/x.bam: the sha256 is 1, expected 2", "d/x.bam: the sha256 is 1, expected 2"),
        ("x.bam", "cannot read x.bam: denied", "x.bam: cannot read it: denied"),
        ("x.bam", "cannot read dir/x.bam.bai: denied", "x.bam: cannot read dir/x.bam.bai: denied"),
        ("a", "not a regular file", "a: not a regular file"),
        ("a", "h answered 404 for a", "a: h answered 404 for it"),
        ("nonsense", "'nonsense' is not an identifier", "nonsense: it is not an identifier"),
        ("a b", 'no plugin offers "a b"', "a b: no plugin offers it"),
        ("d/con", "the file name 'd/con' is the name of a device", "d/con: the file name is the name of a device"),
        ("a+(1)", "a+(1) changed during the upload", "a+(1): it changed during the upload"),
    ],
)
def test_a_message_takes_its_subject_once(name: str, message: str, told: str) -> None:
    assert with_subject(name, message) == told
