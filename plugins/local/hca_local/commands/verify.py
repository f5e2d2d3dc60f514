"""``hca local verify``."""

from __future__ import annotations

import argparse
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.commands import Command
from hca_base.errors import HCAError, NotFoundError, VerificationError
from hca_local.commands.base import add_data_dir, chosen_data_dir

if TYPE_CHECKING:
    from hca_local.store import Store

#: Where blobs are referenced: a query for each kind of reference, and how its rows are shown.
_USERS = (
    ("SELECT bucket, key FROM s3_objects WHERE sha256 = ? ORDER BY bucket, key LIMIT ?", "s3://{bucket}/{key}"),
    (
        "SELECT replica, uuid, version FROM dss_files WHERE sha256 = ? ORDER BY replica, uuid, version LIMIT ?",
        "{replica} file {uuid}.{version}",
    ),
)
_MOST_USERS = 20


class Verify(Command):
    """Check all content that the embedded deployment stores against its checksums.

    Damaged content is moved to the folder quarantine of the data directory, and requests for it fail until the same
    content is uploaded again. The exit code is 7 if anything is damaged. The deployment can be running.
    """

    output = True
    default_format = "table"
    example = "local verify"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_data_dir(parser)
        parser.add_argument("--dry-run", action="store_true", help="only report damaged content, without moving it")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        from hca_local.store import Store, StoreError, verifying

        data_dir = chosen_data_dir(parsed_args)
        if not (data_dir / "store.sqlite").exists():
            raise NotFoundError(f"{data_dir} contains no deployment", hint="create one with: hca local start")
        try:
            with Store(data_dir) as store:
                problem = verifying.integrity_problem(store)
                if problem is not None:
                    raise StoreError(f"the database {store.path} is damaged: {problem}")
                checked = 0
                rows = []
                for damage in verifying.verify(store, store.blobs, repair=not parsed_args.dry_run):
                    checked += 1
                    if damage is not None:
                        rows.append(_row(store, damage.sha256, damage.size, damage.problem, damage.moved_to))
                rows += [
                    _row(store, name, None, "nothing is stored under this name", None)
                    for name in verifying.missing(store)
                ]
        except sqlite3.DatabaseError as error:
            raise HCAError(f"the database of {data_dir} cannot be read: {error}") from error
        if rows:
            self.emit(rows, parsed_args)
            what = "content is" if len(rows) == 1 else "contents are"
            raise VerificationError(
                f"{len(rows)} of {checked} stored {what} damaged",
                hint="put the same files again to repair them",
            )
        self.note(f"verified {checked} stored {'content' if checked == 1 else 'contents'}: none damaged")


def _row(store: Store, sha256: str, size: int | None, problem: str, moved_to: Path | None) -> dict[str, Any]:
    return {
        "sha256": sha256,
        "size": size,
        "problem": problem,
        "used_by": list(_users(store, sha256)),
        "moved_to": str(moved_to) if moved_to else None,
    }


def _users(store: Store, sha256: str) -> Iterator[str]:
    with store.read() as db:
        for query, shape in _USERS:
            for row in db.execute(query, (sha256, _MOST_USERS)):
                yield shape.format_map(dict(row))
