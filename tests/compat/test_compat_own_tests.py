"""hca 7's own tests, as far as they use only public names: the others replace undocumented functions."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hca7")]

#: The bucket in which they stage their uploads.
BUCKET = "org-humancellatlas-dss-cli-test"
#: A class of ``test/integration``. All other modules import or replace private names (``hca.dss.util``,
#: ``hca.util.SwaggerClient.load_swagger_json``, ``hca.upload.lib``) or need accounts of the original services.
TESTS = "test/integration/dss/test_dss_cli.py::TestDssCLI"
#: One reads a login's token from the configuration, which no longer stores tokens; the other compares
#: the text of the progress display.
NOT_KEPT = ("test_cli_login", "test_upload_progress_bar_interactive")


@pytest.fixture
def own_tests(ours: Any) -> Path:
    """A copy of hca 7's tests; ``HCA7_TESTS`` names a checkout that has them."""
    folder = os.environ.get("HCA7_TESTS")
    if not folder or not (Path(folder) / "test" / "integration").is_dir():
        pytest.skip("HCA7_TESTS names no checkout of hca 7")
    shutil.copytree(Path(folder) / "test", ours.work / "test")
    return Path(ours.work)


@pytest.mark.timeout(1200)
def test_tests_of_hca_7(ours: Any, own_tests: Path, deployment: Any) -> None:
    import boto3

    root = deployment.ctx.credentials.root()
    s3 = boto3.client(
        "s3", endpoint_url=deployment.s3_url, region_name="us-east-1",
        aws_access_key_id=root.access_key, aws_secret_access_key=root.secret_key,
    )  # fmt: skip
    s3.create_bucket(Bucket=BUCKET)
    settings = ours.settings()
    # They delete the bundles that they created.
    settings["oauth2_token"]["access_token"] = deployment.token("admin")
    ours.configure(settings)
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "-rA", TESTS]
    words += [f"--deselect={TESTS}::{name}" for name in NOT_KEPT]
    done = subprocess.run(
        [ours.python, *words], cwd=own_tests, env=ours.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    # Another one needs a person, and is skipped.
    assert done.stdout.count("\nPASSED ") >= 6, done.stdout[-5000:]
