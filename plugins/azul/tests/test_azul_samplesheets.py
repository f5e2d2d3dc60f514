"""Sample sheets in the formats of nf-core's pipelines."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from hca_azul.testing import EmbeddedAzul, File, Project

from tests.lib import Runner

#: Requirements of the pipelines' own schemas for a row.
SAMPLE = re.compile(r"\S+")
FASTQ = re.compile(r"\S+\.f(ast)?q\.gz")


def reads(sample: int, lane: int, well: int = 0, **options: object) -> list[File]:
    stem = f"my reads {sample}{well}_S1_L00{lane}"
    return [
        File(f"{stem}_{short}_001.fastq.gz", 30 + lane, sample=sample, read=read, lane=lane, well=well, **options)  # type: ignore[arg-type]
        for short, read in (("R1", "read1"), ("R2", "read2"), ("I1", "index1"))
    ]


@pytest.fixture
def wells(azul: EmbeddedAzul) -> Project:
    """Two lanes of one library, and another library of the same specimen."""
    project = Project("Wells", "Wells", samples=2, files=[*reads(0, 1), *reads(0, 2), *reads(0, 1, well=1)])
    azul.atlas.projects.append(project)
    return project


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(newline="")))


@pytest.mark.parametrize("pipeline", ["scrnaseq", "rnaseq"])
@pytest.mark.parametrize("way", ["project", "manifest"])
def test_a_sample_is_a_library(hca: Runner, wells: Project, pipeline: str, way: str) -> None:
    if way == "manifest":
        hca("azul", "manifest", "--project", "Wells", "--output", "m.tsv")
    selection = ["Wells"] if way == "project" else ["--manifest", "m.tsv"]
    hca("azul", "download", *selection, "--download-dir", "d", "--samplesheet", "s.csv", "--for", pipeline)
    rows = rows_of(hca.cwd / "s.csv")
    assert sorted(row["sample"] for row in rows) == ["Wells_sample_1_cells"] * 2 + ["Wells_sample_1_well_2"]
    for row in rows:
        assert SAMPLE.fullmatch(row["sample"])
        assert FASTQ.fullmatch(row["fastq_1"]) and FASTQ.fullmatch(row["fastq_2"])
        assert Path(row["fastq_1"]).is_absolute() and Path(row["fastq_1"]).is_file()
        assert row["fastq_1"].replace("_R1_", "_R2_") == row["fastq_2"] and Path(row["fastq_2"]).is_file()
    columns = {"scrnaseq": "expected_cells", "rnaseq": "strandedness"}
    assert list(rows[0]) == ["sample", "fastq_1", "fastq_2", columns[pipeline]]
    if pipeline == "rnaseq":
        assert {row["strandedness"] for row in rows} == {"auto"}


@pytest.mark.parametrize("form", ["verbatim.jsonl", "curl"])
def test_a_list_without_libraries_makes_no_sheet(hca: Runner, wells: Project, form: str) -> None:
    hca("azul", "manifest", "--project", "Wells", "--format", form, "--output", "m")
    run = hca(
        "azul",
        "download",
        "--manifest",
        "m",
        "--download-dir",
        "d",
        "--samplesheet",
        "s.csv",
        "--for",
        "scrnaseq",
        check=2,
    )
    assert "does not name the library" in run.error
    assert not (hca.cwd / "s.csv").exists()


def test_pooled_libraries(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.atlas.projects.append(Project("Pool", "Pool", samples=2, files=reads(0, 1, pooled=(1,))))
    arguments = ("azul", "download", "Pool", "--download-dir", "d", "--samplesheet", "s.csv", "--for", "scrnaseq")
    done = hca(*arguments, check=2)
    assert "my reads" in done.stderr and "--pooled" in done.stderr and hca.files("d") == set(), "before any download"
    hca(*arguments, "--pooled", "split")
    assert [row["sample"] for row in rows_of(hca.cwd / "s.csv")] == ["Pool_sample_1_cells", "Pool_sample_2_cells"]
    hca(*arguments, "--pooled", "join")
    assert [row["sample"] for row in rows_of(hca.cwd / "s.csv")] == ["Pool_sample_1_cells-Pool_sample_2_cells"]


def test_paths(hca: Runner, wells: Project) -> None:
    arguments = ("azul", "download", "Wells", "--samplesheet", "s.csv", "--for", "rnaseq")
    hca(*arguments, "--download-dir", "d", "--sheet-paths", "relative")
    assert all(row["fastq_1"].startswith("d/Wells/my_reads") for row in rows_of(hca.cwd / "s.csv"))
    done = hca(*arguments, "--download-dir", "with blanks", check=2)
    assert "blanks" in done.stderr and not (hca.cwd / "with blanks").exists()
    assert done.hint == "use another --download-dir", "a relative path has the blanks too"
    (hca.cwd / "home of blanks").mkdir()
    done = hca(*arguments, "--download-dir", "d", cwd=hca.cwd / "home of blanks", check=2)
    assert done.hint == "use another --download-dir, or --sheet-paths relative"
    hca(*arguments, "--download-dir", "d", "--sheet-paths", "relative", cwd=hca.cwd / "home of blanks")
    assert "--samplesheet" in hca("azul", "download", "Wells", "--for", "rnaseq", check=2).stderr


@pytest.mark.parametrize("options", [[], ["--for", "scrnaseq"]])
def test_a_sheet_on_stdout(hca: Runner, wells: Project, options: list[str]) -> None:
    words = ("azul", "download", "Wells", "--download-dir", "d", *options, "--samplesheet")
    written = hca(*words, "s.csv")
    shown = hca(*words, "-")
    assert shown.stdout == (hca.cwd / "s.csv").read_text() and shown.stdout.startswith("sample,fastq_1,")
    assert not (hca.cwd / "-").exists()
    assert "s.csv: " in written.stderr and "-: " not in shown.stderr


@pytest.mark.parametrize("options", [["--samplesheet", "s.csv"], [], ["--samplesheet", "s.csv", "--for", "fetchngs"]])
def test_pooled_says_what_it_requires(hca: Runner, wells: Project, options: list[str]) -> None:
    done = hca("azul", "download", "Wells", "--pooled", "split", *options, check=2)
    assert done.error == "--pooled requires --for scrnaseq or --for rnaseq"
    assert hca.files() == set()


def test_runs_for_fetchngs(hca: Runner, azul: EmbeddedAzul) -> None:
    files = [File(f"SRR356291{n}_{r}.fastq.gz", 9, read=f"read{r}", key="srr") for n in (5, 6) for r in (1, 2)]
    azul.atlas.projects.append(Project("Runs", "Runs", files=files))
    done = hca("azul", "download", "Runs", "--samplesheet", "ids.csv", "--for", "fetchngs")
    assert done.stderr == "ids.csv: 2 accessions\n"
    assert (hca.cwd / "ids.csv").read_text().split() == ["SRR3562915", "SRR3562916"]
    assert azul.count("storage", "GET", "/signed/files") == 0 and hca.files("Runs") == set(), "nothing is downloaded"
    # If names do not contain the accession, the contributors' metadata do.
    hca("azul", "download", "BrainCells", "--samplesheet", "b.csv", "--for", "fetchngs")
    assert (hca.cwd / "b.csv").read_text().split() == ["SRR1000001", "SRR1000011"]


def test_two_libraries_never_become_one(hca: Runner, azul: EmbeddedAzul) -> None:
    project = Project("Same", "Same", samples=2, files=[*reads(0, 1), *reads(1, 1)])
    project.__dict__["library_ids"] = lambda file: [["a b", "a_b"][file.sample]]
    azul.atlas.projects.append(project)
    hca("azul", "download", "Same", "--download-dir", "d", "--samplesheet", "s.csv", "--for", "scrnaseq")
    samples = [row["sample"] for row in rows_of(hca.cwd / "s.csv")]
    assert len(set(samples)) == 2 and all(SAMPLE.fullmatch(one) for one in samples)
