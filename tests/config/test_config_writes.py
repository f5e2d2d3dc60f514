"""Changing files: concurrent writers, crashes, links, permissions."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from hca_base import config
from hca_base.errors import ConfigError

ORIGINAL = {"z": 1, "DSSClient": {"swagger_url": "https://x", "unknown": [1, {"deep": None}]}, "a": "ä€😀"}


def test_one_key_changes_and_nothing_else(home):
    text = json.dumps({"//": "mine", **ORIGINAL}, indent=4, ensure_ascii=False) + "\n"
    home.write(home.user, text)
    home.user.chmod(0o644)
    assert config.set_value("DSSClient.timeout", 30) == home.user
    assert home.user.read_text(encoding="utf-8") == text.replace(
        "            }\n        ]\n", '            }\n        ],\n        "timeout": 30\n'
    )
    assert home.user.stat().st_mode & 0o777 == 0o644
    assert config.unset_value("DSSClient.timeout")
    assert home.user.read_text(encoding="utf-8") == text
    before = home.user.stat()
    assert not config.unset_value("DSSClient.timeout")
    assert not config.unset_value("a.b.c")
    assert home.user.stat().st_ino == before.st_ino, "nothing changed, so nothing is written"


def test_a_new_file_is_private(home):
    config.set_value('services."my.api".url', "https://x")
    assert home.read() == {"services": {"my.api": {"url": "https://x"}}}
    assert home.user.stat().st_mode & 0o777 == 0o600
    assert home.folder.stat().st_mode & 0o777 == 0o700
    assert config.unset_value('services."my.api".url')
    assert home.read() == {}
    other = home.root / "new" / "folder" / "x.json"
    assert config.set_value("a", 1, file=other) == other
    assert home.read(other) == {"a": 1}


def test_a_key_below_a_plain_value_is_refused(home):
    home.write(home.user, {"http": "text", "list": {"$append": 1}})
    with pytest.raises(ConfigError, match="http is text, so it cannot have 'timeout'"):
        config.set_value("http.timeout", 3)
    with pytest.raises(ConfigError, match="a list operator"):
        config.set_value("list.x", 3)
    config.set_value("http", {"timeout": 3})
    assert home.read()["http"] == {"timeout": 3}


def test_values_without_a_json_form_are_refused(home):
    home.write(home.user, ORIGINAL)
    for value in (float("nan"), object(), {1, 2}):
        with pytest.raises(ConfigError, match="no JSON form"):
            config.set_value("a", value)
    assert home.read() == ORIGINAL
    config.set_value("a", "\ud800")
    assert home.read()["a"] == "\ud800"


def test_a_key_that_stands_twice_is_not_lost_silently(home):
    text = '{"a": {"b": 1, "b": 2}}'
    home.write(home.user, text)
    assert config.load().get("a.b") == 2
    with pytest.raises(ConfigError, match="'b' twice"):
        config.set_value("c", 1)
    assert home.user.read_text() == text


def test_a_symbolic_link_is_written_through(home):
    target = home.write(home.root / "dotfiles" / "hca.json", {"a": 1})
    home.folder.mkdir(parents=True)
    home.user.symlink_to(os.path.relpath(target, home.folder))
    config.set_value("b", 2)
    assert home.user.is_symlink()
    assert home.read(target) == {"a": 1, "b": 2}
    with config.edit_file(home.user) as data:
        del data["a"]
    assert home.read(target) == {"b": 2}
    # A link whose target does not exist yet.
    target.unlink()
    config.set_value("c", 3)
    assert home.user.is_symlink()
    assert home.read(target) == {"c": 3}


def test_a_failed_edit_changes_nothing(home, monkeypatch):
    home.write(home.user, ORIGINAL)
    with pytest.raises(RuntimeError), config.edit_file(home.user) as data:
        data["a"] = 2
        raise RuntimeError
    assert home.read() == ORIGINAL

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ConfigError, match=r"config\.json cannot be written: No space left on device"):
            config.set_value("a", 2)
    assert home.read() == ORIGINAL
    assert sorted(path.name for path in home.folder.iterdir()) == [".config.json.lock", "config.json"]
    config.set_value("a", 3)
    assert home.read()["a"] == 3


def test_fifty_processes_lose_no_key(home):
    home.write(home.user, {"kept": True})
    script = textwrap.dedent("""
        import sys
        from hca_base import config
        sys.stdin.read(1)  # all at once
        number = sys.argv[1]
        config.set_value(f"section.key{number}", int(number))
        config.set_value(("section", f"own.{number}"), [number])
    """)
    reader, writer = os.pipe()
    processes = [subprocess.Popen([sys.executable, "-c", script, str(number)], stdin=reader) for number in range(50)]
    os.close(reader)
    os.write(writer, b"x" * 50)
    os.close(writer)
    assert [process.wait(timeout=150) for process in processes] == [0] * 50
    data = home.read()
    assert data["kept"] is True
    assert data["section"] == {f"key{number}": number for number in range(50)} | {
        f"own.{number}": [str(number)] for number in range(50)
    }
    assert sorted(path.name for path in home.folder.iterdir()) == [".config.json.lock", "config.json"]


def test_threads_lose_no_key(home):
    def work(number):
        for step in range(5):
            config.set_value(f"t{number}.s{step}", step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert home.read() == {f"t{number}": {f"s{step}": step for step in range(5)} for number in range(8)}


# Ends the process at the N-th disk operation, in the middle of a write.
DYING = textwrap.dedent("""
    import builtins, os, sys
    from pathlib import Path
    from hca_base import config
    from hca_base.config._editing import _atomic, _edit, _lock
    from hca_base.config._sources import _legacy

    left = int(sys.argv[1])

    def step():
        global left
        left -= 1
        if left == 0:
            os._exit(9)

    def around(module, name):
        plain = getattr(module, name)
        def call(*args, **kwargs):
            step()
            result = plain(*args, **kwargs)
            step()
            return result
        setattr(module, name, call)

    class Half:
        def __init__(self, stream):
            self.stream = stream
        def __getattr__(self, name):
            return getattr(self.stream, name)
        def __enter__(self):
            return self
        def __exit__(self, *error):
            return self.stream.__exit__(*error)
        def write(self, data):
            step()
            self.stream.write(data[: len(data) // 2])
            self.stream.flush()
            step()
            self.stream.write(data[len(data) // 2 :])

    plain_fdopen = os.fdopen
    os.fdopen = lambda *args, **kwargs: Half(plain_fdopen(*args, **kwargs))
    for name in ("open", "fsync", "replace", "rename", "close", "mkdir", "chmod"):
        around(os, name)
    config.set_value("http.timeout", 99)
    sys.exit(0)
""")


@pytest.mark.parametrize("existing", [True, False])
def test_death_at_every_step_leaves_the_old_or_the_new(home, existing):
    old = ORIGINAL if existing else None
    new = {**(old or {}), "http": {"timeout": 99}}
    outcomes = []
    for number in range(1, 60):
        for path in home.folder.glob("*") if home.folder.exists() else ():
            path.unlink()
        for path in home.folder.glob(".*") if home.folder.exists() else ():
            path.unlink()
        if existing:
            home.write(home.user, ORIGINAL).chmod(0o600)
        status = subprocess.run([sys.executable, "-c", DYING, str(number)], timeout=60).returncode
        found = home.read() if home.user.exists() else None
        assert found in (old, new), f"after {number} steps"
        outcomes.append(found == new)
        for path in home.folder.glob(".*.tmp"):
            assert path.stat().st_mode & 0o077 == 0, "what is left over is private"
        # The dead process's lock is released immediately.
        config.set_value("after", number)
        assert home.read() == {**(found or {}), "after": number}
        if status == 0:
            break
        assert status == 9
    else:
        raise AssertionError("it never ended")
    assert len(outcomes) > 10
    assert outcomes == sorted(outcomes), "once it is there it stays"
    assert outcomes[-1]


def test_old_leftovers_are_cleared_away(home):
    home.write(home.user, ORIGINAL)
    old = home.folder / ".config.json.0123456789ab.tmp"
    young = home.folder / ".config.json.ba9876543210.tmp"
    for path in (old, young):
        path.write_text("half")
    os.utime(old, (time.time() - 7200,) * 2)
    config.set_value("a", 1)
    assert not old.exists()
    assert young.exists()


def test_a_lock_that_is_held_times_out_with_a_clear_word(home):
    with config.FileLock(home.user):
        with pytest.raises(config.LockTimeout, match="being changed by another process"):
            config.FileLock(home.user, timeout=0.05).acquire()
    with config.FileLock(home.user, timeout=0.05):
        pass


def test_locks_where_the_file_system_has_none(home, monkeypatch):
    from hca_base.config._editing import _lock

    def unsupported(fd):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(_lock, "_try_lock", unsupported)
    with config.FileLock(home.user):
        with pytest.raises(config.LockTimeout):
            config.FileLock(home.user, timeout=0.05).acquire()
    config.set_value("a", 1)
    assert home.read() == {"a": 1}
    marker = home.folder / ".config.json.lock.held"
    marker.touch()
    os.utime(marker, (time.time() - 3600,) * 2)
    config.set_value("b", 1)
    assert not marker.exists()


@pytest.mark.parametrize("code", [errno.EBADF, errno.EPERM, errno.EIO, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def test_a_lock_that_the_file_system_refuses_stops_no_write(home, monkeypatch, code):
    from hca_base.config._editing import _lock

    def refused(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(_lock, "_try_lock", refused)
    config.set_value("a", 1)
    monkeypatch.setattr(_lock.FileLock, "_try_marker", refused)
    config.set_value("b", 2)
    assert home.read() == {"a": 1, "b": 2}


def test_a_write_without_a_lock_names_the_lock(home, monkeypatch, caplog):
    from hca_base.config._editing import _lock

    def refused(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(_lock, "_try_lock", refused)
    monkeypatch.setattr(_lock.FileLock, "_try_marker", refused)
    config.set_value("a", 1)
    assert f"{home.folder / '.config.json.lock'} cannot be locked (Input/output error)" in caplog.text


class TestWriteAtomic:
    def test_modes(self, tmp_path: Path):
        path = tmp_path / "x"
        config.write_atomic(path, "ä")
        assert path.read_bytes() == "ä".encode()
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o664)
        config.write_atomic(path, b"\x00")
        assert path.stat().st_mode & 0o777 == 0o664
        config.write_atomic(path, b"\x00", mode=0o600)
        assert path.stat().st_mode & 0o777 == 0o600

    def test_a_public_file_follows_the_umask(self, tmp_path: Path):
        before = os.umask(0o027)
        try:
            with config.open_atomic(tmp_path / "x", new_mode=0o666) as stream:
                stream.write(b"1")
        finally:
            os.umask(before)
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640

    def test_the_old_content_stands_until_the_end(self, tmp_path: Path):
        path = tmp_path / "x"
        path.write_text("old")
        with pytest.raises(RuntimeError), config.open_atomic(path) as stream:
            stream.write(b"new")
            raise RuntimeError
        assert path.read_text() == "old"
        with config.open_atomic(path) as stream:
            stream.write(b"new")
            assert path.read_text() == "old"
        assert path.read_text() == "new"
        assert list(tmp_path.iterdir()) == [path]

    def test_devices_are_written_not_replaced(self):
        config.write_atomic("/dev/null", b"x")
        assert Path("/dev/null").is_char_device()

    def test_folders(self, tmp_path: Path):
        with pytest.raises(IsADirectoryError):
            config.write_atomic(tmp_path, b"x")
        with pytest.raises(FileNotFoundError):
            config.write_atomic(tmp_path / "absent" / "x", b"x")

    def test_long_names(self, tmp_path: Path):
        path = tmp_path / ("x" * 250)
        config.write_atomic(path, b"x")
        assert path.read_bytes() == b"x"
