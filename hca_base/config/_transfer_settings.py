"""A table of the transfer settings, used by the schema, the command line and the engine.

The table is here because the engine (``hca_base.transfer``) is in a higher layer; a test compares it with the fields
of ``TransferOptions``.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class TransferSetting(NamedTuple):
    """One setting of the section ``transfer``.

    :param kind: text, path, truth, choice, seconds, bytes, whole, rate or connections
    :param summary: one line: what the value means, for the schema and for help
    :param minimum: smallest value of a whole number
    :param choices: the values of a choice
    :param edit: include it in a user's first configuration file
    :param default: used if nothing is set; None for none, or for one that is chosen automatically
    """

    kind: str
    summary: str
    minimum: int = 0
    choices: tuple[str, ...] = ()
    edit: bool = False
    default: Any = None

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the setting."""
        found: dict[str, Any] = {"description": self.summary, **_TYPES[self.kind]}
        if self.kind == "choice":
            found["enum"] = list(self.choices)
        elif self.kind in ("whole", "connections"):
            found["minimum"] = self.minimum
        if self.default is not None:
            found["default"] = self.default
        if self.edit:
            found["x-edit"] = True
        return found


_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "path": {"type": "string"},
    "truth": {"type": "boolean"},
    "choice": {},
    "seconds": {"type": "number", "minimum": 0},
    "bytes": {"type": "integer", "minimum": 0},
    "whole": {"type": "integer"},
    "rate": {"type": ["string", "number"]},
    "connections": {"type": "integer"},
}

#: By name. ``dry_run`` is a field of ``TransferOptions`` but not a setting: a dry run is always requested explicitly.
TRANSFER_SETTINGS: dict[str, TransferSetting] = {
    "connections": TransferSetting(
        "connections", "Number of connections to use (default: chosen automatically)", 1, edit=True
    ),
    "limit_rate": TransferSetting(
        "rate", "Maximum bytes per second for all connections together, such as 500k or 20M", edit=True
    ),
    "filestore": TransferSetting("path", "Directory of the filestore, which keeps downloaded files", edit=True),
    "executor": TransferSetting("text", "Where transfers run: threads, or dask://HOST:PORT"),
    "link": TransferSetting(
        "choice", "How downloaded files link to the filestore", choices=("hard", "copy", "symlink"), default="hard"
    ),
    "names": TransferSetting(
        "choice",
        "Which file names are refused: those that some system cannot hold, or this one",
        choices=("portable", "native"),
        default="portable",
    ),
    "tags": TransferSetting(
        "choice",
        "How to tag uploaded objects: with a separate, verified request if needed, or only with the upload itself",
        choices=("auto", "put"),
        default="auto",
    ),
    "verify": TransferSetting("truth", "Verify the checksum of each file", default=True),
    "retries": TransferSetting("whole", "Give up on a file after this many retries without progress", default=10),
    "min_delay": TransferSetting(
        "seconds", "Seconds before the first retry; the delay doubles with each retry", default=0.25
    ),
    "fail_fast": TransferSetting("truth", "Stop at the first file that fails", default=False),
    "fsync": TransferSetting("truth", "Sync each file to disk before moving it into place", default=False),
    "fast": TransferSetting("truth", "Use libcurl if it is installed", default=True),
    "progress": TransferSetting("choice", "How to show progress", choices=("auto", "none", "jsonl"), default="auto"),
    "report": TransferSetting("path", "Write a report of each transfer to this file"),
    "connect_timeout": TransferSetting("seconds", "Seconds to wait for a connection", default=15),
    "stall_timeout": TransferSetting("seconds", "Close a connection after this many seconds without data", default=60),
    "min_rate": TransferSetting(
        "bytes", "Close a connection slower than this many bytes per second over 30 s; 0 for no minimum", default=1024
    ),
    "patience": TransferSetting(
        "seconds", "Give up on a host for the rest of the run after this many seconds without a response", default=30
    ),
    "wait_budget": TransferSetting("seconds", "Maximum seconds that one file may wait for its server", default=3600),
    "disk_reserve": TransferSetting("bytes", "Bytes of disk space to leave free", default=16 * 2**20),
    "proxy": TransferSetting("text", "URL of the proxy for transfers"),
    "ca_bundle": TransferSetting("text", "File of CA certificates to trust"),
    "user_agent": TransferSetting("text", "Value of the User-Agent header"),
}


def transfer_section() -> dict[str, Any]:
    """Return the JSON schema of the section ``transfer``."""
    properties = {name: setting.schema() for name, setting in TRANSFER_SETTINGS.items()}
    return {"description": "Downloads and uploads", "type": "object", "properties": properties}
