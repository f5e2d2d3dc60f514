"""Running a validator: a command of the user's choice over the files of a validation, within limits.

The original ran container images. Here a validator's name stands for a command line in the settings, or for the check
that is built in (``hca-local/check``). Commands run without a shell, in a folder of their own that is removed
afterwards, with the caller's variables and little else in their environment.
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
#: Bytes of the standard output that are kept; a validator that writes more is stopped.
OUTPUT_LIMIT = 1 << 20
TIME_LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class Outcome:
    """How a validator ended.

    :ivar ok: it ran, and its exit code was 0
    :ivar output: its standard output, or why there is none
    """

    ok: bool
    output: str


def command_for(image: str, configured: Mapping[str, Sequence[str]]) -> list[str] | None:
    """The command line of a validator, or None where none is known; ``*`` stands for every other name."""
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

    :param files: (name, content) in the order in which the validator gets them; it sees links with these names
    :param environment: variables that the request asked for
    """
    with tempfile.TemporaryDirectory(prefix="hca-validate-") as folder:
        names = []
        for number, (name, content) in enumerate(files):
            # A folder each: names may repeat.
            place = Path(folder) / str(number) / name
            place.parent.mkdir()
            place.symlink_to(content)
            names.append(str(place))
        return _run([*command, *names], folder, environment, time_limit, output_limit)


def _run(
    command: Sequence[str], folder: str, environment: Mapping[str, str], time_limit: float, output_limit: int
) -> Outcome:
    # The caller may not change what is run: PATH and the loader's variables stay ours.
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
    """End the validator and all that it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
