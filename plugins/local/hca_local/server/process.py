"""The deployment as a separate process: other processes start, find and stop it.

``DATA_DIR/deployment.json`` contains its process id and addresses while it runs; a lock on that file, which the system
releases however the process dies, shows whether it runs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hca_base.config import FileLock, LockTimeout, write_atomic
from hca_base.errors import ExitCode, HCAError, RefusedError
from hca_local.server.settings import Settings

#: Seconds to wait for a deployment to respond, and to stop.
START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
_PAUSE = 0.05


class StartError(HCAError):
    """The deployment's process ended before it was ready."""

    def __init__(self, message: str, *, exit_code: int = 1, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.exit_code = ExitCode(exit_code)


def state_file(data_dir: Path) -> Path:
    return data_dir / "deployment.json"


def log_dir(data_dir: Path) -> Path:
    return data_dir / "logs"


def is_locked(data_dir: Path) -> bool:
    """Whether a process is using the data directory."""
    if not data_dir.is_dir():
        return False
    lock = FileLock(data_dir / "deployment", timeout=0)
    try:
        lock.acquire()
    except LockTimeout:
        return True
    except OSError:
        return False
    lock.release()
    return False


def running(data_dir: Path) -> dict[str, Any] | None:
    """The state that the deployment of a data directory wrote, or None if none is running."""
    if not is_locked(data_dir):
        return None
    try:
        found = json.loads(state_file(data_dir).read_text("utf-8"))
    except (OSError, RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("pid"), int) else None


def refuse_second(data_dir: Path) -> None:
    """:raises RefusedError: a deployment with that data directory is already running"""
    if not is_locked(data_dir):
        return
    state = running(data_dir) or {}
    where = f" at {state['api_url']} (process {state['pid']})" if "api_url" in state else ""
    raise RefusedError(
        f"the embedded deployment is running already{where}",
        hint="'hca local status' shows it, 'hca local stop' stops it",
    )


def write_state(settings: Settings) -> None:
    """Write the state file of this process, which runs the deployment."""
    import hca_local

    state = {
        "pid": os.getpid(),
        "version": hca_local.__version__,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "data_dir": str(settings.data_dir),
        "api_url": settings.api_url,
        "s3_url": settings.s3_url,
        "api_port": settings.api_port,
        "s3_port": settings.s3_port,
        "simulate_waits": settings.simulate_waits,
        "s3_endpoint": settings.s3_endpoint,
        "staging_bucket": settings.staging_bucket,
    }
    write_atomic(state_file(settings.data_dir), json.dumps(state, indent=2) + "\n", mode=0o600)


def settings_of(state: dict[str, Any]) -> Settings:
    """The settings in a running deployment's state."""
    return Settings(
        Path(state["data_dir"]),
        api_port=state["api_port"],
        s3_port=state["s3_port"],
        simulate_waits=state["simulate_waits"],
        s3_endpoint=state["s3_endpoint"],
        staging_bucket=state["staging_bucket"],
    )


def spawn(settings: Settings, port: int) -> dict[str, Any]:
    """Start a deployment in a process that outlives this one, and wait until it is ready.

    :return: its state
    :raises StartError: it did not start; the message says why
    :raises RefusedError: one is already running
    """
    data_dir = settings.data_dir
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        log_dir(data_dir).mkdir(mode=0o700, exist_ok=True)
        refuse_second(data_dir)
        output = (log_dir(data_dir) / "output.log").open("wb")
    except OSError as error:
        raise StartError(f"the data directory {data_dir} cannot be used: {error.strerror or error}") from error
    command = [sys.executable, "-m", "hca_local.server", "--data-dir", str(data_dir), "--port", str(port)]
    command += ["--staging-bucket", settings.staging_bucket]
    if settings.s3_endpoint:
        command += ["--s3-endpoint", settings.s3_endpoint]
    if settings.simulate_waits:
        command += ["--simulate-waits", "10" if settings.simulate_waits is True else str(settings.simulate_waits)]
    if settings.validators:
        command += ["--validators", json.dumps({name: list(argv) for name, argv in settings.validators.items()})]
    detached: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
    # It reports startup errors through a pipe: on a full disk it could not write a file.
    with output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=output, cwd=data_dir, **detached
        )
    assert process.stdout is not None
    with process.stdout:
        return _await_start(process, data_dir)


def _await_start(process: subprocess.Popen[bytes], data_dir: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        ended = process.poll()
        state = running(data_dir)
        if state is not None and state["pid"] == process.pid:
            # It keeps running when this process ends, so there is nothing to wait for.
            process.returncode = 0
            return state
        if ended is not None:
            assert process.stdout is not None
            raise _failure(ended, data_dir, process.stdout.read())
        time.sleep(_PAUSE)
    process.terminate()
    process.wait()
    raise StartError(f"the deployment did not respond within {START_TIMEOUT:g} s", hint="see: hca local logs")


def _failure(ended: int, data_dir: Path, report: bytes) -> StartError:
    try:
        told = json.loads(report)
        return StartError(told["message"], hint=told["hint"], exit_code=told["exit_code"])
    except (ValueError, KeyError, TypeError):
        pass
    try:
        lines = (log_dir(data_dir) / "output.log").read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    reason = f": {lines[-1]}" if lines else ""
    return StartError(f"the deployment ended with code {ended} before it responded{reason}", hint="see: hca local logs")


def stop(data_dir: Path, timeout: float = STOP_TIMEOUT) -> bool:
    """Stop the deployment of a data directory after its requests in progress.

    :return: False if none is running
    :raises HCAError: it does not stop, or was not found
    """
    state = running(data_dir)
    if state is None:
        # The lock's holder wrote the state right after acquiring it, or is about to.
        deadline = time.monotonic() + 2
        while state is None and is_locked(data_dir) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
            state = running(data_dir)
        if state is None and is_locked(data_dir):
            # Not "none runs": the caller would then remove or reuse files that are in use.
            raise HCAError(
                f"{data_dir} is in use by a deployment whose process is not known",
                hint="it may be starting; try again",
            )
        if state is None:
            state_file(data_dir).unlink(missing_ok=True)
            return False
    pid = state["pid"]
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise RefusedError(f"process {pid} belongs to another user") from None
    deadline = time.monotonic() + timeout
    while is_locked(data_dir):
        if time.monotonic() > deadline:
            raise HCAError(
                f"process {pid} does not stop", hint=f"stop it with: kill -9 {pid} (no stored data are lost)"
            )
        time.sleep(_PAUSE)
    state_file(data_dir).unlink(missing_ok=True)
    return True
