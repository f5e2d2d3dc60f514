"""``hca transfer``: maintain filestores."""

from __future__ import annotations

import argparse
import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.commands._bases._base import Command
from hca_base.commands._bases._confirm import confirm
from hca_base.errors import HCAError, NotFoundError, UsageError, VerificationError

if TYPE_CHECKING:
    from hca_base.transfer import FileStore

#: Files younger than this (seconds) may belong to a running download, and are not removed.
_YOUNG = 3600.0
#: Maximum files and bytes per batch, and concurrent batches.
_BATCH_FILES, _BATCH_BYTES, _BATCHES_AHEAD = 64, 8 * 1024 * 1024, 16


def _store(directory: Path) -> FileStore:
    """Return the filestore of a download directory.

    :raises NotFoundError: there is none
    """
    from hca_base.transfer import FileStore

    if not (directory / ".hca" / "v2" / "files_2_4").is_dir():
        raise NotFoundError(f"no filestore in {directory}", hint="name the directory that files were downloaded to")
    return FileStore(directory)


class TransferVerify(Command):
    """Verify the files of a filestore.

    Reads each file in DIR/.hca and compares its sha256 with its name. A file that differs is moved to
    DIR/.hca/v2/quarantine, so that the next download fetches it again. Hard links to it outside the filestore keep the
    wrong content; hca counts them. The exit code is 7 if a file differs.
    """

    output = True
    example = "transfer verify downloads"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("directory", type=Path, metavar="DIR", help="the download directory, which holds .hca")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write the outcome of each file (TSV or .json)")
        parser.add_argument("--no-progress", action="store_true", help="show no progress")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.output import Progress
        from hca_base.transfer import Report, Row, check_report

        if parsed_args.report:
            # Fail before reading, which may take hours.
            check_report(parsed_args.report)
        store = _store(parsed_args.directory)
        report = Report()
        started = time.monotonic()
        linked = 0
        mode = "none" if parsed_args.no_progress else self.context.progress or "auto"
        with Progress("verify", mode=mode) as progress:
            for sha256, status, good in _verified(store):
                path = store.path_of(sha256)
                error = None if good else VerificationError(f"{path} does not match its name; it was quarantined")
                linked += 0 if good else status.st_nlink - 1
                if error is None:
                    row = Row.success(sha256, "present", status.st_size, path, checksum=sha256)
                else:
                    row = Row.failure(sha256, "mismatch", error, size=status.st_size, path=path, checksum=sha256)
                report.add(row, error)
                if progress.mode != "none":
                    with progress.task(sha256, status.st_size) as task:
                        task.advance(status.st_size)
        report.seconds = time.monotonic() - started
        if parsed_args.report:
            report.write(parsed_args.report)
        if not report.ok:
            names = f"; {linked} name(s) elsewhere still link to the damaged content: remove them" if linked else ""
            raise VerificationError(
                f"{report.failures:,} of {report.files:,} files differ from their checksum; the first: "
                f"{report.failed[0].name}{names}",
                hint="download them again; the damaged ones are in .hca/v2/quarantine",
            )
        return {"files": report.files, "bytes": report.bytes, "damaged": 0}


def _verified(store: FileStore) -> Iterator[tuple[str, os.stat_result, bool]]:
    """Yield every file of the store, and whether it matches its name; several are read concurrently.

    Small files are passed to threads in batches, because passing a single one takes longer than reading it.
    """

    def verify(batch: list[tuple[str, os.stat_result]]) -> list[tuple[str, os.stat_result, bool]]:
        return [(sha256, status, store.verify(sha256, status)) for sha256, status in batch]

    waiting: deque[Future[list[tuple[str, os.stat_result, bool]]]] = deque()
    with ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="hca-verify") as pool:
        try:
            for batch in _batches(store):
                waiting.append(pool.submit(verify, batch))
                if len(waiting) >= _BATCHES_AHEAD:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _batches(store: FileStore) -> Iterator[list[tuple[str, os.stat_result]]]:
    """Yield the files of a store in batches of limited number and size."""
    batch: list[tuple[str, os.stat_result]] = []
    size = 0
    for sha256, status in store:
        batch.append((sha256, status))
        size += status.st_size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class TransferGc(Command):
    """Delete unreferenced files from a filestore.

    Removes files in DIR/.hca that have no hard links elsewhere, after asking. Keeps files from the last hour, which a
    download may be about to link, and the partial files of running downloads.

    Symbolic links (--link symlink) are looked for where hca made them. If hca cannot tell whether a file is in use (its
    link was renamed, moved or deleted, or is on a disk that is not mounted; or download-manifest --layout none stored
    the file only in the filestore), it removes nothing and exits with code 5, unless you pass --yes --assume-unlinked.
    """

    output = True
    example = "transfer gc downloads"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("directory", type=Path, metavar="DIR", help="the download directory, which holds .hca")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--dry-run", action="store_true", help="show what would be removed, and remove nothing")
        parser.add_argument(
            "--all-ages", action="store_true", help="also remove recent files; make sure that no download is running"
        )
        parser.add_argument(
            "--assume-unlinked",
            action="store_true",
            help="with --yes, also remove files that may be in use",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from hca_base.output import counted
        from hca_base.transfer import human_bytes

        assume = bool(parsed_args.assume_unlinked)
        if assume and not (parsed_args.yes or parsed_args.dry_run):
            raise UsageError("--assume-unlinked needs --yes", hint="add --yes, or --dry-run to look first")

        store = _store(parsed_args.directory)
        older_than = 0.0 if parsed_args.all_ages else time.time() - _YOUNG
        files = size = 0
        for _, status in store.unreferenced(older_than, assume_unlinked=assume):
            files, size = files + 1, size + status.st_size
        left = store.leftovers(older_than)
        found = {"files": files, "bytes": size, "unfinished_files": len(left)}
        if parsed_args.dry_run or not (files or left):
            return {**found, "removed": False}
        shown = f"{counted(files, 'unreferenced file')} ({human_bytes(size)}) and {len(left)} unfinished ones"
        confirm(f"Remove {shown} from {parsed_args.directory}?", yes=parsed_args.yes)
        try:
            for sha256, _ in store.unreferenced(older_than, assume_unlinked=assume):
                store.discard(sha256)
            store.remove_leftovers(older_than)
        except OSError as error:
            raise HCAError(f"cannot remove {error.filename}: {error.strerror}") from error
        return {**found, "removed": True}
