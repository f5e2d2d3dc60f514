"""Runs validators: commands configured by the user, over the files of a validation, within limits.

The original ran container images. Here a validator's name maps to a command line in the settings, or to the
built-in check (``hca-local/check``). Commands run without a shell, in a temporary folder of their own,
with the request's variables and a minimal environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BUILT_IN = "hca-local/check"
#: Most bytes of standard output to keep; a validator that writes more is stopped.
OUTPUT_LIMIT = 1 << 20
TIME_LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class Outcome:
    """The result of a validator.

    :ivar ok: it ran and exited with 0
    :ivar output: its standard output, or why there is none
    """

    ok: bool
    output: str


def command_for(image: str, configured: Mapping[str, Sequence[str]]) -> list[str] | None:
    """The command line of a validator, or None if it is unknown; ``*`` matches every other name."""
    found = configured.get(image) or configured.get("*")
    if found:
        return list(found)
    if image == BUILT_IN:
        return [sys.executable, "-m", "hca_local.upload_service.check"]
    return None


def run(
    command: Sequence[str],
    files: Sequence[tuple[str, Path]],
    environment: Mapping[str, str],
    time_limit: float = TIME_LIMIT_SECONDS,
    output_limit: int = OUTPUT_LIMIT,
) -> Outcome:
    """Run a validator.

    :param files: (name, content) in the order of the validator's arguments; it sees links with these names
    :param environment: variables from the request
    """
    with tempfile.TemporaryDirectory(prefix="hca-validate-") as folder:
        names = []
        for number, (name, content) in enumerate(files):
            # One folder per file: names may repeat.
            place = Path(folder) / str(number) / name
            place.parent.mkdir()
            place.symlink_to(content)
            names.append(str(place))
        return _run([*command, *names], folder, environment, time_limit, output_limit)


def _run(
    command: Sequence[str], folder: str, environment: Mapping[str, str], time_limit: float, output_limit: int
) -> Outcome:
    # The caller must not choose what is run: PATH and the loader's variables are ours.
    given = {name: str(value) for name, value in environment.items() if not name.startswith(("LD_", "DYLD_", "PYTHON"))}
    allowed = {**given, "PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "TMPDIR": folder}
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=allowed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Outcome(False, f"the validator cannot be run: {error}")
    timed_out = threading.Event()

    def stop() -> None:
        timed_out.set()
        _kill(process)

    timer = threading.Timer(time_limit, stop)
    timer.start()
    kept = bytearray()
    too_much = False
    assert process.stdout is not None
    try:
        while piece := os.read(process.stdout.fileno(), 65536):
            kept += piece
            if len(kept) > output_limit:
                too_much = True
                _kill(process)
                break
        process.wait()
    finally:
        timer.cancel()
        process.stdout.close()
        _kill(process)
        process.wait()
    output = bytes(kept[:output_limit]).decode("utf-8", "replace")
    if timed_out.is_set():
        return Outcome(False, f"{output}\nthe validator was stopped after {time_limit:g} seconds")
    if too_much:
        return Outcome(False, f"{output}\nthe validator was stopped: it wrote more than {output_limit} bytes")
    return Outcome(process.returncode == 0, output)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the validator and its child processes."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
