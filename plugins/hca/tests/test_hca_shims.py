"""Edge cases of hca 7's scripts: logins in the settings, attributes of errors, names that start with a dash."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from hca_local.server import Deployment

LOGOUT = """
import json, sys
import hca
from hca.dss import DSSClient
from hca.util.exceptions import SwaggerAPIException

url, token = sys.argv[1:]
config = hca.HCAConfig(save_on_exit=False)
config.DSSClient.swagger_url = url
config.oauth2_token = {"access_token": token}
client = DSSClient(config=config)
told = {"before": client.get_collections()["collections"]}
client.logout()
told["kept"] = "oauth2_token" in config
try:
    client.get_collections()
except Exception as error:
    told["after"] = str(error)
try:
    DSSClient(config=config).get_bundle(uuid="00000000-0000-4000-8000-000000000000", replica="aws")
except SwaggerAPIException as error:
    told["request"] = [error.request.method, error.request is error.response.request]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Deployment(tmp_path_factory.mktemp("data")) as found:
        yield found


def run(tmp_path: Path, script: str, *arguments: str) -> Any:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_"))}
    environment |= {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "HCA_SITE_CONFIG": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_after_logout_a_login_of_the_settings_is_not_used(tmp_path: Path, deployment: Any) -> None:
    told = run(tmp_path, LOGOUT, f"{deployment.api_url}/v1/swagger.json", deployment.token("user"))
    assert told["before"] == [] and not told["kept"]
    assert "none are stored" in told["after"], "who asks is not known any more"
    assert told["request"] == ["GET", True], "as requests gives it"


def test_values_that_begin_with_a_dash() -> None:
    from hca.upload.cli.commands import UploadCommand

    args = argparse.Namespace(upload_paths=["-a.txt"], target_filename="-b.txt", quiet=True)
    assert UploadCommand._words(args) == ["--target-filename=-b.txt", "--quiet", "--", "-a.txt"]


def test_errors_without_an_answer_have_no_request() -> None:
    from hca.util.exceptions import as_hca7

    from hca_base.errors import UnreachableError

    error = as_hca7(UnreachableError("no"))
    assert isinstance(error, requests.ConnectionError) and error.request is None and error.response is None
