"""``hca dss upload``: the bundle in the service afterwards, and failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from hca_dss.upload import content_type
from hca_dss.upload_plan import local_files, name_fault
from hca_dss.versions import is_version

from hca_base.errors import UsageError
from tests.lib import Runner

CONTENTS = {
    "links.json": b'{"links": []}',
    "reads_R1.fastq.gz": os.urandom(200_000),
    "sub/folder/cells.csv": b"a,b\n",
    "empty.txt": b"",
    "two words é.txt": b"text",
    ".hidden": b"dot",
}


def fill(folder: Path, contents: dict[str, bytes]) -> Path:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture
def source(hca: Runner) -> Path:
    return fill(hca.cwd / "source", CONTENTS)


def upload(hca: Runner, *args: str, **options: Any) -> Any:
    return hca("dss", "upload", "--src-dir", "source", "--replica", "aws", *args, **options)


def test_a_directory_becomes_a_bundle(hca: Runner, source: Path, site: Any) -> None:
    result = json.loads(upload(hca, "--staging-bucket", "dss-staging").stdout)
    assert list(result) == ["bundle_uuid", "creator_uid", "replica", "version", "files"]
    assert result["creator_uid"] == 0 and result["replica"] == "aws"
    assert is_version(result["version"])
    assert [list(file) for file in result["files"]] == [["name", "version", "uuid", "creator_uid"]] * len(CONTENTS)
    assert {file["name"] for file in result["files"]} == set(CONTENTS)
    bundle = site.send("GET", f"bundles/{result['bundle_uuid']}", {"replica": "aws"})["bundle"]
    files = {file["name"]: file for file in bundle["files"]}
    assert {name: file["size"] for name, file in files.items()} == {n: len(c) for n, c in CONTENTS.items()}
    assert {name for name, file in files.items() if file["indexed"]} == {"links.json"}
    assert {file["version"] for file in files.values()} == {result["version"]} == {bundle["version"]}
    assert files["reads_R1.fastq.gz"]["content-type"] == "application/gzip"
    assert files["links.json"]["content-type"] == "application/json"


def test_what_was_uploaded_comes_back_byte_for_byte(hca: Runner, source: Path) -> None:
    result = json.loads(upload(hca).stdout)
    hca("dss", "download", "--bundle-uuid", result["bundle_uuid"], "--replica", "aws", "--download-dir", "back")
    folder = hca.cwd / "back" / f"{result['bundle_uuid']}.{result['version']}"
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found.pop("bundle.json")
    assert found == CONTENTS


def test_the_result_can_be_asked_for_a_part(hca: Runner, source: Path, site: Any) -> None:
    found = upload(hca, "--query", "bundle_uuid", "-f", "value").stdout
    assert site.send("GET", f"bundles/{found.strip()}", {"replica": "aws"})["bundle"]["files"]
    # Before anything is uploaded.
    assert upload(hca, "--query", "[", check=2).stdout == ""


def test_the_options_of_hca_7(hca: Runner, source: Path, site: Any) -> None:
    asked = str(uuid.uuid4())
    options = ["--staging-bucket", "s3://dss-staging/some/folder", "--timeout-seconds", "60", "--no-progress"]
    result = json.loads(upload(hca, *options, "--bundle-uuid", asked).stdout)
    assert result["bundle_uuid"] == asked
    listed = site.s3.list_objects_v2(Bucket="dss-staging", Prefix="some/folder/")
    keys = {item["Key"] for item in listed.get("Contents", [])}
    assert {f"some/folder/{file['uuid']}/{Path(file['name']).name}" for file in result["files"]} <= keys


def test_the_method_takes_the_arguments_of_hca_7(hca: Runner, source: Path, site: Any, monkeypatch: Any) -> None:
    from hca_dss.client import DSSClient

    from hca_base.config import load

    for name, value in site.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(hca.home / "state"))
    config = load(options={**site.settings(), "creator_uid": 7})
    result = DSSClient(config=config).upload(
        src_dir=str(source), replica="aws", staging_bucket="dss-staging", timeout_seconds=1200, no_progress=True
    )
    assert result["creator_uid"] == 7
    assert {file["creator_uid"] for file in result["files"]} == {7}


def test_gcp_has_its_own_copy(hca: Runner, source: Path, site: Any) -> None:
    done = hca("dss", "upload", "--src-dir", "source", "--replica", "gcp")
    result = json.loads(done.stdout)
    assert site.send("GET", f"bundles/{result['bundle_uuid']}", {"replica": "gcp"})


def test_a_finished_upload_is_over(hca: Runner, source: Path) -> None:
    first, second = (json.loads(upload(hca).stdout) for _ in range(2))
    assert first["bundle_uuid"] != second["bundle_uuid"]
    assert not list((hca.home / ".local" / "state" / "hca" / "dss-uploads").glob("*.json"))


def test_the_filestore_of_a_download_is_left_out(hca: Runner, source: Path) -> None:
    fill(source, {".hca/v2/files_2_4/aa/bbbb/cc": b"x"})
    result = json.loads(upload(hca).stdout)
    assert {file["name"] for file in result["files"]} == set(CONTENTS)


def test_links_to_files_are_followed(hca: Runner, source: Path) -> None:
    (source / "link.txt").symlink_to(source / "empty.txt")
    result = json.loads(upload(hca).stdout)
    assert "link.txt" in {file["name"] for file in result["files"]}


def test_a_dry_run_sends_nothing(hca: Runner, source: Path, traffic: Any) -> None:
    done = upload(hca, "--dry-run")
    assert done.stdout == "" and "6 would-upload" in done.stderr
    assert traffic.count("s3", "PUT") == 0 and traffic.count("api", "PUT") == 0


def test_large_files_are_waited_for(nowhere: Runner, slow_site: Any) -> None:
    nowhere.configure(slow_site.settings())
    nowhere.env |= slow_site.environment()
    source = fill(nowhere.cwd / "source", {"a.json": b"{}"})
    with (source / "large.bin").open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    result = json.loads(upload(nowhere, timeout=120).stdout)
    assert slow_site.traffic.count("api", "HEAD", "/v1/files/") > 0
    nowhere("dss", "download", "--bundle-uuid", result["bundle_uuid"], "--replica", "aws", timeout=120)
    folder = nowhere.cwd / f"{result['bundle_uuid']}.{result['version']}"
    assert (folder / "large.bin").stat().st_size == (64 << 20) + 1


def test_a_copy_that_takes_too_long(nowhere: Runner, slow_site: Any) -> None:
    nowhere.configure(slow_site.settings())
    nowhere.env |= slow_site.environment()
    source = fill(nowhere.cwd / "source", {})
    source.mkdir()
    with (source / "large.bin").open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    done = upload(nowhere, "--timeout-seconds", "0", check=None, timeout=120)
    if done.returncode:
        assert done.returncode == 6
        assert "has not copied it within 0 s" in done.stderr
    assert "bundle_uuid" in upload(nowhere, timeout=120).stdout


# Resuming


def test_an_upload_that_failed_goes_on_with_the_same_bundle(hca: Runner, source: Path, site: Any, traffic: Any) -> None:
    # Staging works, registering does not: the token is not accepted.
    failed = upload(hca, check=3, env={"HCA_ACCESS_TOKEN": site.deployment.token("stranger")})
    assert "was not registered" in failed.stderr
    plans = list((hca.home / ".local" / "state" / "hca" / "dss-uploads").glob("*.json"))
    assert len(plans) == 1
    plan = json.loads(plans[0].read_text())
    traffic.requests.clear()
    done = upload(hca)
    assert f"continuing the upload of bundle {plan['bundle_uuid']}" in done.stderr
    result = json.loads(done.stdout)
    assert result["bundle_uuid"] == plan["bundle_uuid"] and result["version"] == plan["version"]
    assert {file["name"]: file["uuid"] for file in result["files"]} == plan["uuids"]
    assert traffic.count("s3", "PUT") == 0, "what is staged is not sent again"


def test_a_staged_object_that_is_gone_is_sent_again(hca: Runner, source: Path, site: Any) -> None:
    upload(hca, check=3, env={"HCA_ACCESS_TOKEN": site.deployment.token("stranger")})
    plan = json.loads(next((hca.home / ".local" / "state" / "hca" / "dss-uploads").glob("*.json")).read_text())
    site.s3.delete_object(Bucket="dss-staging", Key=f"{plan['uuids']['links.json']}/links.json")
    done = upload(hca, check=5)
    assert "links.json was not registered" in done.stderr
    result = json.loads(upload(hca).stdout)
    assert result["bundle_uuid"] == plan["bundle_uuid"]


def test_changed_files_start_anew(hca: Runner, source: Path, site: Any) -> None:
    upload(hca, check=3, env={"HCA_ACCESS_TOKEN": site.deployment.token("stranger")})
    (source / "links.json").write_bytes(b'{"links": [1]}')
    done = upload(hca)
    assert "continuing the upload" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="only on POSIX")
def test_killed_while_registering_and_run_again(hca: Runner, site: Any) -> None:
    fill(hca.cwd / "source", {f"f{number:03}.txt": b"%d" % number for number in range(300)})
    process = subprocess.Popen(
        hca.command("dss", "upload", "--src-dir", "source", "--replica", "aws"),
        env=hca.env,
        cwd=hca.cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    site.traffic.requests.clear()
    deadline = time.monotonic() + 60
    while site.traffic.count("api", "PUT", "/v1/files/") < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
        assert process.poll() is None, "it was done before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = upload(hca)
    assert "continuing the upload" in done.stderr
    result = json.loads(done.stdout)
    assert len(result["files"]) == 300
    assert site.send("GET", f"bundles/{result['bundle_uuid']}", {"replica": "aws"})["bundle"]["version"]


# Invalid files


def test_a_directory_that_is_not_there_or_empty(hca: Runner, traffic: Any) -> None:
    done = upload(hca, check=2)
    assert "directory source does not exist" in done.stderr
    (hca.cwd / "source").mkdir()
    done = upload(hca, check=2)
    assert "source contains no files" in done.stderr
    (hca.cwd / "source").rmdir()
    (hca.cwd / "source").write_text("a file")
    done = upload(hca, check=2)
    assert "is not a directory" in done.stderr
    assert traffic.count("api", "PUT") == 0


@pytest.mark.parametrize("name", ["sub/.hidden", "ends.in.dot./x", "back\\slash", "CON", "sub/aux.txt"])
def test_names_that_nobody_could_use(hca: Runner, source: Path, traffic: Any, name: str) -> None:
    fill(source, {name: b"x"})
    done = upload(hca, check=2)
    assert "cannot be uploaded" in done.stderr
    assert traffic.count("s3") == 0


def test_the_message_about_a_name_says_what_is_wrong_and_what_helps(hca: Runner, source: Path) -> None:
    fill(source, {"CON": b"x"})
    done = upload(hca, check=2)
    assert "source cannot be uploaded: the file name 'CON' is the name of a device on Windows\n" in done.stderr
    assert "downloaded" not in done.stderr and "rename it" in done.stderr


@pytest.mark.parametrize("names", [("Readme.txt", "README.txt"), ("a/x", "A/y")])
def test_names_that_some_disks_would_merge(tmp_path: Path, names: tuple[str, str]) -> None:
    fill(tmp_path, dict.fromkeys(names, b"x"))
    if len([p for p in tmp_path.rglob("*") if p.is_file()]) < 2:
        return
    with pytest.raises(UsageError, match="cannot be uploaded"):
        local_files(tmp_path)


def test_things_that_are_no_files(hca: Runner, source: Path) -> None:
    (source / "folder-link").symlink_to(hca.cwd)
    done = upload(hca, check=2)
    assert "folder-link cannot be uploaded: it is not a file" in done.stderr


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a.json", True),
        ("dir/a.json", True),
        (".hidden", True),
        ("a..b", True),
        ("dir/.x", False),
        ("dir./x", False),
        ("/x", False),
        ("~/x", False),
        ("..", False),
        ("a\\b", False),
    ],
)
def test_the_names_that_the_service_takes(name: str, good: bool) -> None:
    import re

    from hca_dss.service import SERVICE

    document = json.loads(SERVICE.bundled_bytes() or b"")
    pattern = document["definitions"]["BundleFile"]["properties"]["name"]["pattern"]
    assert (name_fault(name) is None) is good is bool(re.search(pattern, name))


def test_no_staging_bucket(hca: Runner, source: Path, site: Any) -> None:
    hca.configure({"DSSClient": site.settings()["DSSClient"]})
    done = upload(hca, check=2)
    assert "no staging bucket is set" in done.stderr
    for wrong in ("ftp://x", "s3://[x"):
        done = upload(hca, "--staging-bucket", wrong, check=2)
        assert "is not a bucket" in done.stderr


@pytest.mark.parametrize("seconds", ["nan", "-1", "soon"])
def test_a_time_that_no_clock_reaches(hca: Runner, source: Path, seconds: str) -> None:
    for arguments in (
        ("upload", "--src-dir", "source", "--replica", "aws", "--timeout-seconds"),
        ("login", "--timeout"),
    ):
        assert "is not a valid number of seconds" in hca("dss", *arguments, seconds, check=2).stderr


def test_a_bucket_that_is_not_there(hca: Runner, source: Path) -> None:
    done = upload(hca, "--staging-bucket", "nowhere", check=None)
    assert done.returncode in (4, 5)
    assert "NoSuchBucket" in done.stderr


def test_wrong_keys(hca: Runner, source: Path) -> None:
    done = upload(hca, check=3, env={"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert done.stderr.count("hca: error:") == 1
    assert "wrong" not in done.stderr.replace("SignatureDoesNotMatch", "")


def test_nobody_is_logged_in(hca: Runner, source: Path, traffic: Any) -> None:
    done = upload(hca, check=3, env={"HCA_ACCESS_TOKEN": ""})
    assert "hca dss login" in done.stderr
    assert traffic.count("s3") == 0, "nothing is staged for nothing"


def test_creator_uid_must_be_a_number(hca: Runner, source: Path, site: Any) -> None:
    hca.configure({**site.settings(), "creator_uid": "me"})
    done = upload(hca, check=2)
    assert "creator_uid" in done.stderr


def test_media_types() -> None:
    assert content_type("a.json") == "application/json"
    assert content_type("a.fastq.gz") == "application/gzip"
    assert content_type("a.unknown-kind") == "application/octet-stream"
