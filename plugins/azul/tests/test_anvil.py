"""AnVIL: the same service with other kinds, fields and checksums."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hca_azul.client import AnvilClient
from hca_azul.flavours.anvil import ANVIL
from hca_azul.lists.entries import of_hit
from hca_azul.testing import Atlas, EmbeddedAzul, File, Project

from hca_base.config import load
from hca_base.errors import AuthError
from tests.lib import Runner

COUNT = 200
OPEN, CLOSED = "ANVIL_1000G", "ANVIL_CLOSED"
ANSWERS = Path(__file__).resolve().parents[3].parent / "shared" / "samples" / "azul-answers"


def atlas() -> Atlas:
    files = [
        File(f"sample{n:03}.vcf.gz", 50 + n, format="vcf.gz", sample=n % 4, mirrored=n % 3 == 0, key="anvil")
        for n in range(COUNT)
    ]
    files[7].wrong_hash = True
    managed = [File("secret.bam", 90, format="bam", mirrored=True)]
    return Atlas(
        [
            Project(
                "ANVIL_1000G", "Open", samples=4, restriction="NRES", accessions=(("dbgap", "phs000710"),), files=files
            ),
            Project("ANVIL_CLOSED", "Closed", managed=True, restriction="GRU", duos_id="DUOS-000777", files=managed),
        ],
        default="anvil13",
        catalogs={"anvil13": False},
    )


@pytest.fixture
def anvil() -> Iterator[EmbeddedAzul]:
    with EmbeddedAzul(atlas(), service="anvil") as found:
        yield found


@pytest.fixture
def run(tmp_path: Path, anvil: EmbeddedAzul) -> Runner:
    runner = Runner(tmp_path / "anvil")
    runner.configure(anvil.settings)
    return runner


def test_find_by_plain_and_dotted_names(run: Runner) -> None:
    assert {row["dataset"] for row in run.rows("anvil", "datasets", "--columns-only")} == {
        "ANVIL_1000G",
        "ANVIL_CLOSED",
    }
    plain = run.rows("anvil", "files", "--filter", "dataset=ANVIL_1000G", "--filter", "size=60..69")
    dotted = run.rows("anvil", "files", "--filter", "datasets.title=ANVIL_1000G", "--filter", "files.file_size=60..69")
    assert plain == dotted and len(plain) == 10
    for kind in ("donors", "biosamples", "activities", "bundles"):
        assert len(run.rows("anvil", kind, "--filter", "accessible=true")) == 4, kind
    row = run.rows("anvil", "datasets", "--filter", "consent=NRES", "--columns-only")[0]
    assert row["accession"] == "phs000710" and row["access"] == "open" and row["files"] == COUNT
    assert any(row["value"] == ".vcf.gz" for row in run.rows("anvil", "facets", "format"))
    assert {row["field"] for row in run.rows("anvil", "fields")} == set(ANVIL.fields)
    assert [row["catalog"] for row in run.rows("anvil", "catalogs")] == ["anvil13"]
    assert json.loads(run("anvil", "summary", "-f", "json").stdout)["fileCount"] == COUNT


def test_download_a_dataset(run: Runner, anvil: EmbeddedAzul) -> None:
    done = run("anvil", "download", "ANVIL_1000G", "--download-dir", "d", "--report", "r.json", check=7)
    assert "sample007.vcf.gz" in done.stderr
    files = anvil.atlas.projects[0].files
    assert len(run.files("d")) == COUNT - 1, "all but the one with the wrong MD5"
    for file in files[:7]:
        found = (run.cwd / "d" / "ANVIL_1000G" / file.name).read_bytes()
        assert hashlib.md5(found, usedforsecurity=False).hexdigest() == file.true_md5
    assert anvil.count("storage", "GET", "/mirror/") > 50


def test_download_a_manifest(run: Runner, anvil: EmbeddedAzul) -> None:
    run("anvil", "manifest", "--dataset", "phs000710", "--output", "m.tsv")
    header = (run.cwd / "m.tsv").read_text().partition("\n")[0].split("\t")
    assert {"files.file_name", "files.file_md5sum", "datasets.title"} <= set(header)
    done = run("anvil", "download", "--manifest", "m.tsv", "--download-dir", "d", check=7)
    assert "sample007.vcf.gz" in done.stderr and len(run.files("d/ANVIL_1000G")) == COUNT - 1


@pytest.mark.parametrize("way", ["datasets", "manifest", "files"])
def test_two_hundred_files_one_wrong_and_one_managed(run: Runner, anvil: EmbeddedAzul, way: str) -> None:
    opened, closed = anvil.atlas.projects
    opened.files.pop()
    selection = {
        "datasets": [OPEN, CLOSED],
        "manifest": ["--manifest", "m.tsv"],
        "files": [word for project in (opened, closed) for file in project.files for word in ("--file", file.uuid)],
    }[way]
    if way == "manifest":
        # Exported by a user with access.
        run("anvil", "manifest", "--output", "m.tsv", env={"HCA_ACCESS_TOKEN": anvil.token})
    words = ("anvil", "download", *selection, "--download-dir", "d", "--report", "r.json")
    done = run(*words, check=7)
    assert "sample007.vcf.gz" in done.error and "md5" in done.error
    assert done.stderr.count("https://duos.org/dataset/DUOS-000777") == 1, "what is left out is told besides"
    report = json.loads((run.cwd / "r.json").read_text())
    assert report["counts"] == {"downloaded": COUNT - 2, "mismatch": 1, "managed": 1}
    for file in opened.files:
        path = run.cwd / "d" / OPEN / file.name
        assert path.exists() == (file.name != "sample007.vcf.gz")
        assert not path.exists() or path.read_bytes() == file.bytes
    assert not (run.cwd / "d" / CLOSED).exists()
    # With the right checksum, files with managed access remain.
    opened.files[7].wrong_hash = False
    anvil.__dict__["_listings"].clear()
    anvil.manifests.clear()
    if way == "manifest":
        run("anvil", "manifest", "--output", "m.tsv", "--force", env={"HCA_ACCESS_TOKEN": anvil.token})
    done = run(*words, check=3)
    assert done.stderr.count("https://duos.org/dataset/DUOS-000777") == 1 and CLOSED in done.error
    report = json.loads((run.cwd / "r.json").read_text())
    assert report["counts"] == {"present": COUNT - 2, "downloaded": 1, "managed": 1}
    run(*words, "--skip-unavailable")
    run(*words, env={"HCA_ACCESS_TOKEN": anvil.token})
    assert run.files(f"d/{CLOSED}") == {"secret.bam"}


def test_managed_datasets(run: Runner, anvil: EmbeddedAzul) -> None:
    done = run("anvil", "download", "ANVIL_CLOSED", check=3)
    assert "https://duos.org/dataset/DUOS-000777" in done.stderr and "hca auth login anvil" in done.stderr
    assert "ANVIL_CLOSED" in run("anvil", "files", "--limit", "1").stderr
    env = {"HCA_ACCESS_TOKEN": anvil.token}
    run("anvil", "download", "ANVIL_CLOSED", "--download-dir", "d", env=env)
    assert run.files("d") == {"ANVIL_CLOSED/secret.bam"}


@pytest.mark.parametrize("name", ["phs000710", "PHS000710", "phs000710.v1.p1"])
def test_accessions_of_dbgap(run: Runner, anvil: EmbeddedAzul, name: str) -> None:
    run("anvil", "download", name, "--filter", "name=sample000.vcf.gz", "--download-dir", "d")
    assert len(run.files(f"d/{OPEN}")) == 1
    assert anvil.count("service", "GET", "/index/datasets") == 1


def test_metadata_and_exports(run: Runner, anvil: EmbeddedAzul) -> None:
    run("anvil", "metadata", "ANVIL_1000G", "--output", "t.tsv")
    rows = list(csv.DictReader((run.cwd / "t.tsv").open(newline=""), dialect="excel-tab"))
    assert len(rows) == COUNT and rows[0]["donors.organism_type"] == "Homo sapiens"
    text = run("anvil", "export", "ANVIL_1000G", "--to", "aria2").stdout
    file = anvil.atlas.projects[0].files[0]
    assert f"checksum=md5={file.true_md5}" in text and text.count("\n  out=") == COUNT


def test_curl_manifests_list_mirrored_files(run: Runner, anvil: EmbeddedAzul) -> None:
    done = run("anvil", "manifest", "--format", "curl", "--dataset", OPEN, "--output", "c")
    assert "list mirrored files only" in done.stderr
    mirrored = [file.name for file in anvil.atlas.projects[0].files if file.mirrored]
    text = (run.cwd / "c").read_text()
    assert text.count("url=") == len(mirrored) == 67 and "not available" not in text
    run("anvil", "download", "--manifest", "c", "--download-dir", "d")
    assert {name.rpartition("/")[2] for name in run.files("d") if name.endswith(".gz")} == set(mirrored)


@pytest.mark.parametrize("form", ["verbatim.jsonl", "verbatim.pfb", "terra.pfb", "compact"])
def test_every_list_of_a_dataset(run: Runner, anvil: EmbeddedAzul, form: str) -> None:
    if form.endswith("pfb"):
        pytest.importorskip("fastavro")
    anvil.atlas.projects[0].files[7].wrong_hash = False
    run("anvil", "manifest", "--format", form, "--dataset", OPEN, "--output", "m")
    done = run("anvil", "download", "--manifest", "m", "--download-dir", "d")
    assert len(run.files(f"d/{OPEN}")) == COUNT and f"{COUNT} downloaded" in done.stderr


def test_files_by_the_identifiers_of_their_documents(run: Runner, anvil: EmbeddedAzul) -> None:
    """The service's filters accept both names of the field, for a listing's own entities and for their files."""
    file = anvil.atlas.projects[0].files[3]
    for name in ("entryId", "id", "files.document_id", "file"):
        rows = run.rows("anvil", "files", "--filter", f"{name}={file.uuid}")
        assert [row["files"][0]["file_name"] for row in rows] == [file.name]
    dataset = anvil.atlas.projects[0].uuid
    for name in ("entryId", "datasets.document_id"):
        rows = run.rows("anvil", "datasets", "--filter", f"{name}={dataset}", "--columns-only")
        assert [row["dataset"] for row in rows] == [OPEN]
    assert len(run.rows("anvil", "files", "--filter", f"datasets.document_id={dataset}")) == COUNT
    assert run.rows("anvil", "files", "--filter", f"entryId={dataset}") == []


def test_tables_of_a_dataset(run: Runner) -> None:
    pytest.importorskip("fastavro")
    run("anvil", "manifest", "--format", "verbatim.pfb", "--dataset", "ANVIL_1000G", "--output", "v.pfb")
    found = {row["table"]: row["rows"] for row in run.rows("anvil", "tables", "v.pfb", "--output-dir", "tables")}
    assert found == {"anvil_dataset": 1, "anvil_donor": 4, "anvil_file": COUNT}


def test_operations_of_the_document(run: Runner) -> None:
    done = run("anvil", "get-index", "--entity-type", "datasets", "--filters", '{"accessible": {"is": [true]}}')
    assert len(json.loads(done.stdout)["hits"]) == 1
    assert "datasets" in run("anvil", "get-index-by-entity-type", "--help").stdout


def test_from_python(tmp_path: Path, anvil: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with AnvilClient(config=load(options=anvil.settings)) as client:
        with pytest.raises(AuthError, match="ANVIL_CLOSED"):
            client.download("ANVIL_CLOSED", download_dir=tmp_path / "d")
        wanted = {"files.file_name": {"is": ["sample000.vcf.gz"]}}
        outcome = client.download("ANVIL_1000G", wanted, download_dir=tmp_path / "d")
        assert outcome.report.counts["downloaded"] == 1


@pytest.mark.skipif(not ANSWERS.is_dir(), reason="the recorded contracts are not beside this checkout")
def test_real_answers() -> None:
    answers = json.loads((ANSWERS / "anvil.json").read_text())
    assert set(answers) == set(ANVIL.kinds)
    for kind, answer in answers.items():
        for hit in answer["hits"]:
            row = ANVIL.row(kind, hit)
            assert set(ANVIL.columns[kind]) <= set(row), kind
            assert (
                row["id"] == hit["entryId"] and row["dataset"] == "ANVIL_CMG_UWASH_DS_BDIS" and row["access"] == "open"
            )
    unit = ANVIL.unit_of(answers["datasets"]["hits"][0])
    assert unit.key == "52ee7665-7033-63f2-a8d9-ce8e32666739" and unit.accessible is True
    entries = [entry for hit in answers["files"]["hits"] for entry in of_hit(ANVIL, hit)]
    assert entries[0].md5 == "beec606ee0aa299fdf913f4259316622" and entries[0].size == 213021639
    facets: dict[str, Any] = answers["files"]["termFacets"]
    assert all(ANVIL.field_of(name).name == name for name in facets)


@pytest.mark.parametrize("command", ["facets", "manifest", "download", "export", "metadata", "tables", "summary"])
def test_help_speaks_of_anvil(run: Runner, command: str) -> None:
    text = run("anvil", command, "--help").stdout
    assert "hca azul" not in text and "BrainCells" not in text
    assert text.rpartition("example:\n  ")[2].startswith(f"hca anvil {command}")
