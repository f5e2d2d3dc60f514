"""One read-only installation for many users, as on clusters, with each user's own plugins in addition."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
#: User ids without an entry in the password file.
USERS = (54321, 54322)
PLUGIN = """
    from hca_base.commands import Command

    class Hello(Command):
        "Say hello."

        def take_action(self, args):
            print("hello from the user's own plugin")
"""
#: The error of a file system without locks.
NO_LOCKS = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <stdarg.h>
    #include <sys/file.h>
    int flock(int fd, int operation) { errno = EIO; return -1; }
    int fcntl64(int fd, int command, ...) {
        va_list rest; va_start(rest, command); void *argument = va_arg(rest, void *); va_end(rest);
        if (command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK) { errno = EIO; return -1; }
        int (*real)(int, int, ...) = dlsym(RTLD_NEXT, "fcntl64");
        return real(fd, command, argument);
    }
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX: users and modes"),
    pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="not running as root"),
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """An environment with the core and two plugins, owned by root and world-readable."""
    folder = Path(tempfile.mkdtemp(prefix="hca-shared-"))
    folder.chmod(0o755)
    try:
        # Where users can add their own packages: the user site is disabled in an isolated environment.
        venv.create(folder / "env", with_pip=True, system_site_packages=True)
        python = folder / "env" / "bin" / "python"
        own = [ROOT, *(ROOT / "plugins" / name for name in ("dss", "upload"))]
        command = [python, "-m", "pip", "install", "--quiet", "--ignore-installed", *own]
        subprocess.run(command, check=True, capture_output=True)
        yield folder / "env"
    finally:
        shutil.rmtree(folder)


class User:
    """An account that can only write to its home."""

    def __init__(self, uid: int, env: Path) -> None:
        self.uid = uid
        self.bin = env / "bin"
        self.home = Path(tempfile.mkdtemp(prefix=f"hca-user-{uid}-"))
        os.chown(self.home, uid, uid)

    def run(self, *words: str, program: str = "hca", **environ: str) -> subprocess.CompletedProcess[str]:
        variables = {"HOME": str(self.home), "PATH": f"{self.bin}:/usr/bin:/bin", "LANG": "C.UTF-8", **environ}
        return subprocess.run(
            [self.bin / program, *words],
            env=variables,
            cwd=self.home,
            user=self.uid,
            group=self.uid,
            extra_groups=[],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def good(self, *words: str, **environ: str) -> str:
        done = self.run(*words, **environ)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def doctor(self, **environ: str) -> list[dict[str, Any]]:
        done = self.run("plugin", "doctor", "-f", "json", **environ)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


@pytest.fixture
def users(shared: Path) -> Iterator[list[User]]:
    made = [User(uid, shared) for uid in USERS]
    yield made
    for user in made:
        shutil.rmtree(user.home)


def files_of(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def write_plugin(site: Path, uid: int) -> None:
    """A plugin in the layout of an installer."""
    info = site / "hca_own-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hca-own\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hca.commands]\nown_hello = hca_own:Hello\n")
    (site / "hca_own.py").write_text(textwrap.dedent(PLUGIN))
    for path in [*site.rglob("*"), *site.parents[: len(site.parents) - 3]]:
        os.chown(path, uid, uid)


def test_two_users_and_an_installation_that_neither_can_write_to(shared: Path, users: list[User]) -> None:
    before = files_of(shared)
    one = users[0]
    for user in users:
        assert "get-bundle" in user.good("dss", "--help")
        user.good("config", "set", "transfer.connections", str(user.uid % 10))
        user.good("auth", "set-key", "upload", "--help")
    assert [user.good("config", "get", "transfer.connections").strip() for user in users] == ["1", "2"]
    assert files_of(shared) == before
    found = {finding["subject"]: finding for finding in one.doctor()}
    assert found["installation"]["level"] == "ok" and "shared" in found["installation"]["message"]
    for user in users:
        for path in user.home.rglob("*"):
            assert path.stat().st_uid == user.uid
            assert path.is_dir() or path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("way", ["PYTHONPATH", "user site"])
def test_plugins_of_one_user_are_theirs_alone(shared: Path, users: list[User], way: str) -> None:
    one, two = users
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = one.home / "own" if way == "PYTHONPATH" else one.home / ".local" / "lib" / version / "site-packages"
    environ = {"PYTHONPATH": str(site)} if way == "PYTHONPATH" else {}
    write_plugin(site, one.uid)
    assert "hello from" in one.good("own", "hello", **environ)
    assert two.run("own", "hello").returncode == 2
    found = next(finding for finding in one.doctor(**environ) if "hca-own" in finding["subject"])
    assert str(site) in found["message"]


@pytest.mark.parametrize("mask", [0o077, 0o002])
def test_what_is_private_is_so_with_any_umask(users: list[User], mask: int) -> None:
    one = users[0]
    script = f'umask {mask:03o}; printf secret-key | "$0" auth set-key upload && "$0" config set auth.store file'
    done = subprocess.run(
        ["sh", "-c", script, str(one.bin / "hca")],
        env={"HOME": str(one.home), "PATH": "/usr/bin:/bin", "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
        user=one.uid,
        group=one.uid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    secret = [path for path in one.home.rglob("*") if path.is_file() and b"secret-key" in path.read_bytes()]
    assert secret and all(path.stat().st_mode & 0o077 == 0 for path in secret)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_a_file_system_without_locks(users: list[User], tmp_path_factory: pytest.TempPathFactory) -> None:
    one = users[0]
    source, library = one.home / "nolocks.c", one.home / "nolocks.so"
    source.write_text(textwrap.dedent(NO_LOCKS))
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    preload = {"LD_PRELOAD": str(library)}
    one.good("config", "set", "transfer.connections", "3", **preload)
    assert one.good("config", "get", "transfer.connections", **preload).strip() == "3"
    one.good("service", "list", **preload)
    told = [finding["message"] for finding in one.doctor(**preload) if finding["subject"] == "folders"]
    assert told and all("does not support locks" in message for message in told)
    assert not any(finding["subject"] == "folders" for finding in one.doctor())


def test_without_a_home(users: list[User]) -> None:
    one = users[0]
    done = one.run("config", "set", "transfer.connections", "3", HOME="/nonexistent")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 2 and "nonexistent" in done.stderr
    assert "get-bundle" in one.good("dss", "--help", HOME="/nonexistent")
