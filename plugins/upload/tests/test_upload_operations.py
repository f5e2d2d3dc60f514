"""The operations of the service's document as commands and methods, and the API key."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Runner

CANARY = "canary-5f0c1e7a-not-to-be-seen"


def test_generic_operations(hca: Runner, site: Any) -> None:
    area = "12345678-aaaa-4bbb-8ccc-179543181700"
    assert json.loads(hca("upload", "get-version").stdout)["upload_service_version"]
    created = json.loads(hca("upload", "post-area-by-upload-area-uuid", "--upload-area-uuid", area).stdout)
    assert created == {"uri": f"s3://{site.bucket}/{area}/"}
    hca("upload", "head-area", "--upload-area-uuid", area)
    counts = json.loads(hca("upload", "get-area-checksums", "--upload-area-uuid", area).stdout)
    assert counts["TOTAL_NUM_FILES"] == 0
    lent = json.loads(hca("upload", "post-area-credential", "--upload-area-uuid", area).stdout)
    assert set(lent) == {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    site.deployment.ctx.objects.put(
        site.bucket, f"{area}/a b.txt", site.deployment.ctx.store.blobs.put_bytes(b"x"), content_type="text/plain"
    )
    # One name for two paths: the parameters select one.
    hca("upload", "post-area", "--upload-area-uuid", area, "--filename", "a b.txt")
    site.until(lambda: site.checksum_states(area) == {"a b.txt": "CHECKSUMMED"})
    info = json.loads(hca("upload", "get-area", "--upload-area-uuid", area, "--filename", "a b.txt").stdout)
    assert info["size"] == 1
    infos = hca("upload", "put-area-files-info", "--upload-area-uuid", area, "--filenames", '["a b.txt"]', check=None)
    if infos.returncode:
        infos = hca("upload", "put-area-files-info", "--upload-area-uuid", area, "--body", '["a b.txt"]')
    assert json.loads(infos.stdout)[0]["name"] == "a b.txt"
    refused = hca("upload", "get-area-checksums", "--upload-area-uuid", area[:-1] + "9", check=4)
    assert "Upload Area Not Found" in refused.stderr
    hca("upload", "delete-area", "--upload-area-uuid", area)


def test_generic_methods(site: Any, hca: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    import hca_base

    for name, value in hca.env.items():
        monkeypatch.setenv(name, value)
    client = hca_base.client("upload")
    area = "12345678-bbbb-4bbb-8ccc-179543181700"
    assert client.post_area_by_upload_area_uuid(upload_area_uuid=area)["uri"].endswith(f"{area}/")
    assert client.get_area_validations(upload_area_uuid=area)["VALIDATED"] == 0
    assert client.get_area_checksum.__doc__ is not None


@pytest.mark.parametrize("command", ["create", "delete", "store", "validate", "put-area", "delete-area"])
def test_no_option_takes_the_key(hca: Runner, command: str) -> None:
    assert "key KEY" not in hca("upload", command, "--help").stdout
    assert "--api-key" not in hca("upload", command, "--help").stdout


def everything_written(home: Path) -> bytes:
    """The content of all files in a home, except those for keys."""
    kept = (path for path in home.rglob("*") if path.is_file() and "auth" not in path.parts)
    return b"".join(path.read_bytes() for path in kept)


def test_the_key_is_seen_nowhere(hca: Runner, site: Any) -> None:
    """A key that the service does not know: rejected, and never printed or written by hca or the service."""
    hca.env["HCA_UPLOAD_API_KEY"] = CANARY
    for command in (
        ("create",),
        ("post-area-by-upload-area-uuid", "--upload-area-uuid", "12345678-cccc-4bbb-8ccc-179543181700"),
    ):
        done = hca("-vv", "--debug", "upload", *command, check=None, traceback=True)
        assert done.returncode == 3
        assert "Access Denied" in done.stderr
        assert "Api-Key" in done.stderr, "the header is traced, its value is not"
        assert CANARY not in done.stdout + done.stderr
    assert CANARY.encode() not in everything_written(hca.home)
    assert CANARY.encode() not in everything_written(Path(site.deployment.settings.data_dir))


def test_the_key_is_not_an_argument_of_the_process(hca: Runner, site: Any) -> None:
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("only on Linux")
    seen = []
    with hca.running("upload", "create", "--no-select") as process:
        while process.poll() is None:
            try:
                seen.append(Path(f"/proc/{process.pid}/cmdline").read_bytes())
            except OSError:
                break
            time.sleep(0.01)
    assert seen
    assert site.key.encode() not in b"".join(seen)


def test_ways_to_give_the_key(hca: Runner, site: Any) -> None:
    del hca.env["HCA_UPLOAD_API_KEY"]
    done = hca("upload", "create", check=3)
    assert "hca auth set-key upload" in done.stderr
    # From a file (which includes heredocs), into the token store.
    hca("auth", "set-key", "upload", stdin=site.key + "\n")
    hca("upload", "create", "--no-select")
    assert site.key not in json.dumps(hca.config())
    hca("auth", "logout", "upload")
    hca("upload", "create", check=3)
    config = hca.config()
    config["upload"]["api_key"] = site.key
    hca.configure(config)
    hca("upload", "create", "--no-select")
    shown = hca("config", "show", check=None)
    assert site.key not in shown.stdout + shown.stderr


def test_the_key_goes_with_no_request_that_needs_none(hca: Runner, loopback_key: Any, site: Any) -> None:
    """Nor to any host other than the API's."""
    hca.write("a.txt", b"a")
    uri = site.area()
    hca("upload", "select", uri)
    with loopback_key(site) as sent:
        hca("upload", "files", "a.txt")
        hca("upload", "status", "a.txt")
        hca("upload", "list", "-l")
        assert sent and not any(sent)
        hca("upload", "create", "--no-select")
        assert sent[-1]


@pytest.fixture
def loopback_key() -> Any:
    import contextlib

    @contextlib.contextmanager
    def watching(site: Any) -> Any:
        sent: list[bool] = []
        answer = site.service.answer

        def watched(request: Any, body: bytes) -> Any:
            sent.append("api-key" in request.headers)
            return answer(request, body)

        site.service.answer = watched
        try:
            yield sent
        finally:
            del site.service.answer

    return watching


def test_a_service_that_was_retired(nowhere: Runner) -> None:
    """An unknown deployment: the error says so, and how to configure it."""
    nowhere.env["https_proxy"] = "http://127.0.0.1:9"
    nowhere.configure({"http": {"retries": 0, "timeout": 2}})
    nowhere("upload", "select", "s3://org-humancellatlas-upload-prod/12345678-aaaa-4bbb-8ccc-179543181700/")
    done = nowhere("upload", "report", check=6)
    assert "was retired" in done.stderr and "hca local start" in done.stderr
