"""Downloads: sources, names, collisions, unavailable files, sample sheets, lists, exports."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hca_azul.client import AzulClient
from hca_azul.testing import EmbeddedAzul, File, Project
from hca_azul.testing.answers import Answer

from hca_base.errors import NotFoundError, RefusedError, UsageError
from tests.lib import Runner

BRAIN = {
    *(f"BrainCells/S{n}_L001_{read}_001.fastq.gz" for n in (1, 2) for read in ("R1", "R2", "I1")),
    "BrainCells/brain.loom",
    "BrainCells/qc.bam.bai",
}
ODD = {
    "Odd/reads-c85b183b.fastq.gz",
    "Odd/reads-85e696da.fastq.gz",
    "Odd/promised.bam",
    "Odd/a [b] #1 'c'.txt",
}


def file_of(azul: EmbeddedAzul, name: str) -> File:
    return next(file for _, file in azul.atlas.by_uuid.values() if file.name == name)


def report_of(path: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(path.read_text())["rows"]}


def test_a_project_by_each_of_its_names(hca: Runner, azul: EmbeddedAzul) -> None:
    project = azul.atlas.projects[0]
    for number, name in enumerate((project.short, project.uuid, project.title)):
        hca("azul", "download", name, "--download-dir", f"d{number}")
        assert hca.files(f"d{number}") == BRAIN
    for file in project.files:
        assert (hca.cwd / "d0" / "BrainCells" / file.name).read_bytes() == file.bytes


def test_again_asks_for_no_file(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "download", "BrainCells")
    azul.requests.clear()
    done = hca("azul", "download", "BrainCells")
    assert "8 present" in done.stderr
    assert azul.count("storage") == 0 and azul.count("service", "GET", "/repository") == 0


def test_filters_and_projects_narrow_each_other(hca: Runner) -> None:
    hca("azul", "download", "BrainCells", "--filter", "format=loom,bai")
    assert hca.files() == {"BrainCells/brain.loom", "BrainCells/qc.bam.bai"}
    hca("azul", "download", "--filter", "organ=heart", "--filter", "format=loom", "--download-dir", "h")
    assert hca.files("h") == {"MouseHeart/heart.loom"}


def test_files_by_uuid(hca: Runner, azul: EmbeddedAzul) -> None:
    heart, unknown = file_of(azul, "heart.loom"), "00000000-0000-0000-0000-000000000000"
    done = hca("azul", "download", "--file", heart.uuid.upper(), "--file", unknown, "--report", "r.json", check=4)
    assert hca.files() == {"MouseHeart/heart.loom", "r.json"}
    assert "all others are there" in done.stderr
    assert report_of(hca.cwd / "r.json")[unknown]["outcome"] == "unavailable"


def test_dry_run_says_how_much_and_does_nothing(hca: Runner, azul: EmbeddedAzul) -> None:
    plan = json.loads(hca("azul", "download", "Odd", "--dry-run", check=4).stdout)
    skipping = hca("azul", "download", "Odd", "--dry-run", "--skip-unavailable")
    assert skipping.json["unavailable"] == 1
    assert plan["files"] == 6 and plan["bytes"] == 4190 and plan["unavailable"] == 1 and plan["catalog"] == "dcp44"
    assert list(hca.cwd.iterdir()) == []
    assert azul.count("storage") == 0 and azul.count("service", "GET", "/repository") == 0


# Sources


def test_the_mirror_comes_first_and_azul_stands_in(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "download", "Odd", check=7)
    loom = file_of(azul, "promised.bam")
    asked = [path for where, _, path, _ in azul.requests if where == "storage" and path.startswith("/mirror")]
    assert any(loom.sha256 in path for path in asked), "the mirror is asked first"
    assert azul.count("service", "GET", f"/repository/files/{loom.uuid}") == 1, "and does not have it after all"
    mirrored = next(f for f in azul.atlas.projects[2].files if f.mirrored is True)
    assert azul.count("service", "GET", f"/repository/files/{mirrored.uuid}") == 0


def test_sources_can_be_chosen(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "download", "BrainCells", "--sources", "azul")
    assert azul.count("storage", "GET", "/mirror") == 0
    done = hca("azul", "download", "BrainCells", "--sources", "mirror", "--download-dir", "m", check=4)
    assert hca.files("m") == {"BrainCells/brain.loom"} and "7 of 8 files cannot be downloaded" in done.stderr
    assert "sources are" in hca("azul", "download", "BrainCells", "--sources", "ftp", check=2).stderr


def test_managed_data_needs_a_login_and_says_so(hca: Runner, azul: EmbeddedAzul) -> None:
    done = hca("azul", "download", "Managed", check=3)
    assert "managed access" in done.stderr
    env = {"HCA_ACCESS_TOKEN": azul.token}
    hca("azul", "download", "Managed", env=env)
    assert hca.files() == {"Managed/secret.fastq.gz", "Managed/secret.loom"}
    sent = [headers for where, _, _, headers in azul.requests if where == "storage" and "Authorization" in headers]
    assert sent == [], "the token stays with the service"


def test_managed_data_among_others_is_not_left_out_in_silence(hca: Runner, azul: EmbeddedAzul) -> None:
    done = hca("azul", "download", "MouseHeart", "Managed", check=3)
    assert "the project Managed is of managed access" in done.stderr
    assert len(hca.files("MouseHeart")) == 5, "the others are there"
    done = hca("azul", "download", "MouseHeart", "Managed", "--skip-unavailable")
    assert "managed access" in done.stderr
    done = hca("azul", "download", "--filter", "organ=heart,lung", "--download-dir", "f")
    assert "managed access" in done.stderr, "a filter asks for what there is"
    done = hca("azul", "download", "MouseHeart", "Managed", env={"HCA_ACCESS_TOKEN": azul.token})
    assert "managed access" not in done.stderr and len(hca.files("Managed")) == 2
    done = hca("azul", "export", "MouseHeart", "Managed", "--to", "aria2", check=3)
    assert "managed access" in done.stderr and "5 files" in done.stderr


def test_the_repository_itself_with_an_account(hca: Runner, azul: EmbeddedAzul) -> None:
    env = {"HCA_ACCESS_TOKEN": azul.token}
    hca("azul", "download", "Managed", "--sources", "drs", env=env)
    assert hca.files() == {"Managed/secret.fastq.gz", "Managed/secret.loom"}
    assert azul.count("drs", "GET", "/ga4gh/drs/v1/objects/") >= 4
    done = hca("azul", "download", "BrainCells", "--sources", "drs", "--download-dir", "x", check=4)
    assert "8 of 8" in done.stderr and azul.count("drs") < 20, "not asked without an account"


def test_a_repository_that_is_not_ready(hca: Runner, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch) -> None:
    ready, waits = azul.drs, ["Wed, 21 Oct 2015 07:28:00 GMT", "soon"]

    def not_ready(target: str, headers: dict[str, str]) -> Answer:
        return Answer(202, b"", {"Retry-After": waits.pop()}) if waits else ready(target, headers)

    monkeypatch.setattr(azul, "drs", not_ready)
    wanted = ["MouseHeart", "--filter", "format=loom", "--sources", "drs"]
    hca("azul", "download", *wanted, env={"HCA_ACCESS_TOKEN": azul.token})
    assert hca.files() == {"MouseHeart/heart.loom"} and not waits


def test_waits_of_the_service_are_followed(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    azul.faults.file_waits = 3
    client.download("MouseHeart", download_dir=tmp_path)
    assert azul.count("service", "GET", "/repository/files/") == 4 * 5


def test_waits_without_end_are_given_up(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    from hca_base.errors import HCAError
    from hca_base.transfer import TransferOptions

    azul.faults.file_waits_forever = True
    options = TransferOptions(wait_budget=0.5, retries=0)
    with pytest.raises(HCAError, match="still not ready"):
        client.download("MouseHeart", {"fileFormat": {"is": ["loom"]}}, download_dir=tmp_path, options=options)


def test_an_address_that_lapses_in_mid_file_is_renewed(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    file = File("large.bam", 3_000_000, key="slow")
    azul.atlas.projects.append(Project("Slow", "Slow", files=[file]))
    azul.faults.url_life, azul.faults.chunk_pause, azul.faults.cut_at = 0.3, 0.02, 1_000_000
    client.download("Slow", download_dir=tmp_path)
    assert (tmp_path / "Slow" / "large.bam").read_bytes() == file.bytes
    assert azul.count("service", "GET", "/repository/files/") >= 2


@pytest.mark.parametrize(
    ("fault", "value"), [("ignore_range", 1.0), ("truncate", 0.4), ("drop", 0.4), ("errors", 0.2), ("api_drop", 0.2)]
)
def test_faults(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path, fault: str, value: float) -> None:
    azul.atlas.projects[0].files.append(File("big.bam", 2_000_000, key="big"))
    azul.faults.cut_at = 500_000
    setattr(azul.faults, fault, value)
    outcome = client.download("BrainCells", download_dir=tmp_path)
    assert outcome.report.ok and len(outcome.report) == 9
    assert (tmp_path / "BrainCells" / "big.bam").read_bytes() == file_of_project(azul, "big.bam").bytes


def file_of_project(azul: EmbeddedAzul, name: str) -> File:
    return next(file for project in azul.atlas.projects for file in project.files if file.name == name)


# Unavailable files, and errors


def test_files_that_cannot_be_had_do_not_stop_the_others(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.atlas.projects[2].files[:] = [f for f in azul.atlas.projects[2].files if not f.wrong_hash]
    done = hca("azul", "download", "Odd", "--report", "r.json", check=4)
    assert hca.files() == ODD | {"r.json"}
    assert "2 of 6 files cannot be downloaded" in done.stderr and "--skip-unavailable" in done.stderr
    rows = report_of(hca.cwd / "r.json")
    assert rows["Odd/phantom.bam"]["outcome"] == rows["Odd/external.bam"]["outcome"] == "unavailable"
    assert "outside of the repository" in rows["Odd/external.bam"]["error"]
    done = hca("azul", "download", "Odd", "--skip-unavailable")
    assert "2 cannot be downloaded" in done.stderr


def test_wrong_bytes_are_put_into_quarantine(hca: Runner, azul: EmbeddedAzul) -> None:
    done = hca("azul", "download", "Odd", "--report", "r.json", check=7)
    rows = report_of(hca.cwd / "r.json")
    assert rows["Odd/damaged.bam"]["outcome"] == "mismatch" and hca.files() == ODD | {"r.json"}
    [kept] = (hca.cwd / ".hca" / "v2" / "quarantine").iterdir()
    assert kept.read_bytes() == file_of(azul, "damaged.bam").bytes
    assert "damaged.bam" in done.stderr and "2 cannot be" in done.stderr
    asked = azul.count("service", "GET", f"/repository/files/{file_of(azul, 'damaged.bam').uuid}")
    assert asked <= 3, "wrong metadata are not asked for without end"


def test_nothing_matches(hca: Runner) -> None:
    done = hca("azul", "download", "--filter", "organ=knee", check=4)
    assert "no file in catalog dcp44 matches" in done.stderr
    assert hca("azul", "download", check=2).stderr.startswith("hca: error: nothing is selected")
    assert "cannot be combined" in hca("azul", "download", "Odd", "--file", "x", check=2).stderr


# Names


def collide(client: AzulClient, tmp_path: Path, policy: str, template: str | None = None) -> set[str]:
    client.download(
        "Odd",
        {"fileName": {"is": ["reads.fastq.gz"]}},
        download_dir=tmp_path,
        on_collision=policy,
        name_template=template,
    )
    return {path.name for path in tmp_path.rglob("*.fastq.gz")}


def test_collisions(client: AzulClient, tmp_path: Path) -> None:
    for policy in ("error", "error-if-different"):
        with pytest.raises(RefusedError, match=r"reads\.fastq\.gz \(2 files\)"):
            collide(client, tmp_path / "e", policy)
    assert not (tmp_path / "e").exists()
    assert collide(client, tmp_path / "r", "rename") == {"reads-c85b183b.fastq.gz", "reads-85e696da.fastq.gz"}
    for policy, size in (("take-first", 1000), ("take-last", 1100)):
        assert collide(client, tmp_path / policy, policy) == {"reads.fastq.gz"}
        # Files are sorted by name, then by UUID.
        assert (tmp_path / policy / "Odd" / "reads.fastq.gz").stat().st_size in (size, 2100 - size)
    assert collide(client, tmp_path / "u", "error", "{uuid}/{name}") == {"reads.fastq.gz"}


def test_names_that_differ_only_in_case_collide_too(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    azul.atlas.projects.append(Project("Case", "Case", files=[File("A.txt", 5, key="c"), File("a.txt", 6, key="c")]))
    outcome = client.download("Case", download_dir=tmp_path)
    assert outcome.renamed == 2 and len({path.name.lower() for path in tmp_path.rglob("*-*.txt")}) == 2


def same_content(*names: str) -> list[File]:
    """Files with the same content and different UUIDs."""
    files = [File(name, 5, key=f"same {number}") for number, name in enumerate(names)]
    for file in files[1:]:
        file.__dict__["bytes"] = files[0].bytes
    return files


TWINS = ("Case.txt", "case.txt", "\u00e9.txt", "e\u0301.txt", "x.txt", "x.txt")


def test_every_file_has_a_row_in_the_report(hca: Runner, azul: EmbeddedAzul) -> None:
    """Also if the content already exists under a name that is equal on some file systems."""
    azul.atlas.projects.append(Project("Twins", "Twins", files=same_content(*TWINS)))
    hca("azul", "download", "Twins", "--report", hca.home / "r.json")
    rows = json.loads((hca.home / "r.json").read_text())["rows"]
    assert sorted(row["name"] for row in rows) == sorted(f"Twins/{name}" for name in TWINS)
    twins = [row for row in rows if row["outcome"] == "duplicate"]
    assert len(twins) == 3 and len(hca.files()) == 3
    for row in twins:
        assert (hca.cwd / row["path"]).read_bytes() and row["bytes"] == 0


def test_native_names_may_differ_in_case_alone(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.atlas.projects.append(Project("Twins", "Twins", files=same_content(*TWINS)))
    hca("azul", "download", "Twins", "--names", "native", "--report", hca.home / "r.json")
    rows = json.loads((hca.home / "r.json").read_text())["rows"]
    assert len(rows) == 6 and [row["name"] for row in rows if row["outcome"] == "duplicate"] == ["Twins/x.txt"]
    assert hca.files() == {f"Twins/{name}" for name in TWINS}


def test_files_left_out_for_others_have_rows(hca: Runner, azul: EmbeddedAzul) -> None:
    files = [File("A.txt", 5, key="a"), File("a.txt", 6, key="b")]
    azul.atlas.projects.append(Project("Case", "Case", files=files))
    hca("azul", "download", "Case", "--on-collision", "take-first", "--report", hca.home / "r.json")
    rows = json.loads((hca.home / "r.json").read_text())["rows"]
    assert sorted(row["outcome"] for row in rows) == ["downloaded", "left-out"]


def test_duplicates_share_the_fate_of_their_file(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.atlas.projects.append(Project("Names", "Names", files=same_content("CON", "con")))
    done = hca("azul", "download", "Names", "--report", hca.home / "r.json", check=5)
    rows = json.loads((hca.home / "r.json").read_text())["rows"]
    assert [row["outcome"] for row in rows] == ["refused", "refused"]
    assert "--names native" in done.stderr


def test_files_that_a_manifest_lists_twice_have_two_rows(hca: Runner) -> None:
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    head, *lines = (hca.cwd / "m.tsv").read_text().splitlines(keepends=True)
    hca.write("m.tsv", "".join([head, *lines, *lines]).encode())
    hca("azul", "download", "--manifest", "m.tsv", "--download-dir", "d", "--report", hca.home / "r.json")
    rows = json.loads((hca.home / "r.json").read_text())["rows"]
    assert len(rows) == 2 * len(lines) == 2 * len({row["name"] for row in rows})
    assert sum(row["outcome"] == "duplicate" for row in rows) == len(lines)
    assert all((hca.cwd / row["path"]).is_file() for row in rows)


def test_names_that_cannot_be_used_can_be_others(hca: Runner, azul: EmbeddedAzul) -> None:
    names = ["con.txt", "a\\b.txt", "tab\t.txt", "x.", "y ", "n" * 300, "../up.txt", "\u00a0blank.txt"]
    azul.atlas.projects.append(Project("Names", "Names", files=[File(name, 5, key="n") for name in names]))
    done = hca("azul", "download", "Names", check=5)
    assert hca.files() == {"Names/\u00a0blank.txt"} and "--name-template" in done.stderr
    hca("azul", "download", "Names", "--name-template", "{project}/{stem}-{uuid}{suffix}", "--download-dir", "all")
    assert len(hca.files("all")) == len(names)
    for tool in ("curl", "aria2"):
        assert "Names/\u00a0blank.txt" in hca("azul", "export", "Names", "--to", tool).stdout


def test_projects_of_one_name_are_told_apart(hca: Runner, azul: EmbeddedAzul) -> None:
    both = azul.atlas.projects[:2]
    for project in both:
        project.title = "The same"
    done = hca("azul", "download", "The same", check=2)
    assert all(project.uuid in done.stderr for project in both) and hca.files() == set()
    hca("azul", "download", both[1].uuid)
    assert len(hca.files("MouseHeart")) == 5


def test_one_content_twice_is_one_file(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    first = File("same.txt", 5, key="s1")
    second = File("same.txt", 5, key="s2")
    second.__dict__["bytes"] = first.bytes
    azul.atlas.projects.append(Project("Same", "Same", files=[first, second]))
    outcome = client.download("Same", download_dir=tmp_path, on_collision="error-if-different")
    assert outcome.renamed == 0 and (tmp_path / "Same" / "same.txt").read_bytes() == first.bytes
    with pytest.raises(RefusedError):
        client.download("Same", download_dir=tmp_path / "x", on_collision="error")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{name}", "heart.loom"),
        ("{species}/{organ}/{stem}.{format}", "Mus musculus/heart/heart.loom"),
        ("{uuid}{suffix}", "1fde9af5-7ef2-5458-bec6-f39775e712b2.loom"),
        ("{read}/{name}", "heart.loom"),
        ("x-{sample}", "x-MouseHeart_sample_1"),
    ],
)
def test_templates(client: AzulClient, tmp_path: Path, template: str, name: str) -> None:
    filters = {"fileName": {"is": ["heart.loom"]}}
    client.download(filters=filters, download_dir=tmp_path, name_template=template)
    assert (tmp_path / name).is_file()


@pytest.mark.parametrize("template", ["{nothing}", "{name", "fixed", "{name!r}", "{name.__class__}", "{}"])
def test_templates_that_make_no_sense(client: AzulClient, tmp_path: Path, template: str) -> None:
    with pytest.raises(UsageError, match="template"):
        client.download("Odd", download_dir=tmp_path, name_template=template)


def test_hostile_names_are_refused_and_the_others_come(hca: Runner, azul: EmbeddedAzul) -> None:
    names = ["../../evil.txt", "/etc/evil", "nul.txt", "a\nb.txt", "good.txt", ".hca/x"]
    azul.atlas.projects.append(Project("../up", "Hostile", files=[File(n, 3, key="h") for n in names]))
    done = hca("azul", "download", "Hostile", "--name-template", "{name}", "--report", "r.json", check=5)
    assert hca.files() == {"good.txt", "r.json", "etc/evil"}
    assert not list(hca.home.glob("evil*")) and "Traceback" not in done.stderr
    hca("azul", "download", "Hostile", "--filter", "name=good.txt", "--download-dir", "p")
    assert hca.files("p") == {"_up/good.txt"}


def test_odd_names(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "download", "Odd", "--filter", "format=txt")
    name = "a [b] #1 'c'.txt"
    assert (hca.cwd / "Odd" / name).read_bytes() == file_of(azul, name).bytes


# Lists


@pytest.mark.parametrize("old", [False, True])
def test_a_compact_manifest_of_either_release(hca: Runner, azul: EmbeddedAzul, old: bool) -> None:
    azul.faults.old = old
    hca("azul", "manifest", "--project", "BrainCells")
    azul.requests.clear()
    hca("azul", "download", "--manifest", "manifest.tsv", "--samplesheet", "s.csv")
    assert hca.files() == BRAIN | {"manifest.tsv", "s.csv"}
    assert azul.count("service", "GET", "/index/files") == 0, "the manifest says all"
    assert azul.count("storage", "GET", "/mirror") == (0 if old else 1)


def test_a_manifest_of_the_old_data_store(hca: Runner, azul: EmbeddedAzul) -> None:
    heart = file_of(azul, "heart.loom")
    columns = ["bundle_uuid", "bundle_version", "file_name", "file_uuid", "file_version", "file_sha256", "file_size"]
    row = ["b", "2018-01-01T000000.000000Z", heart.name, heart.uuid, "2018-01-01T000000.000000Z", heart.sha256, "2000"]
    (hca.cwd / "old.tsv").write_text("\t".join(columns) + "\n" + "\t".join(row) + "\n")
    hca("azul", "download", "--manifest", "old.tsv")
    assert (hca.cwd / "heart.loom").read_bytes() == heart.bytes


def test_a_curl_configuration_is_looked_up_and_verified(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "manifest", "--project", "Odd", "--format", "curl")
    done = hca("azul", "download", "--manifest", "manifest.curlrc", check=7)
    odd = azul.atlas.projects[2]
    assert {name for name in hca.files() if name != "manifest.curlrc"} == {
        f"{odd.bundle(0)}/reads.fastq.gz",
        f"{odd.bundle(1)}/reads.fastq.gz",
        f"{odd.bundle(0)}/promised.bam",
        f"{odd.bundle(0)}/a [b] #1 'c'.txt",
    }
    assert "2 cannot be" in done.stderr


def test_a_curl_configuration_is_of_the_catalog_in_it(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "manifest", "--format", "curl", "--catalog", "lm9", "--project", "MouseHeart", "--output", "m.curlrc")
    azul.requests.clear()
    hca("azul", "download", "--manifest", "m.curlrc")
    asked = [path for _, _, path, _ in azul.requests if path.startswith("/index/files")]
    assert asked and all("catalog=lm9" in path for path in asked)
    del azul.atlas.catalogs["lm9"]
    done = hca("azul", "download", "--manifest", "m.curlrc", "--download-dir", "d")
    assert "lm9 of the manifest no longer exists" in done.stderr and len(hca.files("d")) == 5
    text = (hca.cwd / "m.curlrc").read_text()
    (hca.cwd / "m.curlrc").write_text(text.replace('url="', "url=", 1).replace('"\noutput', "\noutput", 1))
    done = hca("azul", "download", "--manifest", "m.curlrc", check=2)
    assert "cannot be parsed" in done.stderr, "no pair is left out because it is written in another way"


def test_manifests_that_are_damaged(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    whole = (hca.cwd / "m.tsv").read_bytes()
    heart = file_of(azul, "heart.loom")
    for old, new, told in (
        (b"\t900\t", b"\t" + b"9" * 30 + b"\t", "file_size"),
        (b"\t900\t", b"\t" + b"9" * 5000 + b"\t", "file_size"),
        (heart.sha256.encode(), heart.sha256[:40].encode(), "file_sha256"),
        (b"\tS1_L001_R1", b'\t"S1_L001_R1', "unexpected end"),
    ):
        assert old in whole
        (hca.cwd / "n.tsv").write_bytes(whole.replace(old, new, 1))
        done = hca("azul", "download", "--manifest", "n.tsv", "--download-dir", "n", check=2)
        assert told in done.stderr and not (hca.cwd / "n").exists()


def test_addresses_and_names_in_manifests_that_are_none(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    whole = (hca.cwd / "m.tsv").read_bytes()
    heart = file_of(azul, "heart.loom")
    (hca.cwd / "n.tsv").write_bytes(whole.replace(b"http://127", b"http://[127"))
    assert "5 of 5 files cannot" in hca("azul", "download", "--manifest", "n.tsv", check=4).stderr
    odd = whole.replace(b"heart_2.csv.gz", b"h\xff.loom").replace(b"heart.loom", b"h\xff.loom")
    (hca.cwd / "n.tsv").write_bytes(odd)
    done = hca("azul", "download", "--manifest", "n.tsv", "--download-dir", "n", check=5)
    assert "not valid Unicode" in done.stderr and len(hca.files("n")) == 3
    (hca.cwd / "n.tsv").write_bytes(whole.replace(heart.uuid.encode(), b"\xff\xfe"))
    hca("azul", "download", "--manifest", "n.tsv", "--download-dir", "u", check=4)
    assert len(hca.files("u")) == 4
    (hca.cwd / "n.tsv").write_bytes(whole.replace(b"\theart.loom\t", b"\t\t"))
    hca("azul", "download", "--manifest", "n.tsv", "--download-dir", "e")
    assert f"MouseHeart/{heart.uuid}" in hca.files("e"), "a file without a name has its UUID for one"


def test_a_manifest_of_a_catalog_that_is_gone(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "manifest", "--project", "MouseHeart")
    path = hca.cwd / "manifest.tsv"
    path.write_text(path.read_text().replace("catalog=dcp44", "catalog=dcp7"))
    done = hca("azul", "download", "--manifest", "manifest.tsv")
    assert "dcp7" in done.stderr and done.stderr.count("no longer exists") == 1
    assert len(hca.files()) == 6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "neither a manifest"),
        ("a\tb\n1\t2\n", "neither a manifest"),
        ("file_uuid\tfile_name\nx\ty\n", "lacks the columns file_size, file_sha256"),
        ("file_uuid\tfile_name\tfile_size\tfile_sha256\n\ty\t1\t0\n", "file_uuid is empty"),
        ("file_uuid\tfile_name\tfile_size\tfile_sha256\nu\ty\t-1\t0\n", "file_size is '-1'"),
        ('url="https://bucket.s3.amazonaws.com/key?X-Amz-Signature=abc"\noutput="x"\n', "not one of Azul's files"),
    ],
)
def test_lists_that_are_none(hca: Runner, text: str, told: str) -> None:
    (hca.cwd / "list").write_text(text)
    done = hca("azul", "download", "--manifest", "list", check=2)
    assert told in done.stderr and "X-Amz" not in done.stderr
    assert "cannot be read" in hca("azul", "download", "--manifest", "nowhere", check=2).stderr


# The lock file


def test_the_lock_file_keeps_to_a_catalog(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "download", "MouseHeart")
    lock = json.loads((hca.cwd / "hca-azul.lock.json").read_text())
    assert lock["catalog"] == "dcp44" and lock["files"] == 5
    azul.atlas.catalogs["dcp45"] = False
    azul.atlas.default = "dcp45"
    azul.requests.clear()
    hca("azul", "download", "BrainCells")
    assert azul.count("service", "GET", "/index/files?catalog=dcp44") == 1
    del azul.atlas.catalogs["dcp44"]
    done = hca("azul", "download", "BrainCells")
    assert "catalog dcp44" in done.stderr and "no longer exists" in done.stderr and "dcp45" in done.stderr
    assert json.loads((hca.cwd / "hca-azul.lock.json").read_text())["catalog"] == "dcp45"
    assert "Must be one of" in hca("azul", "download", "BrainCells", "--catalog", "dcp44", check=4).stderr


# Sample sheets and matrices


@pytest.mark.parametrize("way", ["listing", "manifest"])
def test_sample_sheet(hca: Runner, way: str) -> None:
    if way == "manifest":
        hca("azul", "manifest", "--project", "BrainCells", "--output", "m.tsv")
    selection = ["BrainCells"] if way == "listing" else ["--manifest", "m.tsv"]
    hca("azul", "download", *selection, "--download-dir", "data", "--samplesheet", "s.csv")
    rows = list(csv.DictReader((hca.cwd / "s.csv").open(newline="")))
    assert [(row["sample"], row["fastq_1"], row["fastq_2"], row["index_1"], row["lane"]) for row in rows] == [
        (
            f"BrainCells_sample_{n}",
            *(f"data/BrainCells/S{n}_L001_{r}_001.fastq.gz" for r in ("R1", "R2", "I1")),
            "1",
        )
        for n in (1, 2)
    ]
    assert all((hca.cwd / row["fastq_1"]).is_file() and row["organ"] == "brain" for row in rows)


def test_matrices(hca: Runner) -> None:
    rows = hca.rows("azul", "matrices")
    assert {row["name"] for row in rows} == {"brain.loom", "heart.loom", "secret.loom"}
    rows = hca.rows("azul", "matrices", "--species", "Mus musculus", "--by-format")
    assert {row["name"]: row["made_by"] for row in rows} == {"heart.loom": "DCP", "heart_2.csv.gz": ""}
    assert [row["stage"] for row in hca.rows("azul", "matrices", "--organ", "heart")] == ["prime adult stage"]
    assert hca.rows("azul", "matrices", "--library", "Smart-seq2", "--organ", "brain") == []
    done = hca("azul", "matrices", "--species", "mus musculus")
    assert "did you mean 'Mus musculus'" in done.stderr
    hca("azul", "matrices", "--organ", "heart,brain", "--download", "--skip-unavailable")
    assert {"MouseHeart/heart.loom", "BrainCells/brain.loom"} <= hca.files()


# From Python


def test_from_python(client: AzulClient, tmp_path: Path) -> None:
    outcome = client.download("BrainCells", download_dir=tmp_path)
    assert outcome.report.counts["downloaded"] == 8 and outcome.catalog == "dcp44"
    assert [matrix.entry.name for matrix in client.matrices({"organ": {"is": ["heart"]}})] == ["heart.loom"]
    with pytest.raises(NotFoundError):
        client.download(filters={"organ": {"is": ["knee"]}}, download_dir=tmp_path)


def test_a_sample_sheet_has_all_reads_of_one_name(hca: Runner, azul: EmbeddedAzul) -> None:
    files = [
        File(f"reads_{read}.fastq.gz", 10 + 2 * sample + number, key=f"{sample}", sample=sample)
        for sample in (0, 1)
        for number, read in enumerate(("R1", "R2"))
    ]
    project = Project("Same", "Same", samples=2, files=files)
    # Two bundles of one sample, whose files have the same names.
    project.__dict__["sample_id"] = lambda number: "the sample"
    azul.atlas.projects.append(project)
    hca("azul", "download", "Same", "--samplesheet", "s.csv")
    rows = list(csv.DictReader((hca.cwd / "s.csv").open(newline="")))
    pairs = {tuple((hca.cwd / row[column]).read_bytes() for column in ("fastq_1", "fastq_2")) for row in rows}
    assert pairs == {(files[0].bytes, files[1].bytes), (files[2].bytes, files[3].bytes)}
    # A bundle with two files of the same name and column: they cannot be paired, and none is lost.
    files[2].sample = files[3].sample = 0
    hca("azul", "download", "Same", "--samplesheet", "t.csv")
    rows = list(csv.DictReader((hca.cwd / "t.csv").open(newline="")))
    assert len(rows) == 4 and all(bool(row["fastq_1"]) != bool(row["fastq_2"]) for row in rows)


def test_a_matrix_of_two_species_is_found_by_each(hca: Runner, azul: EmbeddedAzul) -> None:
    human = ("Homo sapiens", "human adult stage", "blood", "10x 3' v2")
    mouse = ("Mus musculus", "prime adult stage", "spleen", "10x 3' v2")
    files = [
        File("both.h5ad", 10, format="h5ad", matrix=human, also=(mouse,)),
        File("half-way.h5ad", 11, format="h5ad", matrix=human, intermediate=True),
    ]
    azul.atlas.projects.append(Project("Two", "Two species", files=files))
    for asked in (["--species", "Mus musculus"], ["--organ", "blood"], []):
        [row] = hca.rows("azul", "matrices", "Two", *asked)
        assert row["name"] == "both.h5ad" and row["species"] == "Homo sapiens, Mus musculus", asked
        assert row["organ"] == "blood, spleen" and row["cells"] == 1000
    assert hca.rows("azul", "matrices", "Two", "--species", "Mus musculus", "--organ", "blood") == []
    assert [row["name"] for row in hca.rows("azul", "matrices", "Two", "--by-format")] == ["both.h5ad"]
    rows = hca.rows("azul", "matrices", "Two", "--intermediate")
    assert [row["name"] for row in rows] == ["both.h5ad", "half-way.h5ad"]


def test_the_one_reason_of_all_missing_files_is_in_the_error(hca: Runner) -> None:
    nothing = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(2)]
    done = hca("azul", "download", "--file", nothing[0], "--file", nothing[1], check=4)
    assert "2 of 2 files" in done.error and "the service lists no such file" in done.error
    assert "--report" not in done.hint
    done = hca("azul", "download", "Odd", "--filter", "name=phantom.bam,external.bam", check=4)
    assert "outside" not in done.error and "--report FILE says why" in done.hint
