"""Lists of files in all supported formats, and downloads without the service."""

from __future__ import annotations

import gzip
import io
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from hca_azul.testing import EmbeddedAzul
from hca_azul.testing.answers import Answer
from hca_cellxgene.testing import EmbeddedCellxgene

from tests.lib import Runner

FORMS = ["compact", "terra.pfb", "verbatim.pfb", "verbatim.jsonl", "curl"]


@pytest.mark.parametrize("form", FORMS)
def test_every_manifest_is_a_list_of_files(hca: Runner, azul: EmbeddedAzul, form: str) -> None:
    if form.endswith("pfb"):
        pytest.importorskip("fastavro")
    hca("azul", "manifest", "--project", "MouseHeart", "--format", form, "--output", "m")
    hca("azul", "download", "--manifest", "m", "--download-dir", "d", "--name-template", "{name}")
    files = {file.name: file.bytes for file in azul.atlas.projects[1].files}
    assert hca.files("d") == set(files)
    assert all((hca.cwd / "d" / name).read_bytes() == content for name, content in files.items())


def repacked(text: bytes, form: str) -> bytes:
    if form == "gzip":
        return gzip.compress(text)
    if form == "utf-16":
        return text.decode().encode("utf-16")
    if form == "utf-16-be":
        return text.decode().encode("utf-16-be")
    if form == "bom":
        return b"\xef\xbb\xbf" + text
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("bag/bagit.txt", "BagIt-Version: 0.97\n")
        archive.writestr("bag/data/participants.tsv", "entity:participant_id\nx\n")
        archive.writestr("bag/data/samples.tsv", bag(text.decode()) if form == "bag" else text)
    return stream.getvalue()


def bag(text: str) -> str:
    """A BDBag's table: a row for each sample, with columns for each of its files."""
    import csv

    rows = list(csv.DictReader(io.StringIO(text), dialect="excel-tab"))
    columns = ("file_name", "file_uuid", "file_size", "file_sha256", "file_version", "file_drs_uri", "file_url")
    out = io.StringIO()
    groups = [f"__file_{number}__" for number in range(len(rows) + 1)]
    writer = csv.writer(out, dialect="excel-tab")
    writer.writerow(["entity:sample_id", "bundle_uuid", *(f"{g}{c}" for g in groups for c in columns)])
    cells = [row["file_azul_url"] if c == "file_url" else row[c] for row in rows for c in columns]
    writer.writerow(["s", rows[0]["bundle_uuid"], *cells, *([""] * len(columns))])
    return out.getvalue()


@pytest.mark.parametrize("form", ["gzip", "utf-16", "utf-16-be", "bom", "zip", "bag"])
def test_packed_and_encoded_lists(hca: Runner, form: str) -> None:
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    hca.write("list", repacked((hca.cwd / "m.tsv").read_bytes(), form))
    hca("azul", "download", "--manifest", "list", "--download-dir", "d", "--name-template", "{name}")
    assert len(hca.files("d")) == 5


def test_stdin_and_addresses(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    text = (hca.cwd / "m.tsv").read_text()
    hca("azul", "download", "--manifest", "-", "--download-dir", "a", stdin=text)
    assert len(hca.files("a")) == 5
    query = "catalog=dcp44&format=compact&filters=%7B%22project%22%3A%7B%22is%22%3A%5B%22MouseHeart%22%5D%7D%7D"
    for number, path in enumerate(("/manifest/files", "/fetch/manifest/files")):
        hca("azul", "download", "--manifest", f"{azul.url}{path}?{query}", "--download-dir", f"u{number}")
        assert len(hca.files(f"u{number}")) == 5
    done = hca("azul", "download", "--manifest", f"https://other.example.org/manifest/files?{query}", check=2)
    assert "is not the configured service" in done.stderr


@pytest.mark.parametrize("fetch", ["", "/fetch"])
@pytest.mark.parametrize("form", ["curl", "compact"])
def test_addresses_of_prepared_manifests(hca: Runner, azul: EmbeddedAzul, form: str, fetch: str) -> None:
    """The portal's curl commands identify a manifest by a key; the service rejects a token with it."""
    hca("azul", "manifest", "--project", "MouseHeart", "--format", form, "--output", "m")
    [key] = azul.manifests
    url = f"{azul.url}{fetch}/manifest/files/{key}"
    env = {"HCA_ACCESS_TOKEN": azul.token}
    hca("azul", "download", "--manifest", url, "--download-dir", "d", "--name-template", "{name}", env=env)
    assert len(hca.files("d")) == 5
    asked = [headers for where, _, path, headers in azul.requests if where == "service" and key in path]
    assert asked and not any("Authorization" in headers for headers in asked)
    azul.faults.gone = 1
    done = hca("azul", "download", "--manifest", url, check=4)
    assert "expired" in done.error + done.hint
    assert "--manifest" not in hca("azul", "download", "--manifest", f"{azul.url}/manifest/files/no", check=5).error


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00damaged", b"PK\x03\x04damaged", b"Obj\x01damaged", b"hello\n"])
def test_lists_that_are_none(hca: Runner, content: bytes) -> None:
    if content.startswith(b"Obj"):
        pytest.importorskip("fastavro")
    hca.write("list", content)
    hca("azul", "download", "--manifest", "list", check=2)
    assert hca.files("MouseHeart") == set()


def test_without_the_service_a_manifest_and_the_mirror_are_enough(hca: Runner, azul: EmbeddedAzul) -> None:
    for file in azul.atlas.projects[1].files:
        file.mirrored = True
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    azul.stop("service")
    done = hca("azul", "download", "--manifest", "m.tsv", "--download-dir", "d")
    assert len(hca.files("d/MouseHeart")) == 5
    assert done.stderr.count("the service is unavailable") == 1
    azul.atlas.projects[1].files[0].mirrored = False
    rows = (hca.cwd / "m.tsv").read_text().splitlines(keepends=True)
    cells = rows[1].split("\t")
    place = rows[0].split("\t").index("file_mirror_uri")
    hca.write("n.tsv", "".join([rows[0], "\t".join([*cells[:place], "", *cells[place + 1 :]]), *rows[2:]]).encode())
    done = hca("azul", "download", "--manifest", "n.tsv", "--download-dir", "e", check=6)
    assert "1 file not downloaded" in done.stderr and len(hca.files("e/MouseHeart")) == 4
    hca("azul", "download", "--manifest", "n.tsv", "--download-dir", "e", "--skip-unavailable")
    done = hca("azul", "download", "MouseHeart", check=6)


@pytest.mark.parametrize("service", ["azul", "anvil"])
@pytest.mark.parametrize(("form", "mirrored"), [("compact", 1), ("verbatim.jsonl", 0)])
def test_a_dry_run_without_the_service_says_what_would_be_missing(
    hca: Runner, service: str, form: str, mirrored: int
) -> None:
    with EmbeddedAzul(service=service) as embedded:
        files = embedded.atlas.projects[1].files
        for file in files:
            file.mirrored = file is files[0]
        hca.configure(embedded.settings)
        field = "project" if service == "azul" else "dataset"
        hca(service, "manifest", f"--{field}", "MouseHeart", "--format", form, "--output", "m")
        embedded.stop("service")
        words = (service, "download", "--manifest", "m", "--download-dir", "d")
        lost = len(files) - mirrored
        for options, code in (([], 6), (["--skip-unavailable"], 0)):
            done = hca(*words, *options, "--dry-run", check=code)
            assert (done.json["files"], done.json["unavailable"], done.json["managed"]) == (mirrored, lost, 0)
            assert f"{lost} unavailable" in done.stderr and "no files" not in done.stderr
        done = hca(*words, "--dry-run", check=6)
        assert f"{lost} files would not be downloaded: the service is unavailable" in done.error
        assert f"{lost} files not downloaded" in hca(*words, check=6).error


@contextmanager
def mute_server() -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that accepts connections and never responds: its URL, and the connections so far."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    accepted.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}", accepted
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in accepted:
                connection.close()


def test_a_service_that_never_answers_is_waited_for_once(hca: Runner, azul: EmbeddedAzul) -> None:
    for file in azul.atlas.projects[1].files:
        file.mirrored = True
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    with mute_server() as (url, accepted):
        settings = {"azul": {**azul.settings["azul"], "url": f"{url}/openapi.json"}}
        hca.configure({**settings, "http": {"timeout": 3}})
        done = hca("azul", "download", "--manifest", "m.tsv", "--download-dir", "d")
        assert len(hca.files("d/MouseHeart")) == 5 and len(accepted) == 1
        host = url.partition("//")[2]
        assert f"no answer from {host} yet; waiting up to 3 s for it" in done.stderr
        assert done.stderr.count("the service is unavailable (timed out") == 1
        # The mirror must not wait, even if other responses may take long.
        hca.configure({**settings, "http": {"timeout": 600}})
        words = hca.command("azul", "download", "--manifest", "m.tsv", "--download-dir", "e")
        with subprocess.Popen(words, env=hca.env, cwd=hca.cwd, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            try:
                assert f"no answer from {host} yet; waiting up to 30 s for it" in process.stderr.readline()
            finally:
                process.kill()


PARKED = b"<!doctype html><title>This domain is for sale</title>"
#: Possible responses of whatever replaced the service, to every request.
GONE = {
    "404": Answer(404, {"Code": "NotFoundError", "Message": "No such path"}),
    "403": Answer(403, {"message": "Forbidden"}),
    "410": Answer(410, b""),
    "500": Answer(500, b"Internal Server Error"),
    "503": Answer(503, b""),
    "a page": Answer(200, PARKED, {"Content-Type": "text/html"}),
    "404 with a page": Answer(404, PARKED, {"Content-Type": "text/html"}),
    "JSON": Answer(200, {"status": "retired"}),
    "nothing": Answer(200, b""),
    "redirect": Answer(301, b"", {"Location": "https://www.example.org/farewell"}),
    "redirect to itself": Answer(302, b"", {"Location": "/index/catalogs"}),
}


@pytest.mark.parametrize("service", ["azul", "anvil"])
@pytest.mark.parametrize("kind", GONE)
def test_whatever_answers_in_place_of_the_service(hca: Runner, service: str, kind: str) -> None:
    with EmbeddedAzul(service=service) as embedded:
        for file in embedded.atlas.projects[1].files:
            file.mirrored = True
        hca.configure({**embedded.settings, "http": {"retries": 0}})
        field = "project" if service == "azul" else "dataset"
        hca(service, "manifest", f"--{field}", "MouseHeart", "--output", "m.tsv")
        embedded.__dict__["service"] = lambda *request: GONE[kind]
        for options in ([], ["--catalog", "dcp44"]):
            done = hca(service, "download", "--manifest", "m.tsv", "--download-dir", f"d{len(options)}", *options)
            assert done.stderr.count("the service is unavailable") == 1, done.stderr
            assert len(hca.files(f"d{len(options)}/MouseHeart")) == 5
        # Without a list nothing can be selected.
        assert "unavailable (" not in hca(service, "download", "MouseHeart", check=None).stderr


def test_a_service_that_refuses_the_user_is_not_gone(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    done = hca("azul", "download", "--manifest", "m.tsv", check=3, env={"HCA_ACCESS_TOKEN": "expired"})
    assert "public mirror alone" not in done.stderr


@pytest.mark.parametrize("service", ["azul", "anvil"])
@pytest.mark.parametrize("form", ["compact", "curl", "terra.pfb", "verbatim.jsonl", "verbatim.pfb"])
def test_every_list_is_of_use_without_the_service(hca: Runner, service: str, form: str) -> None:
    with EmbeddedAzul(service=service) as embedded:
        for project in embedded.atlas.projects:
            for file in project.files:
                file.mirrored = True
        hca.configure(embedded.settings)
        hca(service, "manifest", "--format", form, "--output", "m")
        there = len({file.uuid for project in embedded.atlas.projects for file in project.files if not project.managed})
        embedded.stop("service")
        # Only this list has the mirror's URL of a file.
        mirrored = form == "compact"
        done = hca(service, "download", "--manifest", "m", "--download-dir", "d", check=None)
        folder = hca.cwd / "d"
        got = {name for name in hca.files("d") if not name.endswith(".json")} if folder.is_dir() else set()
        assert done.stderr.count("cannot connect") == 1, done.stderr
        assert done.stderr.count("files come from the public mirror alone") == 1
        if mirrored:
            assert len(got) >= there - 2
        else:
            assert (done.returncode, got) == (6, set()), done.stderr
            assert "the list names no copy in the public mirror" in done.error
            assert "Compact manifests name the copies in the mirror" in done.hint
        skipped = hca(service, "download", "--manifest", "m", "--download-dir", "d", "--skip-unavailable", check=None)
        assert skipped.returncode in ((0, 1, 7) if mirrored else (0,)), skipped.stderr


@pytest.mark.parametrize("service", ["azul", "anvil"])
def test_what_the_mirror_does_not_have(hca: Runner, service: str) -> None:
    """A bucket without list permission responds with 403 to missing objects: this is not an authentication error."""
    with EmbeddedAzul(service=service) as embedded:
        files = embedded.atlas.projects[1].files
        for file in files:
            file.mirrored = True
        files[0].mirrored = "claimed"
        hca.configure(embedded.settings)
        field = "project" if service == "azul" else "dataset"
        hca(service, "manifest", f"--{field}", "MouseHeart", "--output", "m.tsv")
        words = (service, "download", "--manifest", "m.tsv", "--report", "r.tsv", "--download-dir")
        done = hca(*words, "a", "--sources", "mirror", check=4)
        assert "the public mirror has no copy" in done.error and len(hca.files("a/MouseHeart")) == 4
        embedded.stop("service")
        done = hca(*words, "b", check=6)
        assert "1 file not downloaded: the service is unavailable, and the public mirror has no copy" in done.error
        assert len(hca.files("b/MouseHeart")) == 4 and "\tunavailable\t" in (hca.cwd / "r.tsv").read_text()
        hca(*words, "b", "--skip-unavailable")


@pytest.mark.parametrize("service", ["azul", "anvil"])
def test_lists_for_other_programs_without_the_service(hca: Runner, service: str) -> None:
    with EmbeddedAzul(service=service) as embedded:
        for project in embedded.atlas.projects:
            for file in project.files:
                file.mirrored = True
        hca.configure(embedded.settings)
        env = {"HCA_ACCESS_TOKEN": embedded.token}
        for form in ("compact", "curl"):
            hca(service, "manifest", "--format", form, "--output", form, env=env)
        embedded.stop("service")
        # As a download would, it exits with 6 for what is not in the public mirror.
        done = hca(service, "export", "--manifest", "compact", "--to", "aria2", check=6)
        assert "not in the list: the service is unavailable" in done.error
        assert done.stderr.count("the service is unavailable (") == 1
        assert done.stdout.count("\n  out=") == 20 and embedded.url not in done.stdout
        assert "secret" not in done.stdout, "the copies of managed data are not public"
        done = hca(service, "export", "--manifest", "curl", "--to", "aria2", check=6)
        assert done.stdout == "" and "names no copy in the public mirror" in done.error


def test_a_project_by_all_its_names(hca: Runner, azul: EmbeddedAzul) -> None:
    project = azul.atlas.projects[0]
    project.slug = "brain-cells-atlas"
    for name in (
        f"https://explore.data.humancellatlas.org/projects/{project.uuid}",
        f"https://data.humancellatlas.org/hca-bio-networks/projects/{project.uuid}/get-curl-command?x=1",
        "https://explore.data.humancellatlas.org/projects/brain-cells-atlas",
        "brain-cells-atlas",
        "GSE12345",
        "PRJNA12345",
        "gse12345",
        "BrainCells",
    ):
        azul.requests.clear()
        hca("azul", "metadata", name, "--output", "t.tsv", "--force")
        if name == "GSE12345":
            assert azul.count("service", "GET", "/index/projects") == 1
    azul.atlas.projects[1].accessions = (("geo", "GSE12345"),)
    done = hca("azul", "metadata", "GSE12345", check=2)
    assert "BrainCells" in done.stderr and "MouseHeart" in done.stderr and project.uuid in done.stderr
    hca("azul", "matrices", "GSE99999", check=4)
    assert "not the URL" in hca("azul", "download", "https://example.org/nothing", check=2).stderr
    # With hca-cellxgene installed, no request may leave this machine.
    hca.configure({**hca.config(), "cellxgene": {"base_url": "http://127.0.0.1:9"}, "http": {"retries": 0}})
    chosen = [f"-c{name}" for name in ("accessions", "publications", "cellxgene")]
    with EmbeddedCellxgene() as cellxgene:
        # Its list of collections is read for the column; it has no link to this project.
        hca.configure({**hca.config(), **cellxgene.settings})
        columns: dict[str, Any] = hca.rows("azul", "projects", "--filter", "project=BrainCells", *chosen)[0]
    assert columns["accessions"] == "geo:GSE12345, insdc_project:PRJNA12345"
    assert columns["publications"].startswith("https://doi.org/") and "cellxgene" in columns["cellxgene"]


def test_files_outside_of_the_repository_are_said_to_be(hca: Runner, azul: EmbeddedAzul) -> None:
    assert {row["entryId"] for row in hca.rows("azul", "projects", "--catalog", "lm9")}
    selection = ["Odd", "--catalog", "lm9", "--filter", "name=external.bam"]
    done = hca("azul", "download", *selection, "--report", "r.tsv", check=4)
    assert "external.bam" in done.stderr
    assert "outside of the repository" in (hca.cwd / "r.tsv").read_text()
    hca("azul", "metadata", "Odd", "--catalog", "lm9")
