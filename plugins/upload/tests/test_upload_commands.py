"""The commands, through the installed program: names, collisions, present files, other sources, formats."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.lib import Runner

AWKWARD = [
    "with space.txt",
    "plus+sign.txt",
    "hash#q.txt",
    "per%cent.txt",
    "escape%41%2Fb.txt",
    "question?.txt",
    "uni-é-漢.txt",
    "decomposed-e\u0301.txt",
    "quote'\"&<>.txt",
    "-dash.txt",
    "semi;colon=1.txt",
    "checksum",
    "empty",
]
_COMPLETE = re.compile(r"^Upload complete of (.*) to upload area s3://\S+$", re.MULTILINE)
_PRESENT = re.compile(r"^Upload complete of (.*) to upload area s3://\S+ \(it was there already\)$", re.MULTILINE)


def test_awkward_names(hca: Runner, site: Any, area: str) -> None:
    for name in AWKWARD:
        hca.write(f"d/{name}", b"" if name == "empty" else name.encode())
    done = hca("upload", "files", "d")
    assert sorted(_COMPLETE.findall(done.stdout)) == sorted(f"d/{name}" for name in AWKWARD)
    objects = site.objects(area)
    assert set(objects) == set(AWKWARD)
    hca("upload", "wait", "--timeout", "30")
    assert set(site.checksum_states(area).values()) == {"CHECKSUMMED"}
    listed = json.loads(hca("upload", "list", "-l", "-f", "json").stdout)
    assert {file["name"] for file in listed if file["checksums"]["sha256"]} == set(AWKWARD)
    assert sorted(hca("upload", "list").stdout.splitlines()) == sorted(AWKWARD)
    for name in AWKWARD:
        status = hca("upload", "status", "--", name).stdout
        assert status.endswith(" is currently VALIDATION_UNSCHEDULED\n"), status
    hca("upload", "validate", "--validator", "hca-local/check", "--", *AWKWARD)
    done = hca("upload", "wait", "--validated", "--timeout", "60", "-f", "json")
    assert {row["status"] for row in json.loads(done.stdout)} == {"VALIDATED"}


def test_a_service_that_takes_one_escape_too_many_off_names(
    hca: Runner, site: Any, area: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like the original, in every route with a file name."""
    from hca_local.upload_service.errors import no_file

    names = ["escape%41.txt", "50%25.txt", "plain.txt"]
    for name in names:
        hca.write(name, name.encode())
    hca("upload", "files", *names)
    hca("upload", "wait", "--timeout", "30")
    objects = site.deployment.ctx.objects

    def find(uuid: str, name: str) -> Any:
        found = objects.head(site.bucket, f"{uuid}/{unquote(name)}")
        if found is None:
            raise no_file()
        return found

    monkeypatch.setattr(site.service.files, "find", find)
    for name in names:
        assert "is currently VALIDATION_UNSCHEDULED" in hca("upload", "status", "--", name).stdout
    missing = hca("upload", "status", "no%41ne.txt", check=4)
    assert missing.stderr.count("hca: error: ") == 1


def test_files_of_one_name_are_refused_and_both_are_named(hca: Runner, site: Any, area: str) -> None:
    hca.write("d/one/reads.txt", b"1")
    hca.write("d/two/reads.txt", b"2")
    done = hca("upload", "files", "d", check=5)
    assert "d/one/reads.txt and d/two/reads.txt would both be named 'reads.txt'" in done.stderr
    assert not site.objects(area)
    # With their paths they differ, but this service does not allow slashes in names.
    refused = hca("upload", "files", "--keep-paths", "d", check=5)
    assert "does not support names with folders" in refused.stderr
    assert not site.objects(area)
    # The same file named twice is one file.
    assert len(_COMPLETE.findall(hca("upload", "files", "d/one", "d/one/reads.txt").stdout)) == 1


@pytest.mark.parametrize("name", ["credentials", "checksums", "validate", "validations", "files_info"])
def test_names_that_the_service_takes_for_itself(hca: Runner, site: Any, area: str, name: str) -> None:
    hca.write(name, b"x")
    assert f"does not support the file name '{name}'" in hca("upload", "files", name, check=5).stderr
    hca("upload", "files", name, "-t", "renamed.txt")
    assert list(site.objects(area)) == ["renamed.txt"]


def test_target_names_that_would_be_resolved_away(hca: Runner, site: Any, area: str) -> None:
    hca.write("a.txt", b"x")
    for name in ("..", "../b", "x/../../y", "/b", "a//b", "x/"):
        assert hca("upload", "files", "a.txt", "-t", name, check=5).stderr.startswith("hca: error: a.txt: the service")
    assert "must not be empty" in hca("upload", "files", "a.txt", "-t", "", check=2).stderr
    assert not site.objects(area)


def test_a_directory_without_files_of_the_extension(hca: Runner, site: Any, area: str) -> None:
    hca.write("d/a.txt", b"x")
    done = hca("upload", "files", "--file-extension", ".nope", "d")
    assert "no file with the suffix '.nope' in d" in done.stderr
    assert "must not be empty" in hca("upload", "files", "--file-extension", "", "d", check=2).stderr


def test_stages_that_cannot_be(hca: Runner, site: Any, area: str) -> None:
    for stage in ("lo cal", "", "a/b", "x.evil.example", "{y}"):
        assert "is not a valid stage" in hca("upload", "create", "--env", stage, check=2).stderr
        assert "is not a valid stage" in hca("upload", "report", "--env", stage, check=2).stderr


def test_what_a_directory_holds(hca: Runner, site: Any, area: str) -> None:
    hca.write("d/a.txt", b"a")
    hca.write("elsewhere/b.txt", b"b")
    (hca.cwd / "d" / "linked").symlink_to(hca.cwd / "elsewhere")
    (hca.cwd / "d" / "c.txt").symlink_to(hca.cwd / "elsewhere" / "b.txt")
    done = hca("upload", "files", "d")
    assert set(site.objects(area)) == {"a.txt", "c.txt"}
    assert "d/linked is a link to a directory, whose contents are skipped" in done.stderr
    (hca.cwd / "d" / "broken.txt").symlink_to("nowhere")
    assert "broken.txt is not a file" in hca("upload", "files", "d", check=1).stderr
    assert "does-not-exist does not exist" in hca("upload", "files", "d", "does-not-exist", check=4).stderr


def test_a_second_run_sends_what_is_missing_or_different(hca: Runner, site: Any, area: str) -> None:
    # The area's credentials do not allow HEAD (see test_local_upload_service): the listing must do.
    for name in ("same.txt", "changed.txt", "grown.txt"):
        hca.write(name, b"one")
    first = json.loads(hca("upload", "files", "same.txt", "changed.txt", "grown.txt", "-f", "json").stdout)
    assert {row["state"] for row in first} == {"uploaded"}
    hca("upload", "wait")
    hca.write("changed.txt", b"two")
    hca.write("grown.txt", b"three")
    hca.write("new.txt", b"new")
    names = ("same.txt", "changed.txt", "grown.txt", "new.txt")
    dry = json.loads(hca("upload", "files", *names, "--dry-run", "-f", "json").stdout)
    expected = {"same.txt": "present", "changed.txt": "uploaded", "grown.txt": "uploaded", "new.txt": "uploaded"}
    assert {row["name"]: row["state"] for row in dry} == {
        name: "present" if state == "present" else "would-upload" for name, state in expected.items()
    }
    second = json.loads(hca("upload", "files", "--sync", *names, "-f", "json").stdout)
    assert {row["name"]: row["state"] for row in second} == expected
    assert site.deployment.ctx.store.blobs.read(site.objects(area)["changed.txt"].sha256) == b"two"
    third = json.loads(hca("upload", "files", "--no-sync", *names, "-f", "json").stdout)
    assert {row["state"] for row in third} == {"uploaded"}


def test_a_file_that_arrived_damaged_is_sent_again(hca: Runner, site: Any, area: str) -> None:
    path = hca.write("a.txt", b"good")
    blob = site.deployment.ctx.store.blobs.put_bytes(b"evil")
    site.deployment.ctx.objects.put(site.bucket, f"{area}/a.txt", blob, metadata={"crc32c": "00000000"})
    site.service.files.notify(area, "a.txt")
    site.until(lambda: site.checksum_states(area) == {"a.txt": "FAILED"})
    done = hca("upload", "status", "a.txt", check=7)
    assert done.stdout.endswith("is currently FAILED\n")
    waited = hca("upload", "wait", check=7)
    assert "1 of 1 files failed: a.txt" in waited.stderr and "upload a.txt again with --no-sync" in waited.stderr
    hca("upload", "files", path)
    hca("upload", "wait")
    assert site.deployment.ctx.store.blobs.read(site.objects(area)["a.txt"].sha256) == b"good"


def test_the_object_that_is_made(hca: Runner, site: Any, area: str, pattern_of: Callable[..., bytes]) -> None:
    contents = {
        "reads.fastq.gz": (pattern_of(1000), "application/gzip"),
        "a.json": (b"{}", "application/json"),
        "unknown.fastq": (b"@r\n", "application/octet-stream"),
        "packed": (b"\x1f\x8b\x08rest", "application/gzip"),
        "empty.bin": (b"", "application/octet-stream"),
        "large.bam": (pattern_of((64 << 20) + 1), "application/octet-stream"),
    }
    for name, (content, _) in contents.items():
        hca.write(name, content)
    hca("upload", "files", *contents)
    blobs = site.deployment.ctx.store.blobs
    for name, found in site.objects(area).items():
        assert found.content_type == f"{contents[name][1]}; dcp-type=data", name
        assert found.metadata == {"crc32c": blobs.get(found.sha256).crc32c}
    assert site.objects(area)["large.bam"].etag.endswith("-2"), "two parts, as the checksums of the platform have it"
    assert site.objects(area)["a.json"].etag == "99914b932bd37a50b983c5e7c90ae93b"


def test_objects_of_another_bucket(hca: Runner, site: Any, area: str) -> None:
    ctx = site.deployment.ctx
    ctx.objects.create_bucket("source-bucket")
    for key, content in (("run/a.txt", b"a"), ("run/b c.txt", b"bc"), ("run/", b""), ("other/a.txt", b"other")):
        ctx.objects.put("source-bucket", key, ctx.store.blobs.put_bytes(content))
    root = ctx.credentials.root()
    hca.env |= {"AWS_ACCESS_KEY_ID": root.access_key, "AWS_SECRET_ACCESS_KEY": root.secret_key}
    done = hca("upload", "files", "s3://source-bucket/run/")
    found = _COMPLETE.findall(done.stdout)
    assert sorted(found) == ["s3://source-bucket/run/a.txt", "s3://source-bucket/run/b c.txt"]
    assert set(site.objects(area)) == {"a.txt", "b c.txt"}
    site.until(lambda: set(site.checksum_states(area).values()) == {"CHECKSUMMED"})
    again = json.loads(hca("upload", "files", "s3://source-bucket/run/", "-f", "json").stdout)
    assert {row["state"] for row in again} == {"present"}
    assert "would both be named 'a.txt'" in hca("upload", "files", "s3://source-bucket/", check=5).stderr
    assert "nothing exists at" in hca("upload", "files", "s3://source-bucket/none", check=4).stderr
    assert "NoSuchBucket" in hca("upload", "files", "s3://no-such-bucket/x", check=4).stderr
    hca.env["AWS_SECRET_ACCESS_KEY"] = "another"
    done = hca("upload", "files", "s3://source-bucket/run/", check=3)
    assert "SignatureDoesNotMatch" in done.stderr and "'hca auth set-key s3'" in done.stderr


def test_quiet_is_quiet(hca: Runner, site: Any, area: str) -> None:
    hca.write("a.txt", b"a")
    done = hca("upload", "files", "-q", "a.txt")
    assert (done.stdout, done.stderr) == ("", "")
    assert list(site.objects(area)) == ["a.txt"]
    done = hca("upload", "files", "-q", "a.txt", "nope", check=4)
    assert done.stdout == ""
    assert "nope does not exist" in done.stderr


def test_formats_and_queries(hca: Runner, site: Any, area: str) -> None:
    for name in ("a.txt", "b.txt"):
        hca.write(name, name.encode())
    hca("upload", "files", "a.txt", "b.txt")
    hca("upload", "wait")
    assert hca("upload", "list", "-f", "jsonl").stdout == '{"name": "a.txt"}\n{"name": "b.txt"}\n'
    assert hca("upload", "list", "-l", "-f", "value", "-c", "name", "-c", "size").stdout == "a.txt 5\nb.txt 5\n"
    assert json.loads(hca("upload", "list", "-l", "--query", "[].checksums.crc32c", "-f", "json").stdout)
    areas = json.loads(hca("upload", "areas", "-f", "json").stdout)
    assert areas == [{"uuid": area, "uri": f"s3://{site.bucket}/{area}/", "selected": True}]
    status = json.loads(hca("upload", "status", "a.txt", "-f", "json").stdout)
    assert status == {"filename": "a.txt", "area": area, "status": "VALIDATION_UNSCHEDULED"}
    report = json.loads(hca("upload", "report", "-f", "json").stdout)
    assert report["total"] == report["checksums"]["CHECKSUMMED"] == 2
    creds = json.loads(hca("upload", "creds", "-f", "json").stdout)
    assert set(creds) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "EXPIRATION"}


@pytest.mark.parametrize("entry", [{}, {"uri": "s3://nothing"}, {"uri": 5}, "text"])
def test_an_area_that_is_stored_wrongly_hides_no_other(hca: Runner, area: str, entry: Any) -> None:
    wrong = "ffffffff-0000-4000-8000-000000000000"
    settings = hca.config()
    settings["upload"]["areas"][wrong] = entry
    hca.configure(settings)
    done = hca("upload", "areas")
    assert done.stdout.splitlines() == [f"{area} <- selected", wrong]
    assert f"hca upload forget {wrong}" in done.stderr
    assert json.loads(hca("upload", "areas", "-f", "json").stdout)[1] == {"uuid": wrong, "uri": None, "selected": False}
    hca("upload", "select", wrong, check=2)
    assert hca("upload", "forget", "fff").stdout == f"Forgetting about area {wrong}\n"
    assert list(hca.config()["upload"]["areas"]) == [area]


def test_a_long_listing_comes_as_it_is_read(hca: Runner, site: Any, area: str) -> None:
    ctx = site.deployment.ctx
    blob = ctx.store.blobs.put_bytes(b"x")
    names = [f"f{number:04}" for number in range(1205)]
    with ctx.store.write():
        for name in names:
            ctx.objects.put(site.bucket, f"{area}/{name}", blob)
    assert hca("upload", "list").stdout.splitlines() == names
    with hca.running("upload", "list", "-l") as process:
        assert process.stdout.readline() == "f0000\n"
        process.stdout.close()
        process.wait(60)
        assert process.returncode in (0, 141)


def test_other_stages_and_areas_by_option(hca: Runner, site: Any, area: str) -> None:
    other = site.area().rstrip("/").rpartition("/")[2]
    report = json.loads(hca("upload", "report", "--env", "local", "--uuid", other, "-f", "json").stdout)
    assert report["area"] == other
    assert (hca.cwd / f"{other}.txt").exists()
    assert "is not a valid stage" in hca("upload", "report", "--env", "a/b", "--uuid", other, check=2).stderr
    assert "I don't know about area" in hca("upload", "report", "--uuid", other, check=4).stderr
    missing = hca("upload", "status", "x.txt", "--env", "local", "--uuid", other, check=4)
    assert missing.stdout.startswith("CHECKSUM_STATUS_RETRIEVAL_ERROR: 404 Not Found: No such file")


def test_store(hca: Runner, site: Any, area: str) -> None:
    hca.write("sample.json", b'{"a": 1}')
    done = hca("upload", "store", "sample.json", "--dcp-type", "metadata/sample")
    assert done.stdout == f"Stored sample.json as s3://{site.bucket}/{area}/sample.json\n"
    assert site.objects(area)["sample.json"].content_type == 'application/json; dcp-type="metadata/sample"'
    hca.write("note.txt", b"x")
    refused = hca("upload", "store", "note.txt", "--content-type", "text/plain", check=None)
    assert refused.returncode in (1, 2, 5) and "415" in refused.stderr
    assert "does not exist" in hca("upload", "store", "nope.json", check=4).stderr


def test_waiting_gives_up(hca: Runner, site: Any, area: str) -> None:
    ctx = site.deployment.ctx
    ctx.objects.put(site.bucket, f"{area}/untold.txt", ctx.store.blobs.put_bytes(b"x"))
    done = hca("upload", "wait", "--timeout", "0.5", check=6)
    assert "1 of 1 files were not done within 0.5 s: untold.txt is CHECKSUMMING_UNSCHEDULED" in done.stderr
    assert "run 'hca upload files' again" in done.stderr
    assert hca("upload", "status", "untold.txt").stdout.endswith("is currently CHECKSUMMING_UNSCHEDULED\n")


def test_not_ready_is_understood(nowhere: Runner, tmp_path: Path, site_of: Any) -> None:
    """With simulated waits, like the original, which responded with 500 until it had a result."""
    from hca_local.server import Deployment

    hca = nowhere
    with Deployment(tmp_path / "deployment", simulate_waits=2) as deployment:
        site = site_of(deployment)
        hca.configure(site.settings())
        hca.env["HCA_UPLOAD_API_KEY"] = site.key
        hca("upload", "select", site.area())
        hca.write("a.txt", b"a")
        hca("upload", "files", "a.txt")
        assert hca("upload", "status", "a.txt").stdout.endswith("is currently CHECKSUMMING\n")
        assert hca("upload", "list", "-l").stdout.startswith("a.txt\n\tsize         1 bytes\n")
        assert hca("upload", "wait").stdout == "a.txt: CHECKSUMMED\n"
        hca("upload", "validate", "--validator", "hca-local/check", "a.txt")
        assert hca("upload", "status", "a.txt").stdout.endswith("is currently VALIDATING\n")
        assert hca("upload", "wait", "--validated").stdout == "a.txt: VALIDATED\n"
        hca.write("b.txt", b"b")
        # Files whose checksums are being computed are not uploaded again.
        hca("upload", "files", "b.txt")
        assert json.loads(hca("upload", "files", "b.txt", "-f", "json").stdout)[0]["state"] == "present"


@pytest.mark.parametrize("source", ["a.txt", "d"])
def test_the_hint_for_a_name_with_a_folder_names_the_option_that_gave_it(hca: Runner, area: str, source: str) -> None:
    hca.write("a.txt", b"a")
    hca.write("d/e/a.txt", b"a")
    options = ["--target-filename", "x/b.txt"] if source == "a.txt" else ["--keep-paths"]
    done = hca("upload", "files", source, *options, check=5)
    expected = "--target-filename b.txt" if source == "a.txt" else "leave out --keep-paths"
    assert done.stderr.splitlines()[-1].endswith(expected), done.stderr


def test_a_report_has_every_file_whatever_happened_to_it(hca: Runner, site: Any, area: str) -> None:
    for name in ("present.txt", "new.txt"):
        hca.write(name, name.encode())
    hca("upload", "files", "present.txt")
    done = hca("upload", "files", "present.txt", "new.txt", "--report", "report.json")
    assert _COMPLETE.findall(done.stdout) == ["new.txt"] and _PRESENT.findall(done.stdout) == ["present.txt"]
    report = json.loads((hca.cwd / "report.json").read_text())
    assert {row["name"]: row["outcome"] for row in report["rows"]} == {"present.txt": "present", "new.txt": "uploaded"}
    assert report["counts"] == {"present": 1, "uploaded": 1}


def test_an_area_that_is_not_there(hca: Runner, site: Any) -> None:
    hca("upload", "select", f"s3://{site.bucket}/99999999-0000-4000-8000-000000000000/")
    hca.write("a.txt", b"a")
    for command in (("list",), ("creds",), ("files", "a.txt"), ("report",), ("wait",), ("status", "x")):
        assert "Upload Area Not Found" in hca("upload", *command, check=4).stderr
    assert "is not the address of an upload area" in hca("upload", "select", "s3://x/y", check=2).stderr


def test_twenty_at_once_lose_nothing(hca: Runner, site: Any) -> None:
    hca.configure({**hca.config(), "mine": {"kept": [1, 2]}})
    uris = [site.area() for _ in range(20)]
    uuids = [uri.rstrip("/").rpartition("/")[2] for uri in uris]

    def together(commands: list[tuple[str, ...]]) -> None:
        processes = [
            subprocess.Popen(
                hca.command("upload", *command),
                env=hca.env,
                cwd=hca.cwd,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for command in commands
        ]
        for process in processes:
            _, err = process.communicate(timeout=120)
            assert process.returncode == 0, err

    together([("select", uri) for uri in uris])
    assert set(hca.config()["upload"]["areas"]) == set(uuids)
    assert hca.config()["upload"]["current_area"] in uuids
    # Half are forgotten while the other half are selected.
    together([("forget" if number % 2 else "select", uuid) for number, uuid in enumerate(uuids)])
    config = hca.config()
    assert set(config["upload"]["areas"]) == set(uuids[::2])
    assert config["upload"]["current_area"] in (None, *uuids[::2])
    assert config["mine"] == {"kept": [1, 2]}
    assert config["upload"]["stage"] == "local"
    assert sorted(line.partition(" ")[0] for line in hca("upload", "areas").stdout.splitlines()) == sorted(uuids[::2])


def test_paths_are_kept_where_the_service_takes_them(hca: Runner, site: Any, area: str) -> None:
    from urllib.parse import unquote

    from hca_local.upload_service.app import _dress
    from hca_local.upload_service.errors import UploadError

    answer = site.service.answer

    def lenient(request: Any, body: bytes) -> Any:
        """A service that allows slashes in names."""
        raw = request.scope["raw_path"].decode().partition("?")[0]
        name = unquote(raw.rpartition("/")[2])
        if "/" not in name:
            return answer(request, body)
        try:
            if request.method == "POST":
                site.service.files.notify(area, name)
                return _dress(202, None)
            return _dress(200, site.service.files.describe(area, name))
        except UploadError as error:
            return _dress(error.status, error.body, error.media_type)

    hca.write("d/one/reads.txt", b"1")
    hca.write("d/two/reads.txt", b"2")
    site.service.answer = lenient
    try:
        hca("upload", "files", "--keep-paths", "d")
    finally:
        del site.service.answer
    assert set(site.objects(area)) == {"one/reads.txt", "two/reads.txt"}
    site.until(lambda: set(site.checksum_states(area).values()) == {"CHECKSUMMED"})


def test_areas_in_another_store_than_the_buckets_of_the_user(hca: Runner, site: Any, area: str) -> None:
    config = hca.config()
    config["upload"]["s3_endpoint_url"] = config["s3"]["endpoint_url"]
    config["s3"]["endpoint_url"] = "http://127.0.0.1:9"
    hca.configure(config)
    hca.write("a.txt", b"a")
    hca("upload", "files", "a.txt")
    assert hca("upload", "list").stdout == "a.txt\n"
    hca.env |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    hca("upload", "files", "s3://elsewhere/x", check=6)
