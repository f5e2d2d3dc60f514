"""ceph's suite for S3 stores (``ceph/s3-tests``) against the embedded store.

Two lists have the tests that fail. ``not_claimed.txt``: the store responds with 501, or does not know
the second account that the test uses. ``aws_differs.tsv``: the suite expects Ceph's behaviour, not S3's, with the
reason, and the page or the report that documents S3's behaviour. Any other failure fails, as does a listed test that
passes. Tests that the suite marks as failing on Ceph's own store are skipped.
"""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hca_local.server.deployment import Deployment

FOLDER = Path(__file__).parent / "ceph_suite"
#: Requirements of the suite; it does not specify versions.
PACKAGES = [
    "boto3",
    "munch",
    "pytz",
    "isodate",
    "requests",
    "PyYAML",
    "lxml",
    "python-dateutil",
    "pytest",
    "pytest-timeout",
]
#: Error codes for requests that this store does not support.
NOT_CLAIMED = {(501, "NotImplemented"), (403, "InvalidAccessKeyId")}
ALL = "s3tests/functional/test_s3.py"
TESTS = ["s3tests/functional/test_headers.py", ALL]
#: Takes minutes to compare 16 MB; test_multipart_single_get_part tests the same with 5 MB.
LEFT_OUT = [f"{ALL}::test_multipart_get_part"]


def not_claimed() -> list[str]:
    return (FOLDER / "not_claimed.txt").read_text().split("\n")[:-1]


def aws_differs() -> dict[str, tuple[str, str]]:
    """Name of a test -> reason, page."""
    rows = [line.split("\t") for line in (FOLDER / "aws_differs.tsv").read_text().splitlines()]
    return {name: (reason, page) for name, reason, page in rows}


def test_the_lists_say_why() -> None:
    names, differs = not_claimed(), aws_differs()
    assert names == sorted(set(names)) and list(differs) == sorted(differs)
    assert not differs.keys() & set(names)
    for name, (reason, page) in differs.items():
        assert len(reason) > 10 and page.startswith(("https://docs.aws.amazon.com/", "https://github.com/")), name


@pytest.fixture
def suite() -> Path:
    """A checkout of the suite; ``HCA_S3_TESTS`` names it."""
    folder = Path(os.environ.get("HCA_S3_TESTS") or "/nowhere")
    if not (folder / "s3tests" / "functional").is_dir():
        pytest.skip("HCA_S3_TESTS names no checkout of ceph's s3-tests")
    return folder


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python in an environment with the suite's requirements."""
    venv.create(tmp_path / "v", with_pip=True)
    found = tmp_path / "v" / "bin" / "python"
    pip = [found, "-m", "pip", "install", "--quiet", *PACKAGES]
    if subprocess.run(pip, capture_output=True, timeout=900, check=False).returncode != 0:
        pytest.skip("other S3 clients cannot be installed here")
    return found


def configuration(suite: Path, deployment: Deployment) -> configparser.RawConfigParser:
    """The suite's settings: only one account exists in the store."""
    root = deployment.ctx.credentials.root()
    address = urlsplit(deployment.s3_url)
    settings = configparser.RawConfigParser()
    assert settings.read(suite / "s3tests.conf.SAMPLE")
    settings["DEFAULT"].update(host=str(address.hostname), port=str(address.port))
    settings["s3 main"].update(
        access_key=root.access_key,
        secret_key=root.secret_key,
        user_id="hca-local",
        display_name="hca-local",
        api_name="",
    )
    return settings


def run_suite(suite: Path, python: Path, deployment: Deployment, folder: Path) -> list[dict[str, Any]]:
    settings = folder / "s3tests.conf"
    with settings.open("w") as file:
        configuration(suite, deployment).write(file)
    for name, _ in deployment.ctx.objects.buckets():
        # The suite starts with an account that does not exist.
        deployment.ctx.objects.delete_bucket(name)
    record = folder / "record.jsonl"
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "ceph_recorder", "--tb=no", "--assert=plain"]
    words += ["--timeout", "600", "-m", "not fails_on_rgw", *TESTS, *(f"--deselect={name}" for name in LEFT_OUT)]
    done = subprocess.run(
        [python, *words],
        cwd=suite,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(FOLDER),
            "PYTHONDONTWRITEBYTECODE": "1",
            "S3TEST_CONF": str(settings),
            "CEPH_RECORD": str(record),
            # A refusal is a result; the client's retries are not tested here.
            "AWS_MAX_ATTEMPTS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    return [json.loads(line) for line in record.read_text().splitlines()]


def is_not_claimed(row: dict[str, Any]) -> bool:
    """Whether a test failed because the store does not support the request."""
    return bool(row["refusals"]) and tuple(row["refusals"][-1]) in NOT_CLAIMED


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_cephs_suite(suite: Path, python: Path, tmp_path: Path) -> None:
    with Deployment(tmp_path / "store") as deployment:
        rows = run_suite(suite, python, deployment, tmp_path)
    failed = {row["name"]: row for row in rows if row["outcome"] == "failed"}
    claimed_not, differs = set(not_claimed()), aws_differs()
    assert {name: failed[name]["why"] for name in failed.keys() - claimed_not - differs.keys()} == {}
    assert (claimed_not | differs.keys()) - failed.keys() == set(), "these pass, or are gone"
    assert {name: failed[name] for name in claimed_not if not is_not_claimed(failed[name])} == {}
    # The suite skips the others: they need features of Ceph, or of a second cloud.
    assert sum(row["outcome"] == "passed" for row in rows) >= 236
