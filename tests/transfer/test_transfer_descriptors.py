"""A low ``ulimit -n``: connections use at most half of the free descriptors, and no file fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lib.downloads import files_below, noise
from tests.lib.fault_server import FaultServer

SCRIPT = """
import json, resource, sys
base, root, fast, limit, connections, count, size = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
from hca_base.transfer import DirectoryDestination, FileStore, Item, Source, TransferOptions, download
items = (Item(f"d{n % 100}/f{n}", size, {}, Source(f"{base}/data/f{n % 10}")) for n in range(count))
options = TransferOptions(fast=fast, connections=connections, min_delay=0.01, retries=3)
report = download(items, DirectoryDestination(root, FileStore(root)), options=options)
print(json.dumps([report.counts, [row.error for row in report.failed][:3]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX")
@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    ("limit", "connections", "count", "size"),
    [(64, None, 400, 1000), (64, 64, 400, 1000), (128, None, 400, 1000), (64, None, 6, 9 << 20), (64, 50, 2, 40 << 20)],
)
def test_few_descriptors_are_enough(
    tmp_path: Path, server: FaultServer, fast: bool, limit: int, connections: int | None, count: int, size: int
) -> None:
    for number in range(10):
        server.files[f"f{number}"] = noise(size, number)
    arguments = json.dumps([server.base, str(tmp_path), fast, limit, connections, count, size])
    done = subprocess.run([sys.executable, "-c", SCRIPT, arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"downloaded": count}, []]
    assert len(files_below(tmp_path)) == count


@pytest.mark.parametrize("connections", [None, 100])
def test_connections_leave_half_of_the_descriptors(
    tmp_path: Path, server: FaultServer, connections: int | None
) -> None:
    """Large files use connections, partial files and journals; other code needs some descriptors too."""
    for number in range(10):
        server.files[f"f{number}"] = noise(1000, number)
    server.bytes_per_second = 1e9
    arguments = json.dumps([server.base, str(tmp_path), True, 100, connections, 500, 1000])
    done = subprocess.run([sys.executable, "-c", SCRIPT, arguments], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)[0] == {"downloaded": 500}
    assert server.most_connections <= 50


UPLOAD = """
import json, resource, sys
endpoint, access_key, secret_key, root, fast, limit, count = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
from hca_base.transfer import S3Credentials, S3Target, TransferOptions, UploadItem, upload
target = S3Target("dss-staging", endpoint_url=endpoint, credentials=S3Credentials(access_key, secret_key))
items = (UploadItem(f"{root}/f{n}", f"{root}/f{n}", tags={"a": "{sha256}"}) for n in range(count))
report = upload(items, target, options=TransferOptions(fast=fast, min_delay=0.01, retries=3))
print(json.dumps([report.counts, [row.error for row in report.failed][:3]]))
"""


@pytest.mark.parametrize(
    ("limit", "count"),
    [
        (64, 200),
        pytest.param(64, 1000, marks=pytest.mark.slow),
        pytest.param(128, 1000, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("fast", [True, False])
def test_few_descriptors_are_enough_for_uploads(tmp_path: Path, fast: bool, limit: int, count: int) -> None:
    from hca_local.server.deployment import Deployment

    (tmp_path / "from").mkdir()
    for number in range(count):
        # A few are sent in threads, and two in parts.
        size = {0: 66 << 20, 1: 66 << 20, 2: 9 << 20}.get(number, 500 + number)
        (tmp_path / "from" / f"f{number}").write_bytes(noise(500, number) * (size // 500))
    with Deployment(tmp_path / "store") as started:
        root = started.ctx.credentials.root()
        words = [started.s3_url, root.access_key, root.secret_key, str(tmp_path / "from"), fast, limit, count]
        done = subprocess.run(
            [sys.executable, "-c", UPLOAD, json.dumps(words)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"uploaded": count}, []]
