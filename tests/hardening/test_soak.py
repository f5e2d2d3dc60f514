"""An hour (or HCA_SOAK_MINUTES) of mixed work against the embedded deployment, with faults: usage stays flat."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lib import Runner

MINUTES = float(os.environ.get("HCA_SOAK_MINUTES", "60"))
REPLICA = ["--replica", "aws"]
#: A batch of lines for the interactive shell; one process runs all of them.
BATCH = ["dss get-bundles-all --replica aws --per-page 10", "config show", "dss get-file --uuid nothing --replica aws"]


class Watched:
    """A process whose memory, descriptors and threads are sampled."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.seen: list[tuple[int, int, int]] = []

    def look(self) -> None:
        status = Path(f"/proc/{self.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        memory, threads = int(fields["VmRSS"].split()[0]), int(fields["Threads"])
        self.seen.append((memory, len(list(Path(f"/proc/{self.pid}/fd").iterdir())), threads))

    def is_flat(self, name: str) -> None:
        """The last quarter is not higher than the second one, apart from noise of allocators and pools."""
        quarter = max(1, len(self.seen) // 4)
        early, late = self.seen[quarter : 2 * quarter], self.seen[-quarter:]
        for index, (what, share, slack) in enumerate(
            [("memory (KiB)", 1.25, 40_000), ("descriptors", 1.0, 40), ("threads", 1.0, 40)]
        ):
            before, after = (max(row[index] for row in rows) for rows in (early, late))
            assert after <= before * share + slack, f"{name}: {what} grew from {before} to {after}"


class Soak:
    """The deployment, a long interactive session, and the acknowledged uploads."""

    def __init__(self, hca: Runner) -> None:
        self.hca = hca
        self.random = random.Random(20)
        self.bundles: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.start()
        self.shell = subprocess.Popen(
            [sys.executable, "-m", "hca_base", "shell"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=hca.env,
            cwd=hca.cwd,
        )
        self.session = Watched(self.shell.pid)

    def start(self) -> None:
        self.hca("local", "start", "--port", "0", check=0, timeout=120)
        status = json.loads(self.hca("local", "status", "-f", "json", check=0).stdout)
        self.server = Watched(int(status["pid"]))

    def upload(self) -> None:
        folder = self.hca.cwd / "up"
        folder.mkdir(exist_ok=True)
        content = self.random.randbytes(self.random.choice([10, 5000, 300_000]))
        (folder / "data.bin").write_bytes(content)
        done = self.hca("dss", "upload", "--src-dir", folder, *REPLICA, "--staging-bucket", "dss-staging", timeout=180)
        if done.returncode == 0:
            answer = json.loads(done.stdout)
            self.bundles[answer["bundle_uuid"]] = content.hex()

    def download(self, uuid: str | None = None) -> None:
        if uuid is None:
            if not self.bundles:
                return
            uuid = self.random.choice(sorted(self.bundles))
        target = self.hca.cwd / "down"
        done = self.hca(
            "dss", "download", "--bundle-uuid", uuid, *REPLICA, "--download-dir", target, timeout=180, check=0
        )
        assert "Traceback" not in done.stderr
        (found,) = target.glob(f"{uuid}*/data.bin")
        assert found.read_bytes().hex() == self.bundles[uuid]
        import shutil

        shutil.rmtree(target)

    def look_around(self) -> None:
        for words in (["dss", "get-bundles-all", *REPLICA], ["auth", "status"], ["service", "list"]):
            done = self.hca(*words, timeout=120)
            assert done.returncode in (0, 6) and "Traceback" not in done.stderr, done.stderr

    def kill_a_command(self) -> None:
        """Kill uploads at random moments."""
        folder = self.hca.cwd / "up"
        folder.mkdir(exist_ok=True)
        (folder / "data.bin").write_bytes(self.random.randbytes(2_000_000))
        words = ["dss", "upload", "--src-dir", str(folder), *REPLICA, "--staging-bucket", "dss-staging"]
        process = subprocess.Popen(
            [sys.executable, "-m", "hca_base", *words],
            env=self.hca.env,
            cwd=self.hca.cwd,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(self.random.uniform(0.2, 2))
        process.kill()
        process.wait()

    def kill_the_server(self) -> None:
        os.kill(self.server.pid, signal.SIGKILL)
        time.sleep(0.5)
        # While it is down, a command reports it.
        done = self.hca("--config", "http.retries=0", "dss", "get-bundles-all", *REPLICA, timeout=120)
        assert done.returncode == 6 and "Traceback" not in done.stderr, done.stderr
        self.start()

    def converse(self) -> None:
        assert self.shell.stdin is not None
        for line in BATCH:
            self.shell.stdin.write(line.encode() + b"\n")
        self.shell.stdin.flush()

    def close(self) -> None:
        if self.shell.stdin is not None:
            self.shell.stdin.close()
        try:
            self.shell.wait(120)
        finally:
            self.shell.kill()
            self.hca("local", "stop", timeout=120)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_hours_of_mixed_work(hca: Runner) -> None:
    soak = Soak(hca)
    try:
        end = time.monotonic() + MINUTES * 60
        kill_at = time.monotonic() + min(600, MINUTES * 60 / 3)
        works = [soak.upload, soak.upload, soak.download, soak.look_around, soak.converse, soak.kill_a_command]
        while time.monotonic() < end:
            if time.monotonic() > kill_at:
                soak.server.is_flat("the deployment")
                soak.kill_the_server()
                kill_at = time.monotonic() + 600
            work = soak.random.choice(works)
            work()
            soak.counts[work.__name__] = soak.counts.get(work.__name__, 0) + 1
            assert soak.shell.poll() is None, "the interactive session ended"
            soak.session.look()
            soak.server.look()
        soak.session.is_flat("the interactive session")
        soak.server.is_flat("the deployment")
        # Everything acknowledged is readable.
        for uuid in sorted(soak.bundles):
            soak.download(uuid)
        left = [path for path in hca.home.rglob("*.tmp") if time.time() - path.stat().st_mtime > 7200]
        assert left == []
        print(f"soak: {soak.counts}, {len(soak.bundles)} bundles read back")
    finally:
        soak.close()
