"""Invalid arguments, hostile services, and names with terminal control characters."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.lib import Runner


class Fake:
    """A service with the same response to everything."""

    def __init__(self) -> None:
        self.status, self.body = 200, b"{}"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(outer.body)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def fake(hca: Runner, site: Any, area: str) -> Iterator[Fake]:
    """A hostile service, as that of the selected area."""
    service = Fake()
    config = hca.config()
    config["upload"]["preprod_api_url_template"] = service.url
    hca.configure(config)
    yield service
    service.server.shutdown()
    service.server.server_close()


def source_bucket(hca: Runner, site: Any) -> tuple[Any, str]:
    """A bucket of the user, and its credentials."""
    import boto3

    keys = site.deployment.ctx.credentials.root()
    hca.env |= {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
    s3 = boto3.client(
        "s3",
        endpoint_url=site.deployment.s3_url,
        region_name="us-east-1",
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
    )
    name = f"source-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    return s3, name


# Arguments


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", ""],
        ["creds", ""],
        ["report", "--uuid", ""],
        ["report", "--output_file_name", ""],
        ["store", "s.json", "-t", ""],
    ],
)
def test_what_is_empty_means_nothing_else(hca: Runner, site: Any, area: str, arguments: list[str]) -> None:
    hca.write("s.json", b"{}")
    done = hca("upload", *arguments, check=2)
    assert "must not be empty" in done.stderr and done.stdout == ""
    assert hca.config()["upload"]["current_area"] == area
    assert not site.objects(area) and not list(hca.cwd.glob("*.txt"))


def test_addresses_that_are_none(hca: Runner, site: Any, area: str) -> None:
    for command in ("select", "creds", "forget"):
        assert "is not the address of an upload area" in hca("upload", command, "s3://[x/y", check=2).stderr
    for uri in ("s3://", "s3:///x", "s3://bad bucket!/x"):
        assert f"'{uri}' is not a place in a bucket" in hca("upload", "files", uri, check=2).stderr
    config = hca.config()
    config["upload"]["areas"][area]["uri"] = "s3://[x/"
    hca.configure(config)
    assert "is not the address of an upload area" in hca("upload", "list", check=2).stderr


def test_a_configured_stage_that_cannot_be(hca: Runner, site: Any) -> None:
    config = site.settings()
    config["upload"]["stage"] = "lo cal"
    hca.configure(config)
    assert "the setting upload.stage 'lo cal' is not a valid stage" in hca("upload", "create", check=2).stderr


def test_a_store_that_cannot_be(hca: Runner, site: Any, area: str) -> None:
    hca.write("a.txt", b"a")
    config = hca.config()
    config["s3"]["endpoint_url"] = "not a url"
    hca.configure(config)
    assert "Invalid endpoint" in hca("upload", "list", check=2).stderr
    assert "is not an http or https URL" in hca("upload", "files", "a.txt", check=2).stderr


def test_no_keys_for_a_bucket_of_the_user(hca: Runner, site: Any, area: str) -> None:
    done = hca("upload", "files", "s3://source-bucket/x", check=3)
    assert "Unable to locate credentials" in done.stderr and "'hca auth set-key s3'" in done.stderr


@pytest.mark.parametrize("seconds", ["nan", "-1", "soon"])
def test_a_time_that_no_clock_reaches(hca: Runner, area: str, seconds: str) -> None:
    assert "--timeout" in hca("upload", "wait", "--timeout", seconds, check=2).stderr


@pytest.mark.parametrize("name", ["..", ".", "x/../y", "files_info", "validate", "checksums"])
def test_names_that_would_ask_for_something_else(hca: Runner, site: Any, area: str, name: str) -> None:
    hca.write("s.json", b"{}")
    done = hca("upload", "store", "s.json", "-t", name, check=5)
    assert f"the service does not support the file name '{name}'" in done.stderr
    if name.startswith("."):
        for arguments in (["status", name], ["wait", name], ["create", name]):
            assert f"nothing can be called '{name}'" in hca("upload", *arguments, check=5).stderr


# Services


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"null", b'{"checksum_status": [], "uri": 7, "url": null, "n": "x"}']
)
def test_a_service_that_is_none(hca: Runner, fake: Any, area: str, body: bytes) -> None:
    hca.write("a.txt", b"a")
    hca.write("s.json", b"{}")
    fake.body = body
    for arguments in (
        ["files", "a.txt"],
        ["list"],
        ["status", "a.txt"],
        ["report"],
        ["wait", "a.txt"],
        ["store", "s.json"],
        ["validate", "a.txt", "--validator", "x"],
        ["create", "--env", "local"],
        ["creds"],
    ):
        done = hca("upload", *arguments, check=1)
        assert "is that an Upload Service?" in done.stderr
        assert not list(hca.cwd.glob(f"{area}.txt")) and "Upload complete" not in done.stdout


@pytest.mark.parametrize(
    "change",
    [
        {"SecretAccessKey": None},
        {"SessionToken": "x\nLD_PRELOAD=x"},
        {"SessionToken": "$(touch x)"},
        {"AccessKeyId": ""},
        {"Expiration": "soon"},
    ],
)
def test_credentials_that_are_none(hca: Runner, fake: Any, change: dict[str, Any]) -> None:
    good = {
        "AccessKeyId": "A",
        "SecretAccessKey": "b+/=",
        "SessionToken": "c",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    fake.body = json.dumps(good).encode()
    assert "AWS_SECRET_ACCESS_KEY=b+/=\n" in hca("upload", "creds").stdout
    fake.body = json.dumps(good | change).encode()
    done = hca("upload", "creds", check=1)
    assert done.stdout == "" and next(iter(change)) in done.stderr


def test_a_service_that_forgets_files_of_a_list(hca: Runner, site: Any, area: str) -> None:
    from hca_local.upload_service.app import _dress

    for name in ("a.txt", "b.txt"):
        hca.write(name, name.encode())
    hca("upload", "files", "a.txt", "b.txt")
    answer = site.service.answer

    def forgetful(request: Any, body: bytes) -> Any:
        response = answer(request, body)
        if request.url.path.endswith("/files_info"):
            return _dress(200, [site.service.files.describe(area, "a.txt")])
        return response

    site.service.answer = forgetful
    try:
        listed = json.loads(hca("upload", "list", "-l", "-f", "json").stdout)
    finally:
        del site.service.answer
    assert [(each["name"], each["size"], "checksums" in each) for each in listed] == [
        ("a.txt", 5, True),
        ("b.txt", 5, True),
    ]


@pytest.mark.parametrize(("status", "title", "code"), [(404, "Upload Area Not Found", 4), (500, "Oh", 1)])
def test_what_is_no_word_about_folders(hca: Runner, fake: Any, status: int, title: str, code: int) -> None:
    hca.write("d/e/a.txt", b"x")
    fake.status, fake.body = status, json.dumps({"status": status, "title": title}).encode()
    done = hca("upload", "files", "--keep-paths", "d", check=None)
    assert "folders" not in done.stderr and done.returncode == code


# Names


def test_keys_that_would_steer_a_terminal(hca: Runner, site: Any, area: str) -> None:
    s3, bucket = source_bucket(hca, site)
    for key in ("in/\x1b[31mred.txt", "in/a\nUpload complete of b.txt", "in/u\u202ex.txt"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    done = hca("upload", "files", f"s3://{bucket}/in/")
    listed = hca("upload", "list")
    waited = hca("upload", "wait")
    for shown in (done.stdout, listed.stdout, waited.stdout):
        assert "\x1b" not in shown and "\u202e" not in shown and "\nUpload complete of b.txt" not in shown
    assert done.stdout.count("\nUpload complete of s3://") == 3
    assert listed.stdout.splitlines() == ["red.txt", "a Upload complete of b.txt", "ux.txt"]
    assert len(waited.stdout.splitlines()) == 3


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_directory_that_is_no_text(hca: Runner, area: str) -> None:
    folder = os.fsencode(hca.cwd) + b"/d\xff"
    os.mkdir(folder)  # noqa: PTH102 - of bytes
    with contextlib.closing(os.fdopen(os.open(folder + b"/ok.txt", os.O_CREAT | os.O_WRONLY), "w")) as file:
        file.write("x")
    assert "Upload complete of d\\udcff/ok.txt to" in hca("upload", "files", os.fsdecode(b"d\xff")).stdout


def test_a_store_that_breaks_off_in_the_middle_of_an_object(
    hca: Runner, site: Any, area: str, proxy: Any, pattern_of: Callable[..., bytes]
) -> None:
    s3, bucket = source_bucket(hca, site)
    s3.put_object(Bucket=bucket, Key="big.bin", Body=pattern_of(3_000_000))
    s3.put_object(Bucket=bucket, Key="ok.txt", Body=b"x")
    hca("upload", "select", f"s3://{site.bucket}/{area}/")

    def back(server: Any, client: Any) -> None:
        left = 300_000
        with contextlib.suppress(OSError):
            while left > 0 and (data := server.recv(65536)):
                client.sendall(data)
                left -= len(data)
        for each in (server, client):
            with contextlib.suppress(OSError):
                each.shutdown(2)
            each.close()

    proxy._back = back
    done = hca("upload", "files", f"s3://{bucket}/big.bin", f"s3://{bucket}/ok.txt", check=6)
    assert f"not uploaded: s3://{bucket}/big.bin: cannot fetch" in done.stderr
    assert set(site.objects(area)) == {"ok.txt"}
