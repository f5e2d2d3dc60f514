"""Objects as files: fsspec, and what reads with it."""

from __future__ import annotations

import csv
import io
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import h5py
import pytest
from hca_drs.client import DRSClient
from hca_drs.testing import Blob, EmbeddedDrs, Faults

from hca_base.errors import HCAError, UsageError
from tests.lib import Runner
from tests.lib.imports import changed_imports

BIG = random.Random(5).randbytes(3_000_000)


@pytest.fixture
def server() -> Iterator[EmbeddedDrs]:
    """A server with one object of three million bytes."""
    with EmbeddedDrs(faults=Faults()) as drs:
        drs.repository.add("big", Blob(BIG, "big.bin"))
        yield drs


def test_reads_and_seeks(client: DRSClient, server: EmbeddedDrs) -> None:
    with client.open(server.uri("big"), block_size=100_000) as stream:
        assert (stream.readable(), stream.seekable(), stream.size) == (True, True, len(BIG))
        assert stream.read(10) == BIG[:10]
        stream.seek(-5, 2)
        assert stream.read() == BIG[-5:]
        stream.seek(1_234_567)
        buffer = bytearray(500_001)
        assert stream.readinto(buffer) == len(buffer)
        assert bytes(buffer) == BIG[1_234_567:][: len(buffer)]
        stream.seek(len(BIG))
        assert stream.read(5) == b""
    sent = sum(int(h["Range"].partition("-")[2]) - int(h["Range"][6:].partition("-")[0]) + 1
               for where, _, _, h in server.requests if where == "storage")  # fmt: skip
    assert sent < len(BIG) / 2


@pytest.mark.parametrize(
    "faults",
    [
        Faults(drop=0.6),
        Faults(busy=0.4, retry_after=0),
        Faults(url_life=0.3, opaque=True),
        Faults(ignore_range=0.5),
    ],
    ids=["dropped connections", "429", "addresses that expire", "ranges that are ignored"],
)
def test_a_read_brings_all_that_was_asked_for(
    client: DRSClient, server: EmbeddedDrs, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("drop", "busy", "retry_after", "url_life", "opaque", "ignore_range"):
        setattr(server.faults, name, getattr(faults, name))
    chosen = random.Random(1)
    with client.open(server.uri("big"), block_size=10_000, cache_type="none") as stream:
        for _ in range(40):
            start, length = chosen.randrange(len(BIG)), chosen.randrange(1, 200_000)
            stream.seek(start)
            buffer = bytearray(length)
            count = stream.readinto(buffer)
            assert count == min(length, len(BIG) - start)
            assert bytes(buffer[:count]) == BIG[start : start + length]


def test_an_address_that_lapses_between_two_reads_is_not_used(client: DRSClient, server: EmbeddedDrs) -> None:
    server.faults.url_life = 2.0
    with client.open(server.uri("big"), block_size=1000, cache_type="none") as stream:
        for place in (0, 1_000_000, 2_000_000):
            stream.seek(place)
            assert stream.read(100) == BIG[place : place + 100]
            time.sleep(1.2)
    assert server.faults.happened["url_life"] == 0
    assert server.count("api", part="/access/") == 3


def test_what_cannot_be_opened(client: DRSClient, server: EmbeddedDrs) -> None:
    with pytest.raises(FileNotFoundError):
        client.open(server.uri("gone"))
    with pytest.raises(IsADirectoryError):
        client.open(server.uri("study"))
    with pytest.raises(NotImplementedError):
        client.open(server.uri("big"), "wb")
    for word in ("nonsense", "", "file.txt"):
        with pytest.raises(UsageError, match="is not a DRS identifier"):
            client.open(word)
    server.repository.add("lost", Blob(b"x" * 100, access=("globus",)))
    with pytest.raises(HCAError, match="by globus only"):
        client.open(server.uri("lost"))


def test_an_object_that_is_replaced_while_it_is_read(client: DRSClient, server: EmbeddedDrs) -> None:
    with client.open(server.uri("big"), cache_type="none") as stream:
        stream.read(10)
        server.repository.objects["big"].data = BIG[::-1]  # type: ignore[union-attr]
        with pytest.raises(HCAError, match="was replaced"):
            stream.read(10)


def test_bundles_are_directories(client: DRSClient, server: EmbeddedDrs) -> None:
    from hca_drs.filesystem import DRSFileSystem

    system = DRSFileSystem(client=client, skip_instance_cache=True)
    assert system.info(server.uri("study"))["type"] == "directory"
    assert {row["filename"] for row in system.ls(server.uri("study"))} == {"raw", "counts.csv", "notes.txt"}
    assert system.cat_file(server.uri("big"), 5, 25) == BIG[5:25]
    assert system.cat_file(server.uri("big"), -5) == BIG[-5:]
    assert system.isdir(server.uri("raw")) and system.isfile(server.uri("notes"))
    with system.open(server.uri("table"), "r") as stream:
        assert next(csv.reader(stream)) == ["cell", "gene", "count"]


def test_fsspec_finds_the_protocol_by_itself(hca: Any, server: EmbeddedDrs) -> None:
    code = (
        "import fsspec, csv, sys\n"
        "assert 'hca_base' not in sys.modules\n"
        f"with fsspec.open({server.uri('table')!r}, 'rt') as stream: print(next(csv.reader(stream)))\n"
        f"of = fsspec.open({server.uri('big')!r}); print(of.fs.size(of.path))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.splitlines() == ["['cell', 'gene', 'count']", str(len(BIG))], done.stderr
    assert "drs" in fsspec.available_protocols()


def test_tables_of_pandas(hca: Any, server: EmbeddedDrs) -> None:
    code = f"import pandas; print(pandas.read_csv({server.uri('table')!r}).shape)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split("\n")[0] == "(500, 3)", done.stderr


def test_h5py_reads_a_file_where_it_is(client: DRSClient, server: EmbeddedDrs) -> None:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as made:
        made["x"] = list(range(200_000))
    server.repository.add("h5", Blob(memory.getvalue(), "x.h5"))
    server.faults.drop = 0.3
    with client.open(server.uri("h5"), block_size=4096) as stream, h5py.File(stream, "r") as found:
        assert int(found["x"][-1]) == 199_999


ANNDATA = """
import sys, anndata, numpy, pandas
from hca_drs.client import DRSClient
if sys.argv[1] == "write":
    table = pandas.DataFrame(index=[f"cell {n}" for n in range(20_000)])
    anndata.AnnData(numpy.arange(1_000_000, dtype="float32").reshape(20_000, 50), obs=table).write_h5ad(sys.argv[2])
else:
    with DRSClient() as client:
        found = anndata.read_h5ad(client.open(sys.argv[2], block_size=8192), backed="r")
        print(found.isbacked, found.shape, found.X[19_999, 49], found[7:9].X[:].sum(), found.obs_names[-1])
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_anndata_reads_a_file_where_it_is(hca: Any, server: EmbeddedDrs, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", tmp_path / "packages", "anndata"]
    if subprocess.run(install, capture_output=True, timeout=600, check=False).returncode != 0:
        pytest.skip("anndata cannot be installed here")

    def run(*words: str) -> str:
        env = {**hca.env, "PYTHONPATH": str(tmp_path / "packages")}
        command = [sys.executable, "-c", ANNDATA, *words]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    path = tmp_path / "cells.h5ad"
    run("write", str(path))
    server.repository.add("cells", Blob(path.read_bytes(), "cells.h5ad"))
    before = len(server.requests)
    total = sum(range(350, 450))
    assert run("read", server.uri("cells")) == f"True (20000, 50) 999999.0 {total}.0 cell 19999\n"
    ranges = [h["Range"][6:].split("-") for where, _, _, h in server.requests[before:] if where == "storage"]
    assert sum(int(last) - int(first) + 1 for first, last in ranges) < path.stat().st_size / 2


def test_without_fsspec_it_says_what_to_install(hca: Any) -> None:
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "import hca_base\n"
        "from hca_base.errors import PluginError\n"
        "try: hca_base.client('drs').open('drs://a.example/b')\n"
        "except PluginError as error: print(error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "pip install fsspec", done.stderr


def test_other_commands_import_the_same_with_it_and_without_it(tmp_path: Path) -> None:
    assert changed_imports(Runner(tmp_path), "hca-drs") == {}
