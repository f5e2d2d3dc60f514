"""Manifests, prepared in the background; and the metadata of a project as one table."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from hca_azul.client import AzulClient
from hca_azul.manifest.manifests import Manifest
from hca_azul.manifest.metadata import protocols
from hca_azul.manifest.pending import Pending
from hca_azul.testing import EmbeddedAzul

from hca_base.errors import ServiceError, TimedOutError
from tests.lib import Runner


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream, dialect="excel-tab"))


def pending(hca: Runner) -> list[Path]:
    return list((hca.home / ".local" / "state" / "hca" / "azul" / "manifests").glob("*.json"))


def test_a_manifest_after_waits(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.faults.manifest_waits = 3
    done = hca("azul", "manifest", "--filter", "organ=brain")
    rows = rows_of(hca.cwd / "manifest.tsv")
    assert len(rows) == 8 and {row["project.project_core.project_short_name"] for row in rows} == {"BrainCells"}
    assert "is preparing the manifest" in done.stderr and "manifest.tsv" in done.stderr and done.stdout == ""
    assert azul.count("service", "PUT", "/fetch/manifest/files") == 1
    assert azul.count("service", "GET", "/fetch/manifest/files/") == 3
    assert pending(hca) == []


def test_a_manifest_of_nothing_is_not_silent(hca: Runner) -> None:
    for options in ([], ["--quiet"]):
        done = hca(*options, "azul", "manifest", "--filter", "organ=hart", "--output", "m.tsv", "--force")
        assert "no file matches: the manifest is empty" in done.stderr and rows_of(hca.cwd / "m.tsv") == []
        assert options or "did you mean 'heart'" in done.stderr


def test_a_format_of_old_releases(hca: Runner, azul: EmbeddedAzul) -> None:
    words = ("azul", "manifest", "--format", "terra.bdbag", "--filter", "organ=heart")
    done = hca(*words, check=5)
    assert "terra.bdbag" in done.error and "verbatim.jsonl" in done.error, "the service says which it has"
    assert "bdbag" not in hca("azul", "manifest", "--help").stdout
    azul.faults.old = True
    hca(*words)
    assert (hca.cwd / "manifest.zip").read_bytes().startswith(b"PK")


@pytest.mark.parametrize("form", ["curl", "terra.pfb", "verbatim.jsonl", "verbatim.pfb"])
def test_formats(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path, form: str) -> None:
    if form.endswith("pfb"):
        pytest.importorskip("fastavro")
    size = client.manifest(tmp_path / "m", {"organ": {"is": ["heart"]}}, form)
    assert (tmp_path / "m").read_bytes() == next(iter(azul.manifests.values())) and size > 0


def test_the_plain_way_where_there_is_no_other(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    azul.faults.old, azul.faults.manifest_waits = True, 2
    client.manifest(tmp_path / "m", {"organ": {"is": ["heart"]}})
    assert azul.count("service", "PUT", "/manifest/files") == 1
    assert azul.count("service", "GET", "/manifest/files/") == 2
    assert len(rows_of(tmp_path / "m")) == 5 and "file_url" in rows_of(tmp_path / "m")[0]


def test_the_service_says_how_long_to_wait(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    azul.faults.manifest_waits, azul.faults.wait = 2, 1
    started = time.monotonic()
    client.manifest(tmp_path / "m")
    assert time.monotonic() - started >= 2


def test_a_token_that_is_gone_starts_anew(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    azul.faults.manifest_waits, azul.faults.gone = 2, 1
    client.manifest(tmp_path / "m")
    assert azul.count("service", "PUT", "/fetch/manifest/files") == 2
    azul.faults.gone = 1000
    with pytest.raises(ServiceError, match="410"):
        client.manifest(tmp_path / "n", {"organ": {"is": ["heart"]}})
    assert not (tmp_path / "n").exists()


def test_one_that_takes_too_long_is_taken_up_later(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    azul.faults.manifest_waits, azul.faults.wait = 3, 5
    with pytest.raises(TimedOutError) as raised:
        client.manifest(tmp_path / "m", wait=1)
    assert "later" in str(raised.value.hint)
    azul.faults.wait = 0
    told: list[str] = []
    assert Manifest(client, say=told.append).save(tmp_path / "m") > 0
    assert "earlier run" in told[0]
    assert azul.count("service", "PUT", "/fetch/manifest/files") == 1


def test_a_place_that_was_kept_and_is_no_good(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    job = Manifest(client)
    for place in (f"{azul.url}/fetch/manifest/files/never", "http://169.254.169.254/x", "file:///etc/passwd"):
        job._pending.write(place)
        assert Manifest(client).save(tmp_path / "m") > 0
    assert azul.count("service", "PUT") == 3
    job._pending.path.write_text("{broken")
    assert Manifest(client).save(tmp_path / "m") > 0


def test_killed_while_it_waits_the_next_run_goes_on(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.faults.manifest_waits, azul.faults.wait = 2, 30
    process = subprocess.Popen(hca.command("azul", "manifest"), env=hca.env, cwd=hca.cwd, stderr=subprocess.PIPE)
    assert process.stderr is not None
    for line in process.stderr:
        if b"is preparing" in line:
            break
    deadline = time.monotonic() + 20
    while not pending(hca) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    [kept] = pending(hca)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not (hca.cwd / "manifest.tsv").exists()
    azul.faults.wait = 0
    done = hca("azul", "manifest")
    assert "earlier run" in done.stderr and azul.count("service", "PUT") == 1
    assert pending(hca) == [] and len(rows_of(hca.cwd / "manifest.tsv")) == 20


def test_broken_connections_and_lapsed_addresses(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    azul.faults.cut_at = 1000
    assert len(rows_of(_saved(client, tmp_path / "m"))) == 20
    azul.faults.url_life = -1
    with pytest.raises(ServiceError, match="400"):
        client.manifest(tmp_path / "n")
    assert not (tmp_path / "n").exists()


def _saved(client: AzulClient, path: Path) -> Path:
    client.manifest(path)
    return path


def test_long_filters(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    names = [f"none {number}" for number in range(900)] + ["heart.loom"]
    client.manifest(tmp_path / "m", {"fileName": {"is": names}})
    assert [row["file_name"] for row in rows_of(tmp_path / "m")] == ["heart.loom"]


def test_a_file_that_is_there_is_not_replaced_unasked(hca: Runner) -> None:
    path = hca.cwd / "here.tsv"
    path.write_text("mine")
    done = hca("azul", "manifest", "--output", "here.tsv", check=2)
    assert "--force" in done.stderr and path.read_text() == "mine"
    hca("azul", "manifest", "--output", "here.tsv", "--force")
    assert path.read_text() != "mine"


def test_to_stdout(hca: Runner) -> None:
    done = hca("azul", "manifest", "--project", "MouseHeart", "--output", "-")
    assert done.stdout.startswith("source_id\t") and done.stdout.count("\n") == 6


def test_a_manifest_with_a_token_in_it_is_the_owners_alone(hca: Runner, azul: EmbeddedAzul) -> None:
    done = hca("azul", "manifest", "--format", "curl", env={"HCA_ACCESS_TOKEN": azul.token})
    assert (hca.cwd / "manifest.curlrc").stat().st_mode & 0o777 == 0o600
    assert "warning" in done.stderr and azul.token not in done.stderr


def test_a_full_disk_is_a_line_and_no_trace(hca: Runner) -> None:
    done = hca("azul", "manifest", "--output", "/nowhere/m.tsv", check=2)
    assert "cannot write /nowhere/m.tsv" in done.stderr and "Traceback" not in done.stderr


def test_a_state_that_cannot_be_kept_costs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = Pending("x")
    place.path.parent.mkdir(parents=True)
    place.path.mkdir()
    place.write("http://127.0.0.1/x")
    assert place.read() is None
    place.forget()


# The table of a project


def test_metadata_of_a_project(hca: Runner) -> None:
    hca("azul", "metadata", "BrainCells")
    rows = rows_of(hca.cwd / "BrainCells.tsv")
    assert len(rows) == 8 and "cell_line.type" not in rows[0] and rows[0]["donor_organism.sex"] == "female"
    hca("azul", "metadata", "Cells of the human brain, in two samples", "--all-columns", "--output", "all.tsv")
    assert "cell_line.type" in rows_of(hca.cwd / "all.tsv")[0]


def test_metadata_with_barcodes(hca: Runner) -> None:
    hca("azul", "metadata", "BrainCells", "--barcodes", "--output", "b.tsv")
    rows = rows_of(hca.cwd / "b.tsv")
    assert {row["umi_barcode.barcode_length"] for row in rows} == {"10"}
    assert {row["cell_barcode.barcode_read"] for row in rows} == {"Read 1"}


def test_protocols_as_releases_wrap_them(tmp_path: Path) -> None:
    kind = "library_preparation_protocol"
    barcode = {"cell_barcode": {"barcode_read": "Read 1", "barcode_length": 16}}
    plain = {"describedBy": f"https://s/6.1.0/{kind}", "library_construction_method": {"text": "A"}, **barcode}
    older = {"describedBy": f"https://s/4.3.3/{kind}", "library_construction_approach": {"ontology_label": "B"}}
    wrapped = {
        "type": kind,
        "value": {"x": 1, "content": json.dumps({**plain, "cell_barcode": {"barcode_length": 12}})},
    }
    other = {"type": "project", "value": {"content": {"text": kind}}}
    lines = [json.dumps(one) for one in (plain, older, wrapped, other)] + [f"{{{kind}", "[]"]
    (tmp_path / "lines").write_text("\n".join(lines))
    assert protocols(tmp_path / "lines") == {
        "A": {"cell_barcode.barcode_read": "Read 1", "cell_barcode.barcode_length": "16 || 12"},
        "B": {},
    }


def test_metadata_of_managed_and_unknown_projects(hca: Runner) -> None:
    for command in (["metadata", "Managed"], ["manifest", "--project", "Managed"]):
        done = hca("azul", *command, "--output", "m.tsv", check=3)
        assert "managed access" in done.stderr and not (hca.cwd / "m.tsv").exists(), "no table of nothing"
    done = hca("azul", "metadata", "BrainCel", check=4)
    assert "'BrainCells'" in done.stderr


def test_a_manifest_says_what_it_keeps_silent_about(hca: Runner, azul: EmbeddedAzul) -> None:
    done = hca("azul", "manifest", "--filter", "organ=brain,lung", "--output", "m.tsv")
    assert "managed access" in done.stderr and "Managed" in done.stderr
    done = hca("azul", "manifest", "--filter", "organ=heart", "--output", "n.tsv")
    assert "managed access" not in done.stderr
    env = {"HCA_ACCESS_TOKEN": azul.token}
    done = hca("azul", "manifest", "--filter", "organ=brain,lung", "--output", "o.tsv", env=env)
    assert "managed access" not in done.stderr


def test_a_project_is_not_chosen_twice(hca: Runner, azul: EmbeddedAzul) -> None:
    twice = ["--filter", f"project-id={azul.atlas.projects[0].uuid}"]
    done = hca("azul", "manifest", "--project", "Odd", *twice, "--output", "m.tsv", check=2)
    assert "projectId" in done.stderr and not (hca.cwd / "m.tsv").exists()
    assert "projectId" in hca("azul", "matrices", "Odd", *twice, check=2).stderr
    asked = ["--species", "Mus musculus", "--filter", "species=Homo sapiens"]
    assert "genusSpecies" in hca("azul", "matrices", *asked, check=2).stderr


def test_project_names_are_no_paths(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.atlas.projects[0].short = "../../evil/name"
    hca("azul", "metadata", azul.atlas.projects[0].uuid)
    assert [path.name for path in hca.cwd.glob("*.tsv")] == ["_.._evil_name.tsv"]
    assert json.loads(hca("azul", "projects", "--limit", "1", "-f", "json").stdout)
