"""Waits until the service has processed uploaded files."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hca_base.errors import ExitCode, TimedOutError
from hca_base.output import Progress
from hca_upload.errors import UploadException

if TYPE_CHECKING:
    from hca_upload.uri import Area

#: Seconds between polls: the first pause, the longest, and the growth factor.
_FIRST, _LONGEST, _GROWTH = 0.2, 20.0, 1.5
#: Concurrent requests.
_ASKERS = 8
_NAMED = 5


def wait(area: Area, files: Iterable[str] | None, *, validated: bool, timeout: float, progress: str) -> dict[str, str]:
    """See :meth:`hca_upload.area.UploadArea.wait`."""
    names = list(files) if files is not None else [found["name"] for found in area.list()]
    left = list(dict.fromkeys(names))
    states = dict.fromkeys(left, "")
    # Once a file has its checksums, only its validation is polled.
    checksummed: set[str] = set()
    deadline = time.monotonic() + timeout
    pause = _FIRST

    def look(name: str) -> str:
        if name not in checksummed:
            word = area.checksum_word(name)
            if word != "CHECKSUMMED" or not validated:
                return word
            checksummed.add(name)
        return area.validation_word(name)

    label = "validate" if validated else "checksum"
    with Progress(label, files=len(left), mode=progress) as shown, ThreadPoolExecutor(_ASKERS) as askers:
        while left:
            still = []
            # In slices, so that the timeout applies however many files there are.
            for start in range(0, len(left), _ASKERS * 4):
                part = left[start : start + _ASKERS * 4]
                for name, state in zip(part, askers.map(look, part), strict=True):
                    states[name] = state
                    if _done(state, validated):
                        with shown.task(name):
                            pass
                    else:
                        still.append(name)
                if time.monotonic() > deadline:
                    still += left[start + len(part) :]
                    break
            left = still
            if not left:
                break
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise _late(left, states, timeout)
            time.sleep(min(pause, remaining))
            pause = min(_LONGEST, pause * _GROWTH)
    failed = sorted(name for name, state in states.items() if state == "FAILED")
    if failed:
        raise _failed(area, failed, len(states), checksummed)
    return states


def _done(state: str, validated: bool) -> bool:
    if state == "FAILED":
        return True
    # Without a validation there is nothing to wait for.
    return state in ("VALIDATED", "VALIDATION_UNSCHEDULED") if validated else state == "CHECKSUMMED"


def _late(left: list[str], states: dict[str, str], timeout: float) -> TimedOutError:
    shown = ", ".join(f"{name} is {states[name] or 'not checked yet'}" for name in left[:3])
    more = f" and {len(left) - 3} more" if len(left) > 3 else ""
    hint = "run the same command again to continue waiting; --timeout SECONDS sets the limit"
    if any(states[name] == "CHECKSUMMING_UNSCHEDULED" for name in left):
        hint = "run 'hca upload files' again: it notifies the service of files that are CHECKSUMMING_UNSCHEDULED"
    return TimedOutError(
        f"{len(left)} of {len(states)} files were not done within {timeout:g} s: {shown}{more}", hint=hint
    )


def _failed(area: Area, failed: list[str], total: int, checksummed: set[str]) -> UploadException:
    named = ", ".join(failed[:_NAMED]) + (f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else "")
    damaged = [name for name in failed if name not in checksummed]
    hints = []
    if damaged:
        hints.append(f"upload {shlex.quote(damaged[0])} again with --no-sync: it was damaged in transit")
    refused = next((name for name in failed if name in checksummed), None)
    if refused is not None:
        file = f"--upload-area-uuid {area.uuid} --filename {shlex.quote(refused)}"
        hints.append(f"run 'hca upload get-area-validate {file}' to see what the validator reported")
    return UploadException(
        f"{len(failed)} of {total} files failed: {named}",
        exit_code=ExitCode.VERIFICATION,
        hint="; ".join(hints),
    )
