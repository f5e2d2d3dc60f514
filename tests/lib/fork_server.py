"""A process that runs ``python -m hca_base`` in forks of itself, so that tests import its modules once.

Run as a program by :mod:`tests.lib.forks`, which communicates with it over the socket on its standard input. A child
has the working directory, environment and standard streams of the request, and runs the same ``-m`` as a fresh
process; only some modules are imported already. At exit, modules are torn down only if that could have visible
effects, because it takes most of a short run's time.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import socket
import sys
import threading
from pathlib import Path
from typing import Any

#: Modules that commands import late; those of the standard library and of dependencies that most of them need.
WARM = (
    *("cliff.command", "cliff.lister", "jmespath", "requests", "stevedore"),
    *("email.parser", "encodings.utf_8_sig", "gzip", "resource", "sqlite3", "urllib.request", "uuid"),
)
#: Distributions of this repository whose commands most tests run.
PACKAGES = ("hca_base", "hca_azul", "hca_cellxgene", "hca_drs", "hca_dss", "hca_upload")
#: Modules of them that few commands need, or that need a heavy library.
COLD = (
    *("hca_base.__main__", "hca_base.shell._repl", "hca_base.transfer._download._cluster", "hca_drs.filesystem"),
    *(f"{package}.testing" for package in PACKAGES),
)


def warm() -> None:
    """Import what most commands need."""
    for name in (*WARM, *sys.argv[1:]):
        importlib.import_module(name)
    for package in PACKAGES:
        # Plugins that are not installed have no commands; neither have modules without their optional library.
        with contextlib.suppress(ImportError):
            for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
                if not module.name.startswith(COLD):
                    with contextlib.suppress(ImportError):
                        importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


def serve(control: socket.socket) -> None:
    """Fork a process for each request; returns only in the child."""
    running: dict[int, tuple[int, socket.socket]] = {}
    poll = select.poll()
    poll.register(control, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd in running:
                pid, answer = running.pop(fd)
                poll.unregister(fd)
                os.close(fd)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                # Nothing waits for the end of a process that timed out.
                with answer, contextlib.suppress(OSError):
                    answer.sendall(b"%d\n" % code)
                continue
            _, fds, _, _ = socket.recv_fds(control, 1, 1)
            if not fds:
                os._exit(0)
            connection = socket.socket(fileno=fds[0])
            size, streams, _, _ = socket.recv_fds(connection, 8, 3)
            data = b""
            while len(data) < int(size):
                data += connection.recv(int(size) - len(data))
            pid = os.fork()
            if pid == 0:
                for each in (control, connection, *(answer for _, answer in running.values())):
                    each.close()
                for other in running:
                    os.close(other)
                become(json.loads(data), streams)
                return
            for stream in streams:
                os.close(stream)
            connection.sendall(b"%d\n" % pid)
            child = os.pidfd_open(pid)
            running[child] = pid, connection
            poll.register(child, select.POLLIN)


def become(request: dict[str, Any], streams: list[int]) -> None:
    """Set up the process as requested."""
    for target, source in enumerate(streams):
        os.dup2(source, target)
        os.close(source)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv[1:] = request["args"]
    sys.path[0] = str(Path.cwd())
    sys.path[1:1] = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    for fd, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        stream = _stream(fd, mode, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _stream(fd: int, mode: str, like: Any) -> io.TextIOWrapper:
    """A standard stream, as the interpreter creates it for a pipe."""
    # open chooses the buffer size like the interpreter.
    buffer: Any = open(fd, f"{mode}b", closefd=False)  # noqa: SIM115 - it stays open
    buffer.raw.name = like.name
    text: Any = io.TextIOWrapper(buffer, like.encoding, like.errors, "\n", line_buffering=fd == 2)
    text.mode = mode
    return text


def leave(code: int) -> None:
    """Exit like the interpreter, but without tearing down modules; return if that would have visible effects."""
    if threading.active_count() > 1 or _is_left_open():
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code & 0xFF)


def _is_left_open() -> bool:
    """Whether the run left a file, a socket, a process or another object with effects on deletion."""
    finalized: dict[type, bool] = {}
    streams: list[Any] = [sys.stdin, sys.stdout, sys.stderr]
    standard = {id(layer) for text in streams for layer in (text, text.buffer, text.buffer.raw)}
    # Objects from before the fork are frozen, and not included.
    for each in gc.get_objects():
        kind = type(each)
        if kind not in finalized:
            finalized[kind] = hasattr(kind, "__del__")
        if finalized[kind] and id(each) not in standard and not _is_closed(each):
            return True
    return False


def _is_closed(each: Any) -> bool:
    return each.fileno() < 0 if isinstance(each, socket.socket) else bool(getattr(each, "closed", False))


if __name__ == "__main__":
    warm()
    with socket.socket(fileno=0) as listener:
        serve(listener)
    try:
        runpy._run_module_as_main("hca_base")  # type: ignore[attr-defined]
    except SystemExit as end:
        if isinstance(end.code, int):
            leave(end.code)
        raise
