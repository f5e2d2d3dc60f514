"""Runs ``python -m hca_base`` as forks of a process that has already imported its modules."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import signal
import site
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Variables that the interpreter reads at startup: a fork has the server's.
_STARTUP = ("PYTHON", "LC_", "LANG")
#: Modules that only uploads need.
_FOR_UPLOADS = ("botocore.session", "botocore.auth", "botocore.awsrequest", "botocore.credentials")
#: Prefixes of variables that are read later, or that the fork applies itself.
NO_STARTUP = ("PYTHONPATH", "PYTHON_KEYRING_BACKEND")
#: Modules that a fresh process would find in PYTHONPATH, but a fork would not.
_CUSTOM = ("sitecustomize", "usercustomize", "hca_base")


def possible(env: Mapping[str, str]) -> bool:
    """Whether a fork would behave like a fresh process in this environment.

    ``HCA_TEST_FRESH=1`` in the environment of the tests makes it always False.
    """
    if not hasattr(os, "pidfd_open") or os.environ.get("HCA_TEST_FRESH") or site.ENABLE_USER_SITE:
        return False
    if _startup(env) != _startup(_environment()):
        return False
    paths = [Path(entry) for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return not any((path / name).exists() for path in paths for name in (*_CUSTOM, *(f"{x}.py" for x in _CUSTOM)))


def _startup(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_STARTUP) and name not in NO_STARTUP}


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**own, "PYTHONPATH": "", "PYTHONWARNINGS": "default"}


def run(
    args: Sequence[str], *, stdin: bytes, env: Mapping[str, str], cwd: Path, timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """Run ``hca`` with these arguments until it exits.

    :raises subprocess.TimeoutExpired: it did not exit in time, and was killed
    """
    (their_in, our_in), (our_out, their_out), (our_err, their_err) = os.pipe(), os.pipe(), os.pipe()
    request = {"args": list(args), "env": dict(env), "cwd": str(cwd)}
    answer = _server("upload" in args[:2]).start(request, (their_in, their_out, their_err))
    for each in (their_in, their_out, their_err):
        os.close(each)
    found: dict[int, bytes] = {}
    threads = [threading.Thread(target=_write, args=(our_in, stdin), daemon=True)]
    threads += [threading.Thread(target=_read, args=(fd, found), daemon=True) for fd in (our_out, our_err)]
    for thread in threads:
        thread.start()
    with answer, answer.makefile("rb") as lines:
        pid = int(lines.readline())
        answer.settimeout(timeout)
        try:
            code = int(lines.readline())
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(["hca", *args], timeout) from None
    for thread in threads:
        thread.join(timeout)
        if thread.is_alive():
            # A child process of it still has the streams open.
            raise subprocess.TimeoutExpired(["hca", *args], timeout)
    return subprocess.CompletedProcess(["hca", *args], code, found[our_out], found[our_err])


def program(folder: Path) -> Path:
    """Create a program ``hca`` in the folder, for scripts: it delegates its run to a fork, with its own streams."""
    address = folder / "forks.socket"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen(64)
    threading.Thread(target=_pass_on, args=(listener,), daemon=True).start()
    made = folder / "hca"
    # Without importing anything from the environment's Python, it ends within a few milliseconds.
    made.write_text(f"#!{sys.executable} -IS\n{_PROGRAM.format(address=str(address))}", encoding="utf-8")
    made.chmod(0o755)
    return made


_PROGRAM = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    request = json.dumps(dict(args=sys.argv[1:], env=dict(os.environ), cwd=os.getcwd())).encode()
    socket.send_fds(connection, [b"%8d" % len(request)], [0, 1, 2])
    connection.sendall(request)
    process, code = connection.makefile("rb")
    sys.exit(int(code) if int(code) >= 0 else 128 - int(code))
"""


def _pass_on(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            _server(False).adopt(connection)


def _write(fd: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(fd, "wb") as file:
        file.write(data)


def _read(fd: int, found: dict[int, bytes]) -> None:
    with open(fd, "rb") as file:
        found[fd] = file.read()


class Server:
    """The process that forks; it exits with this one."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("fork_server.py")), *modules],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,
            )
        atexit.register(self.close)

    def start(self, request: Mapping[str, object], streams: Sequence[int]) -> socket.socket:
        """Start a run.

        :returns: a connection that delivers its process id, and its exit code when it has exited
        """
        ours, theirs = socket.socketpair()
        data = json.dumps(request).encode()
        with theirs:
            self.adopt(theirs)
        socket.send_fds(ours, [b"%8d" % len(data)], list(streams))
        ours.sendall(data)
        return ours

    def adopt(self, connection: socket.socket) -> None:
        """Handle a connection whose other end sends a request."""
        with self._lock:
            socket.send_fds(self._control, [b"x"], [connection.fileno()])

    def close(self) -> None:
        self._control.close()
        self._process.wait()


@functools.cache
def _server(for_uploads: bool) -> Server:
    return Server(_FOR_UPLOADS if for_uploads else ())
