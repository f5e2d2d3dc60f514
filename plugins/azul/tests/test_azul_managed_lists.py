"""Files with managed access named by UUID or in a list: reported like projects."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hca_azul.client import AzulClient
from hca_azul.query.managed import ManagedDataWarning
from hca_azul.testing import Atlas, EmbeddedAzul, File, Project
from hca_azul.testing.answers import Answer, error

from hca_base.errors import AuthError
from tests.lib import Runner

PLACE = "https://duos.org/dataset/DUOS-000"
FORMS = ["compact", "terra.pfb", "verbatim.pfb", "verbatim.jsonl", "curl"]
OPEN, CLOSED = "OpenCells", "ClosedCells"


def atlas(service: str) -> Atlas:
    kind = "fastq.gz"
    opened = [File(f"open{n}.{kind}", 40 + n, format=kind, mirrored=n == 0, key=OPEN) for n in range(3)]
    closed = [File(f"closed{n}.{kind}", 50 + n, format=kind, mirrored=True, key=CLOSED) for n in range(2)]
    return Atlas(
        [
            Project(OPEN, "Open", organ="heart", files=opened),
            Project(CLOSED, "Closed", organ="lung", managed=True, duos_id="DUOS-000777", files=closed),
        ],
        default=f"{service}1",
        catalogs={f"{service}1": False},
    )


@pytest.fixture(params=["azul", "anvil"])
def service(request: pytest.FixtureRequest, hca: Runner) -> Iterator[EmbeddedAzul]:
    """Both services, each with a public project or dataset and a managed one."""
    with EmbeddedAzul(atlas(request.param), service=request.param) as found:
        for project in found.atlas.projects:
            for file in project.files:
                # AnVIL's curl manifests list mirrored files only.
                file.mirrored = True
        hca.configure(found.settings)
        yield found


def saved(hca: Runner, service: EmbeddedAzul, form: str, *names: str) -> str:
    """A manifest requested by a user with access."""
    if form.endswith("pfb"):
        pytest.importorskip("fastavro")
    env = {"HCA_ACCESS_TOKEN": service.token}
    field = "project" if service.service_name == "azul" else "dataset"
    name = service.service_name
    hca(
        name,
        "manifest",
        "--filter",
        f"{field}={','.join(names)}",
        "--format",
        form,
        "--output",
        "m",
        "--force",
        env=env,
    )
    service.requests.clear()
    return "m"


def names(hca: Runner, folder: str) -> set[str]:
    if not (hca.cwd / folder).is_dir():
        return set()
    return {name.rpartition("/")[2] for name in hca.files(folder) if not name.endswith(".json")}


def opened(service: EmbeddedAzul) -> set[str]:
    return {file.name for file in service.atlas.projects[0].files}


@pytest.mark.parametrize("form", FORMS)
def test_a_list_of_managed_files_alone(hca: Runner, service: EmbeddedAzul, form: str) -> None:
    manifest = saved(hca, service, form, CLOSED)
    for options in ([], ["--quiet"]):
        words = (service.service_name, "download", "--manifest", manifest, "--download-dir", "d")
        done = hca(*options, *words, "--report", "r.json", check=3)
        assert done.stderr.count(PLACE) == 1 and CLOSED in done.error, done.stderr
    rows = json.loads((hca.cwd / "r.json").read_text())["rows"]
    assert [row["outcome"] for row in rows] == ["managed"] * 2 and all(PLACE in row["error"] for row in rows)
    assert names(hca, "d") == set()
    assert service.count("service", "GET", "/repository/files") == 0, "none is requested in vain"
    assert service.count("storage") == 0, "nor from the mirror, whose bucket is not public"
    assert PLACE in hca(*words, "--skip-unavailable").stderr
    done = hca(service.service_name, "export", "--manifest", manifest, "--to", "aria2", check=3)
    assert done.stdout == "" and done.stderr.count(PLACE) == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_list_of_both(hca: Runner, service: EmbeddedAzul, form: str) -> None:
    manifest = saved(hca, service, form, OPEN, CLOSED)
    words = (service.service_name, "download", "--manifest", manifest, "--download-dir", "d", "--report", "r.json")
    done = hca(*words, check=3)
    assert names(hca, "d") == opened(service)
    assert done.stderr.count(PLACE) == 1 and CLOSED in done.error
    counts = json.loads((hca.cwd / "r.json").read_text())["counts"]
    assert counts == {"downloaded": 3, "managed": 2}
    done = hca(*words, "--skip-unavailable")
    assert done.stderr.count(PLACE) == 1 and "managed access" in done.stderr
    done = hca(*words, "--dry-run", check=3)
    assert done.json["files"] + done.json.get("present_files", 0) >= 3 and done.stderr.count(PLACE) == 1
    assert (done.json["unavailable"], done.json["managed"]) == (0, 2) and "2 managed" in done.stderr
    done = hca(service.service_name, "export", "--manifest", manifest, "--to", "aria2", check=3)
    assert done.stdout.count("\n  out=") == 3 and "closed" not in done.stdout
    assert done.stderr.count(PLACE) == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_list_for_those_who_have_access(hca: Runner, service: EmbeddedAzul, form: str) -> None:
    manifest = saved(hca, service, form, OPEN, CLOSED)
    env = {"HCA_ACCESS_TOKEN": service.token}
    done = hca(service.service_name, "download", "--manifest", manifest, "--download-dir", "d", env=env)
    assert len(names(hca, "d")) == 5 and "managed access" not in done.stderr
    done = hca(service.service_name, "export", "--manifest", manifest, "--to", "aria2", env=env)
    assert done.stdout.count("\n  out=") == 5 and "managed access" not in done.stderr


def test_files_by_their_uuids(hca: Runner, service: EmbeddedAzul) -> None:
    public, managed = (project.files[0] for project in service.atlas.projects)
    words = (service.service_name, "download", "--download-dir", "d")
    done = hca(*words, "--file", managed.uuid, check=3)
    assert done.stderr.count(PLACE) == 1 and names(hca, "d") == set()
    done = hca(*words, "--file", public.uuid, "--file", managed.uuid, check=3)
    assert names(hca, "d") == {public.name} and done.stderr.count(PLACE) == 1
    assert PLACE in hca(*words, "--file", public.uuid, "--file", managed.uuid, "--skip-unavailable").stderr
    # Files that do not exist have another error, also next to files with managed access.
    nothing = "00000000-0000-4000-8000-000000000000"
    done = hca(*words, "--file", nothing, check=4)
    assert "managed" not in done.error
    hca(*words, "--file", nothing, "--file", managed.uuid, "--report", "r.json", check=3)
    rows = {row["name"]: row["outcome"] for row in json.loads((hca.cwd / "r.json").read_text())["rows"]}
    assert rows == {nothing: "unavailable", managed.uuid: "managed"}
    done = hca(service.service_name, "export", "--file", managed.uuid, "--to", "curl", check=3)
    assert done.stderr.count(PLACE) == 1
    done = hca(service.service_name, "export", "--file", public.uuid, "--file", managed.uuid, "--to", "curl", check=3)
    assert done.stdout.count("url =") == 1 and done.stderr.count(PLACE) == 1


def test_a_table_that_says_nothing_of_projects(hca: Runner, azul: EmbeddedAzul) -> None:
    """Users remove columns of manifests."""
    azul.atlas.projects[:] = atlas("azul").projects
    saved(hca, azul, "compact", OPEN, CLOSED)
    rows = [line.split("\t") for line in (hca.cwd / "m").read_text().splitlines()]
    kept = [rows[0].index(name) for name in ("file_uuid", "file_name", "file_size", "file_sha256", "file_drs_uri")]
    kept.append(rows[0].index("file_azul_url"))
    hca.write("n.tsv", "".join("\t".join(row[n] for n in kept) + "\n" for row in rows).encode())
    done = hca("azul", "download", "--manifest", "n.tsv", "--download-dir", "d", "--report", "r.json", check=3)
    assert names(hca, "d") == opened(azul) and done.stderr.count(PLACE) == 1
    assert json.loads((hca.cwd / "r.json").read_text())["counts"] == {"downloaded": 3, "managed": 2}
    done = hca("azul", "export", "--manifest", "n.tsv", "--to", "aria2", check=3)
    assert done.stdout.count("\n  out=") == 3 and done.stderr.count(PLACE) == 1


def test_projects_do_not_know_their_files(hca: Runner, azul: EmbeddedAzul) -> None:
    """The real service finds no project by a file's UUID: a list must name the project, or the bundle."""
    azul.atlas.projects[:] = atlas("azul").projects
    honest = azul.service

    def strict(method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        if target.startswith("/index/projects?") and "fileId" in target:
            found = {"count": 0, "total": 0, "size": 20, "next": None, "previous": None, "pages": 0}
            return Answer(200, {"hits": [], "termFacets": {}, "pagination": {**found, "sort": "x", "order": "asc"}})
        return honest(method, target, headers, body)

    for form in ("compact", "curl", "verbatim.jsonl"):
        saved(hca, azul, form, OPEN, CLOSED)
        (hca.cwd / "m").rename(hca.cwd / form)
    azul.__dict__["service"] = strict
    for form in ("compact", "curl", "verbatim.jsonl"):
        done = hca("azul", "download", "--manifest", form, "--download-dir", form + ".d", check=3)
        assert names(hca, form + ".d") == opened(azul) and done.stderr.count(PLACE) == 1
    done = hca("azul", "download", "--file", azul.atlas.projects[1].files[0].uuid, "--report", "r.tsv", check=4)
    assert "only to users with access" in (hca.cwd / "r.tsv").read_text()


def test_the_question_costs_a_request_for_many_files(hca: Runner, azul: EmbeddedAzul) -> None:
    files = [File(f"c{n}.bam", 5, format="bam", key="many") for n in range(450)]
    azul.atlas.projects[:] = [Project(CLOSED, "Closed", managed=True, duos_id="DUOS-000777", files=files)]
    for form, most in (("compact", 1), ("curl", 3)):
        saved(hca, azul, form, CLOSED)
        hca("azul", "download", "--manifest", "m", "--download-dir", "d", check=3)
        assert (
            1
            <= azul.count("service", "GET", "/index/projects") + azul.count("service", "POST", "/index/projects")
            <= most
        )


def test_a_question_about_a_list_that_cannot_be_asked_is_said(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.atlas.projects[:] = atlas("azul").projects
    saved(hca, azul, "compact", OPEN)
    honest = azul.service

    def service(method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        if target.startswith("/index/projects"):
            return error(400, "BadRequestError", "no such thing")
        return honest(method, target, headers, body)

    azul.__dict__["service"] = service
    done = hca("--quiet", "azul", "download", "--manifest", "m", "--download-dir", "d")
    assert "cannot find out whether data of managed access match" in done.stderr and len(names(hca, "d")) == 3


def test_matrices_that_are_downloaded_have_rows_of_what_is_left_out(hca: Runner) -> None:
    words = ("azul", "matrices", "--download", "--download-dir", "d", "--report", "r.json")

    def rows() -> dict[str, str]:
        report = hca.cwd / "r.json"
        found = {row["name"]: row["outcome"] for row in json.loads(report.read_text())["rows"]}
        report.unlink()
        return found

    for more, code in (([], 0), (["Managed"], 3), (["Managed", "BrainCells"], 3)):
        for skip in ([], ["--skip-unavailable"]):
            done = hca(*words, *more, *skip, check=0 if skip else code)
            assert done.stderr.count(PLACE) == 1, done.stderr
            found = rows()
            assert found["Managed"] == "managed" and len(found) == {0: 3, 1: 1, 2: 2}[len(more)], (more, found)


@pytest.mark.parametrize(
    "command",
    [
        ["download", "MouseHeart", "Managed", "--download-dir", "d"],
        ["download", "MouseHeart", "Managed", "--download-dir", "d", "--dry-run"],
        ["matrices", "MouseHeart", "Managed", "--download", "--download-dir", "d"],
        ["matrices", "MouseHeart", "Managed"],
        ["export", "MouseHeart", "Managed", "--to", "curl"],
    ],
    ids=lambda command: " ".join(command[:1] + command[3:]),
)
def test_said_once(hca: Runner, command: list[str]) -> None:
    done = hca("azul", *command, check=3)
    assert done.stderr.count("Managed") == done.stderr.count(PLACE) == 1, done.stderr


def test_said_beside_an_error_about_something_else(hca: Runner, azul: EmbeddedAzul) -> None:
    done = hca("azul", "download", "Odd", "Managed", "--download-dir", "d", check=7)
    assert "damaged.bam" in done.error and done.stderr.count(PLACE) == 1


def test_from_python(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    public, managed = azul.atlas.projects[1].files[0], azul.atlas.projects[3].files[0]
    with warnings.catch_warnings():
        # The error message is complete.
        warnings.simplefilter("error")
        for files in ([managed.uuid], [public.uuid, managed.uuid]):
            with pytest.raises(AuthError) as caught:
                client.download(files=files, download_dir=tmp_path)
            assert PLACE in str(caught.value.hint) and caught.value.units[0].short == "Managed"  # type: ignore[attr-defined]
        with pytest.raises(AuthError):
            client.download(["MouseHeart", "Managed"], download_dir=tmp_path)
    with pytest.warns(ManagedDataWarning, match=re.escape(PLACE)):
        outcome = client.download(files=[public.uuid, managed.uuid], download_dir=tmp_path, skip_unavailable=True)
    assert outcome.report.counts["managed"] == 1
