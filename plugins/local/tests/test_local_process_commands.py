"""``hca local …`` through the installed command: start, find, inspect, stop, reset; and crashes."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests


class User:
    """A user with a separate home, who runs ``hca``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_", "AWS_"))}
        self.environment = {**kept, "HOME": str(home)}

    def run(self, *arguments: str, code: int = 0, **environment: str) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "hca_base", *arguments],
            env={**self.environment, **environment},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    def status(self, code: int = 0) -> dict[str, Any]:
        return json.loads(self.run("local", "status", "-f", "json", code=code)[0])


@pytest.fixture
def user(tmp_path):
    user = User(tmp_path / "home")
    yield user
    user.run("local", "stop")


def config_files(user: User) -> dict[str, str]:
    folder = user.home / ".config" / "hca"
    return {path.name: path.read_text() for path in folder.rglob("*.json")} if folder.exists() else {}


def test_the_life_of_a_deployment(user, tmp_path):
    assert user.status(code=6)["running"] is False
    assert "no embedded deployment" in user.run("local", "stop")[1]
    out, err = user.run("local", "start", "--port", "0", "-f", "json")
    started = json.loads(out)
    assert "profile 'local' is active" in err
    status = user.status()
    assert status["running"] is True
    assert status["profile_in_use"] == "local"
    assert {name: status[name] for name in started} == started
    assert {"dss", "identity"} <= set(status["components"])
    # Its profile is deleted with the deployment, not earlier.
    assert "hca local stop" in user.run("profile", "delete", "local", "--yes", code=5)[1]
    assert user.status()["profile_in_use"] == "local"
    data_dir = Path(started["data_dir"])
    assert data_dir == user.home / ".local" / "share" / "hca" / "local"

    # Readable by this user only: it contains the keys and tokens.
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    for path in data_dir.rglob("*"):
        if path.is_file():
            assert not stat.S_IMODE(path.stat().st_mode) & 0o077 or not path.parent.stat().st_mode & 0o077, path
    # Commands of services find it without options, and are authenticated.
    listed = json.loads(user.run("dss", "get-bundles-all", "--replica", "aws")[0])
    assert listed["bundles"] == []
    assert json.loads(user.run("dss", "get-subscriptions", "--replica", "aws")[0]) == {"subscriptions": []}
    token = user.run("local", "token", "admin")[0].strip()
    assert token.count(".") == 2
    answer = requests.get(
        started["api_url"] + "/v1/subscriptions?replica=aws", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    assert answer.status_code == 200
    assert "invalid choice" in user.run("local", "token", "nobody", code=2)[1]
    # The command line of the process contains no secret.
    command = Path(f"/proc/{started['pid']}/cmdline")
    if command.exists():
        assert b"HCALOCAL" not in command.read_bytes()

    second = user.run("local", "start", "--port", "0", code=5)[1]
    assert second.startswith("hca: error: the embedded deployment is running already at " + started["api_url"])
    assert user.status()["pid"] == started["pid"]

    assert "GET /v1/bundles/all 200" in user.run("local", "logs", "--access")[0]
    assert "replica=" not in user.run("local", "logs", "--access", "--lines", "1000")[0]
    assert user.run("local", "logs", "--lines", "0")[0] == ""
    shown, told = user.run("local", "logs")
    assert bool(shown) != told.endswith("server.log is empty\n")

    assert "stopped" in user.run("local", "stop")[1]
    assert user.status(code=6) == {"running": False, "data_dir": str(data_dir), "profile_in_use": None}
    assert "local.json" not in config_files(user)
    with pytest.raises(requests.ConnectionError):
        requests.get(started["api_url"], timeout=5)
    assert not (data_dir / "deployment.json").exists()

    again = json.loads(user.run("local", "start", "--port", "0", "-f", "json")[0])
    assert again["data_dir"] == started["data_dir"]
    assert "Cannot ask for confirmation: not a terminal" in user.run("local", "reset", code=2)[1]
    assert (data_dir / "store.sqlite").exists()
    (data_dir / "mine.txt").write_text("not the deployment's")
    user.run("local", "reset", "--yes")
    assert [path.name for path in data_dir.iterdir()] == ["mine.txt"]
    assert user.status(code=6)["running"] is False
    assert "is not a data directory" in user.run("local", "reset", "--yes", code=5)[1]
    assert "no deployment in" in user.run("local", "token", code=4)[1]


def test_what_the_user_chose_and_wrote_stays(user):
    user.run("profile", "create", "mine", "--use")
    err = user.run("local", "start", "--port", "0")[1]
    assert "another profile is active" in err
    assert user.status()["profile_in_use"] == "mine"
    user.run("config", "set", "--profile", "local", "http.timeout", "7")
    assert json.loads(user.run("--profile", "local", "dss", "get-bundles-all", "--replica", "gcp")[0])["bundles"] == []
    user.run("local", "stop")
    assert json.loads(config_files(user)["local.json"]) == {"http": {"timeout": 7}}
    assert user.status(code=6)["profile_in_use"] == "mine"
    tokens = user.home / ".local" / "state" / "hca" / "auth" / "tokens.json"
    assert json.loads(tokens.read_text())["accounts"] == {}


def test_a_killed_deployment_is_known_to_be_gone_and_starts_again(user):
    started = json.loads(user.run("local", "start", "--port", "0", "-f", "json")[0])
    os.kill(started["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 30
    while (Path("/proc") / str(started["pid"])).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert user.status(code=6)["running"] is False
    again = json.loads(user.run("local", "start", "--port", "0", "-f", "json")[0])
    assert again["pid"] != started["pid"]
    assert json.loads(user.run("dss", "get-bundles-all", "--replica", "aws")[0])["bundles"] == []


def test_what_keeps_it_from_starting_is_one_clear_line(user, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for more in ([], ["--foreground"]):
            err = user.run("local", "start", "--port", str(port), *more, code=1)[1]
            assert f"port {port} of 127.0.0.1 is taken" in err
            assert "--port 0" in err
    (tmp_path / "file").write_text("")
    for more in ([], ["--foreground"]):
        err = user.run("local", "start", "--port", "0", "--data-dir", str(tmp_path / "file"), *more, code=1)[1]
        assert "cannot be used" in err
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "store.sqlite").write_bytes(b"no database" * 1000)
    err = user.run("local", "start", "--port", "0", "--data-dir", str(broken), code=1)[1]
    assert "cannot be used" in err
    assert user.run("local", "start", "--port", "70000", code=2)
    assert user.run("local", "start", "--simulate-waits", "-1", code=2)
    for waits in ("nan", "inf"):
        assert "--simulate-waits" in user.run("local", "start", "--simulate-waits", waits, code=2)[1]
    for endpoint in ("ftp://x", "http://["):
        assert "--s3-endpoint" in user.run("local", "start", "--s3-endpoint", endpoint, code=2)[1]
    assert "bucket" in user.run("local", "start", "--staging-bucket", "No Name", code=2)[1]
    for place in ("none", "file"):
        assert user.run("local", "logs", "--data-dir", str(tmp_path / place), code=4)
    assert user.run("local", "logs", "-n", "9" * 20, code=2)
    err = user.run("local", "reset", "--yes", "--data-dir", str(tmp_path / "file"), code=5)[1]
    assert "nothing was deleted" in err and (tmp_path / "file").exists()
    assert user.status(code=6)["running"] is False


def test_a_deployment_that_cannot_be_found_is_not_called_gone(user, tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    # A damaged state file; the next start replaces it.
    (data_dir / "deployment.json").write_text("[" * 100_000)
    user.run("local", "start", "--port", "0", "--data-dir", str(data_dir))
    told = (data_dir / "deployment.json").read_text()
    for damaged in ("[" * 100_000, "{}"):
        (data_dir / "deployment.json").write_text(damaged)
        for command in (["stop"], ["reset", "--yes"]):
            err = user.run("local", *command, code=1)[1]
            assert "in use" in err
        assert (data_dir / "store.sqlite").exists(), "nothing is deleted under its feet"
    (data_dir / "deployment.json").write_text(told)
    assert user.status()["running"] is True


def test_in_the_foreground_it_ends_with_ctrl_c(user):
    process = subprocess.Popen(
        [sys.executable, "-m", "hca_base", "local", "start", "--port", "0", "--foreground"],
        env=user.environment,
        cwd=user.home,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        line = ""
        while "Ctrl-C" not in line:
            line = process.stderr.readline()
            assert line, process.wait()
        assert user.status()["pid"] == process.pid
        assert user.run("local", "start", "--port", "0", "--foreground", code=5)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
    assert user.status(code=6) == {
        "running": False,
        "data_dir": str(user.home / ".local" / "share" / "hca" / "local"),
        "profile_in_use": None,
    }


def test_two_starts_at_once_make_one_deployment(user):
    command = [sys.executable, "-m", "hca_base", "local", "start", "--port", "0", "-f", "json"]
    both = [
        subprocess.Popen(command, env=user.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outcomes = [(*process.communicate(timeout=100), process.returncode) for process in both]
    assert sorted(code != 0 for *_, code in outcomes) == [False, True], outcomes
    for out, err, code in outcomes:
        if code == 0:
            assert user.status()["pid"] == json.loads(out)["pid"]
        else:
            assert "running already" in err


def test_a_page_on_the_network_cannot_read_it(user):
    started = json.loads(user.run("local", "start", "--port", "0", "-f", "json")[0])
    port = started["api_url"].rsplit(":", 1)[1]
    for host, expected in [
        (f"evil.example:{port}", 403),
        (f"127.0.0.1.evil.example:{port}", 403),
        ("localhost", 200),
        (f"localhost:{port}", 200),
    ]:
        answer = requests.get(started["api_url"] + "/-/status", headers={"Host": host}, timeout=10)
        assert answer.status_code == expected, host
    for path in ("/v1/swagger.json", "/auth/x"):
        answer = requests.get(started["api_url"] + path, headers={"Host": "evil.example"}, timeout=10)
        assert answer.status_code == 403
