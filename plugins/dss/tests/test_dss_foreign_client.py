"""hca 7.0.1 works with the embedded deployment, and this version continues with its files.

The fixture ``hca7`` is in the ``conftest.py`` of the repository.
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Runner

pytestmark = pytest.mark.xdist_group("hca7")

DRIVER = Path(__file__).with_name("hca7_driver.py")
CONTENTS = {
    "links.json": b'{"links": []}',
    "donor_organism_0.json": b'{"sex": "female"}',
    "reads_R1.fastq.gz": os.urandom(100_000),
    "sub/cells.csv": b"a,b\n",
    "empty.txt": b"",
}


def files_below(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _run(python: str, site: Any, work: Path, source: Path) -> dict[str, Any]:
    work.mkdir()
    setup = {
        "swagger_url": site.url,
        "token": site.token,
        "bucket": "dss-staging",
        "source": str(source),
        "work": str(work),
        "collection": str(uuid.uuid4()),
    }
    path = work.parent / "setup.json"
    path.write_text(json.dumps(setup))
    home = work.parent / "hca7-home"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "AWS_ACCESS_KEY_ID": site.keys.access_key,
        "AWS_SECRET_ACCESS_KEY": site.keys.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        # Its OAuth library requires this to send a token to a service on loopback.
        "OAUTHLIB_INSECURE_TRANSPORT": "1",
        "AWS_ENDPOINT_URL_S3": site.deployment.s3_url,
    }
    done = subprocess.run(
        [python, DRIVER, path], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.timeout(1200)
def test_hca_7_does_its_work_here_and_ours_goes_on(hca7: str, hca: Runner, site: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name, content in CONTENTS.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    work = tmp_path / "work7"
    found = _run(hca7, site, work, source)

    upload = found["upload"]
    folder = f"{upload['bundle_uuid']}.{upload['version']}"
    assert {file["name"] for file in upload["files"]} == set(CONTENTS)
    whole = files_below(work / "whole" / folder)
    manifest = whole.pop("bundle.json")
    assert whole == CONTENTS
    metadata = {name: content for name, content in CONTENTS.items() if name.endswith(".json")}
    assert files_below(work / "metadata" / folder) == {**metadata, "bundle.json": manifest}
    full = {name: content for name, content in CONTENTS.items() if content}
    assert files_below(work / "layout" / folder) == {**full, "bundle.json": manifest}
    assert files_below(work / "collection" / folder) == {**CONTENTS, "bundle.json": manifest}
    assert "file_path" in found["copy"].splitlines()[0]
    assert found["collection"]["name"] == "other"
    assert folder in found["search"]
    assert upload["bundle_uuid"] in found["all"]
    assert found["subscription"]["callback_url"] == "http://127.0.0.1:9/"
    assert found["subscription"]["uuid"] in [each["uuid"] for each in found["subscriptions"]["subscriptions"]]
    assert found["streamed"] == 100_000
    assert found["checkout"]["checkout_job_id"]
    assert found["patch"]["version"] > upload["version"]
    assert found["missing"] == ["SwaggerAPIException", 404, "not_found"]

    # This version, in hca 7's directory: everything is there, in the same places and with the same bytes.
    before = files_below(work / "whole")
    site.traffic.requests.clear()
    hca(
        *("dss", "download", "--bundle-uuid", upload["bundle_uuid"], "--replica", "aws"),
        *("--version", upload["version"], "--download-dir", str(work / "whole")),
    )
    assert files_below(work / "whole") == before
    assert site.traffic.count("api", "GET", "/v1/files/") == 0
    # The same result of the same command: the keys that scripts use.
    own = json.loads(hca("dss", "upload", "--src-dir", str(source), "--replica", "aws").stdout)
    assert list(own) == list(upload)
    assert [list(file) for file in own["files"]] == [list(file) for file in upload["files"]]
    # The same manifest copy, except for the line endings.
    (hca.cwd / "list.tsv").write_text(found["copy"].replace("\r\n", "\n"))
    hca("dss", "download-manifest", "--manifest", "list.tsv", "--replica", "aws", "--download-dir", "none")
    assert (hca.cwd / "list.tsv").read_text() == found["copy"].replace("\r\n", "\n")


@pytest.mark.timeout(1200)
def test_every_operation_of_hca_7_is_here_under_its_name(hca7: str, site: Any, tmp_path: Path) -> None:
    code = (
        "import sys, json, hca\n"
        "from hca.util import SwaggerClient\n"
        "SwaggerClient.scheme = 'http'\n"
        "from hca.dss import DSSClient\n"
        "print(json.dumps({name: list(method['args']) for name, method in "
        "DSSClient(swagger_url=sys.argv[1]).methods.items()}))"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    done = subprocess.run(
        [hca7, "-c", code, site.url], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    theirs: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    import inspect

    from hca_dss.client import DSSClient

    dss = DSSClient(swagger_url=site.url)
    for name, arguments in theirs.items():
        assert set(arguments) <= set(inspect.signature(getattr(dss, name)).parameters), name
