"""Downloading files of datasets, in versions that a lock file pins."""

from __future__ import annotations

import json
import signal
import time

from hca_cellxgene.testing import EmbeddedCellxgene, Faults, Library
from hca_cellxgene.testing.model import HUMAN

from tests.lib.runner import Runner

LOCK = "hca-cellxgene.lock.json"


def lock(hca: Runner, folder: str = "data") -> dict:
    return json.loads((hca.cwd / folder / LOCK).read_text())


def files(hca: Runner, folder: str = "data") -> set[str]:
    return {name for name in hca.files(folder) if name != LOCK}


def test_files_of_filters_arrive_and_are_pinned(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    run = hca("cellxgene", "download", "--tissue", "cerebral cortex", "--download-dir", "data")
    assert "publishes no checksums: 2 files verified by ETag\n" in run.stderr
    for name in files(hca):
        assert (hca.cwd / "data" / name).read_bytes() == cellxgene.library.files[name]
    assert len(files(hca)) == 2
    assert {one["title"] for one in lock(hca)["files"]} == {"Cortex", "Cortex of the mouse"}


def test_pinned_versions_stay_until_they_are_updated(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    hca("cellxgene", "download", "--tissue", "blood", "--download-dir", "data")
    first = files(hca)
    blood = next(one for one in cellxgene.library.datasets() if one["title"] == "Blood")
    cellxgene.library.add_dataset(blood["collection_id"], "Blood", version=2, tissue=[("blood", "UBERON:0000178")])
    # On a new machine, the lock file alone gives the same bytes.
    (hca.cwd / "again").mkdir()
    (hca.cwd / "again" / LOCK).write_text((hca.cwd / "data" / LOCK).read_text())
    hca("cellxgene", "download", "--download-dir", "again")
    assert files(hca, "again") == first
    hca("cellxgene", "download", blood["dataset_id"], "--download-dir", "data")
    assert files(hca) == first
    hca("cellxgene", "download", "--update", "--download-dir", "data")
    assert len(files(hca)) == 2
    assert [one["dataset_version_id"] for one in lock(hca)["files"]] != [one.removesuffix(".h5ad") for one in first]


def test_collections_and_versions_by_uuid(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    cortex = next(versions for versions in cellxgene.library.versions.values() if versions[0]["title"] == "Cortex")
    hca("cellxgene", "download", cortex[1]["dataset_version_id"], "--download-dir", "old")
    assert files(hca, "old") == {f"{cortex[1]['dataset_version_id']}.h5ad"}
    hca("cellxgene", "download", cortex[0]["collection_id"].upper(), "--download-dir", "all")
    assert len(files(hca, "all")) == 2


def test_a_wrong_byte_is_never_delivered(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    name = next(iter(cellxgene.library.files))
    cellxgene.faults.corrupt = {name}
    run = hca("cellxgene", "download", name.removesuffix(".h5ad"), "--download-dir", "data", check=7)
    assert not files(hca)
    assert name in run.error


def test_two_hundred_files_arrive_through_faults_killed_and_taken_up_again(hca: Runner) -> None:
    library = Library()
    for number in range(200):
        collection = library.add_collection(f"Collection {number}")
        # The last three are large enough to be resumed in the middle.
        size = 12_000_000 if number >= 197 else 3000 + number
        library.add_dataset(collection, f"Dataset {number}", organism=HUMAN, size=size, cell_count=200 - number)
    words = ("cellxgene", "download", "--organism", "Homo sapiens", "--download-dir", "data")
    with EmbeddedCellxgene(library, Faults(drop_every=17, busy_every=23)) as service:
        hca.configure(service.settings)
        for share in (0.25, 0.6):
            with hca.running(*words) as process:
                ends = time.monotonic() + 120
                while len(files(hca) if (hca.cwd / "data").exists() else ()) < 200 * share:
                    assert process.poll() is None and time.monotonic() < ends, process.stderr.read()
                    time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            # No file has its name before it is complete.
            there = {name: (hca.cwd / "data" / name).read_bytes() for name in files(hca)}
            assert 200 * share <= len(there) and there.items() <= library.files.items()
        before = dict(service.sent)
        run = hca(*words)
    assert service.faults.happened["drop"] >= 5 and service.faults.happened["busy"] >= 5
    assert {name: (hca.cwd / "data" / name).read_bytes() for name in files(hca)} == library.files
    assert "publishes no checksums: 200 files verified by ETag\n" in run.stderr and "present" in run.stderr
    assert len(lock(hca)["files"]) == 200
    # Present files were not downloaded again.
    assert len(there) >= 120 and all(service.sent.get(name) == before.get(name) for name in there)


def test_a_file_that_a_kill_left_half_is_taken_up_in_the_middle(hca: Runner) -> None:
    library = Library()
    library.add_dataset(library.add_collection("One"), "Large", organism=HUMAN, size=40_000_000)
    ((name, content),) = library.files.items()
    words = ("cellxgene", "download", "--organism", "Homo sapiens", "--download-dir", "data")
    with EmbeddedCellxgene(library, Faults(drop_every=3)) as service:
        hca.configure(service.settings)
        with hca.running(*words, "--limit-rate", "8M") as process:
            ends = time.monotonic() + 120
            # A journal's first line describes the complete file, each further one the bytes received so far.
            while not any(path.read_bytes().count(b"\n") > 2 for path in (hca.cwd / "data").rglob("*.journal")):
                assert process.poll() is None and time.monotonic() < ends, process.stderr.read()
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        assert not files(hca)
        hca(*words, "--report", "report.json")
    report = json.loads((hca.cwd / "report.json").read_text())
    assert report["bytes_resumed"] >= 4 << 20
    assert report["bytes_resumed"] + report["bytes_moved"] == len(content)
    assert (hca.cwd / "data" / name).read_bytes() == content


def test_etags_of_parts(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    # 300,000 bytes in two parts of equal size.
    cellxgene.faults.part_size = 150_000
    run = hca("cellxgene", "download", "--tissue", "blood", "--download-dir", "data")
    assert "publishes no checksums: 1 file verified by ETag\n" in run.stderr
    name = files(hca).pop()
    cellxgene.faults.part_size = 100_001
    run = hca("cellxgene", "download", "--tissue", "blood", "--download-dir", "other")
    assert f"publishes no checksums: 1 file by size alone: {name}\n" in run.stderr
    assert files(hca, "other") == {name}


def test_dry_run_writes_nothing(hca: Runner) -> None:
    run = hca("cellxgene", "download", "--tissue", "blood", "--download-dir", "data", "--dry-run")
    assert run.json["files"] == 1
    assert run.json["bytes"] == 300_000
    assert not (hca.cwd / "data").exists()


def test_what_cannot_be_downloaded(hca: Runner) -> None:
    assert "nothing to download" in hca("cellxgene", "download", check=2).error
    assert "no dataset matches" in hca("cellxgene", "download", "--tissue", "nowhere", check=4).error
    unknown = "00000000-0000-0000-0000-000000000000"
    assert "is not the UUID of a public dataset" in hca("cellxgene", "download", unknown, check=4).error
    run = hca("cellxgene", "download", "--tissue", "blood", "--type", "rds", check=4)
    assert "no file of the kind RDS" in run.error
    assert "H5AD" in run.hint
    run = hca("cellxgene", "download", unknown, "--tissue", "blood", check=2)
    assert "cannot be combined" in run.error


def test_a_file_in_the_way_of_the_directory(hca: Runner, cellxgene: EmbeddedCellxgene) -> None:
    hca.write("file", b"mine")
    for place in ("file", "file/below"):
        run = hca("cellxgene", "download", "--tissue", "blood", "--download-dir", place, check=2)
        assert run.error == "file is not a directory"
    assert cellxgene.requests == [] and (hca.cwd / "file").read_bytes() == b"mine"


def test_a_lock_file_that_is_none(hca: Runner) -> None:
    hca.write(LOCK, b'{"version": 99}')
    run = hca("cellxgene", "download", "--tissue", "blood", check=None)
    assert run.returncode != 0
    assert "is not a lock file of hca cellxgene" in run.error
    assert (hca.cwd / LOCK).read_bytes() == b'{"version": 99}'
