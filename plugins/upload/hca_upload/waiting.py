"""Waiting for what the service does with files after they were uploaded."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hca_base.errors import ExitCode, TimedOutError
from hca_base.output import Progress

from .errors import UploadException

if TYPE_CHECKING:
    from .area import UploadArea

#: Seconds between looks: the first pause, the longest, and how it grows.
_FIRST, _LONGEST, _GROWTH = 0.2, 20.0, 1.5
_CHECKSUMMED = frozenset({"CHECKSUMMED", "VALIDATION_UNSCHEDULED", "VALIDATION_SCHEDULED", "SCHEDULING_QUEUED"}) | {
    "VALIDATING",
    "VALIDATED",
}


def wait(
    area: UploadArea, files: Iterable[str] | None, *, validated: bool, timeout: float, progress: str
) -> dict[str, str]:
    """See :meth:`hca_upload.area.UploadArea.wait`."""
    names = list(files) if files is not None else [found["name"] for found in area.list()]
    states: dict[str, str] = {}
    left = list(dict.fromkeys(names))
    deadline = time.monotonic() + timeout
    pause = _FIRST
    with Progress("validate" if validated else "checksum", files=len(left), mode=progress) as shown:
        while left:
            still = []
            for name in left:
                states[name] = area.status(name)
                if _done(states[name], validated):
                    with shown.task(name):
                        pass
                else:
                    still.append(name)
            left = still
            if not left:
                break
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                counts = ", ".join(f"{name} is {states[name]}" for name in left[:3])
                more = f" and {len(left) - 3} more" if len(left) > 3 else ""
                raise TimedOutError(
                    f"{len(left)} of {len(names)} files were not done within {timeout:g} s: {counts}{more}",
                    hint="run the same command again to go on waiting; --timeout sets for how long",
                )
            time.sleep(min(pause, remaining))
            pause = min(_LONGEST, pause * _GROWTH)
    failed = sorted(name for name, state in states.items() if state == "FAILED")
    if failed:
        names_shown = ", ".join(failed[:5]) + (f" and {len(failed) - 5} more" if len(failed) > 5 else "")
        raise UploadException(
            f"{len(failed)} of {len(names)} files failed: {names_shown}",
            exit_code=ExitCode.VERIFICATION,
            hint="'hca upload list -l' shows what the service knows of each; upload those without checksums again",
        )
    return states


def _done(state: str, validated: bool) -> bool:
    if state == "FAILED":
        return True
    # A file that nobody had validated has nothing to wait for.
    return state in ("VALIDATED", "VALIDATION_UNSCHEDULED") if validated else state in _CHECKSUMMED
