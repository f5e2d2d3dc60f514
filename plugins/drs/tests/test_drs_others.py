"""Third-party programs against the embedded server: GA4GH's compliance suite, and other clients."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest
from hca_drs.testing import EmbeddedDrs

TOKEN = "a-token-of-the-tests"
#: Neither distribution declares all of its dependencies, so they are listed here.
PACKAGES = ("drs-compliance-suite==1.0.3", "drs-cli==0.2.3", "drsclient>=0.3.2,<0.5", "jsonschema<4.18", "pydantic<2")
SUITE = """
import json, sys, types
# Its own log files and its web page of reports, which would need an old Flask.
for name, member in (("helper", "Parser"), ("report_server", "start_mock_server")):
    sys.modules[f"compliance_suite.{name}"] = types.SimpleNamespace(**{member: None})
from compliance_suite.report_runner import report_runner
report = report_runner(sys.argv[1], "embedded", "embedded", "1.2.0", sys.argv[2])
found = json.loads(report.to_json())
cases = [case for phase in found["phases"] for test in phase["tests"] for case in test["cases"]]
print(json.dumps([[case["status"], case["case_name"], case["message"]] for case in cases]))
"""
CLIENT = """
import json, sys
from drs_cli.client import DRSClient
client = DRSClient(f"drs://{sys.argv[1]}", port=int(sys.argv[2]), use_http=True, token=sys.argv[3])
found = client.get_object("table")
address = client.get_access_url("table", found.access_methods[0].access_id)
missing = client.get_object("gone")
print(json.dumps([found.name, found.size, found.checksums[0].checksum, address.url, missing.status_code]))
"""

GEN3 = """
import hashlib, json, sys, httpx
from drsclient.client import DrsClient
client = DrsClient(f"http://{sys.argv[1]}", token=sys.argv[2])
found = client.get("table").json()
address = client.download("table", found["access_methods"][0]["access_id"]).json()
members = [member["name"] for member in client.get("study").json()["contents"]]
data = httpx.get(address["url"]).content
print(json.dumps([found["name"], members, hashlib.sha256(data).hexdigest(), client.get("gone").status_code]))
"""


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in an environment with the programs."""
    folder = tmp_path_factory.mktemp("others") / "v"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *PACKAGES], capture_output=True, timeout=600, check=False
    )
    if done.returncode != 0:
        pytest.skip("other programs for DRS cannot be installed here")
    return python


def run(python: Path, code: str, *words: str) -> Any:
    """The JSON that a program prints last."""
    done = subprocess.run(
        [python, "-c", code, *words], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_compliance_suite_of_ga4gh(others: Path, tmp_path: Path) -> None:
    auth = {"auth_type": "bearer", "auth_token": TOKEN}
    objects = [{"drs_id": name, "is_bundle": name == "study", **auth} for name in ("table", "notes", "study")]
    config = {"service_info": auth, "drs_object_info": objects, "drs_object_access": [{"drs_id": "table", **auth}]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with EmbeddedDrs(version="1.2.0", token=TOKEN) as drs:
        cases = run(others, SUITE, drs.url, str(tmp_path / "config.json"))
    assert len(cases) >= 20
    assert [case for case in cases if case[0] not in ("PASS", "SKIP")] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_client_that_is_not_ours(others: Path) -> None:
    with EmbeddedDrs(version="1.2.0", token=TOKEN) as drs:
        host, _, port = drs.host.partition(":")
        name, size, checksum, url, status = run(others, CLIENT, host, port, TOKEN)
        table = drs.repository.objects["table"]
        assert (name, size, status) == ("counts.csv", drs.repository.size("table"), 404)
        assert checksum == table.digests[0]["checksum"]  # type: ignore[union-attr]
        assert url.startswith(drs.storage_url)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_client_of_gen3(others: Path) -> None:
    with EmbeddedDrs(token=TOKEN) as drs:
        name, members, digest, status = run(others, GEN3, drs.host, TOKEN)
        table = drs.repository.objects["table"]
        assert (name, status) == ("counts.csv", 404)
        assert set(members) == {"raw", "counts.csv", "notes.txt"}
        assert digest == table.digests[0]["checksum"]  # type: ignore[union-attr]
        assert drs.problems == []
