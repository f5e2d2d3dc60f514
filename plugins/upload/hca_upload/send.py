"""Uploads files to the area's bucket, and notifies the service of each."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hca_base.errors import ExitCode, HCAError
from hca_base.output import safe_text, with_subject
from hca_base.transfer import Report, Row, TransferOptions, UploadItem, check_report, checksum_file, upload
from hca_upload.bucket import Found, objects, source_client, telling
from hca_upload.errors import NO_SUCH_FILE, NotReady, UploadApiException, UploadException
from hca_upload.media_type import content_type
from hca_upload.sources import SourceFile

if TYPE_CHECKING:
    from hca_upload.uri import Area

#: Concurrent requests to the service.
_ASKERS = 8
#: Bytes and number of objects to download from another bucket before uploading them.
_BATCH_BYTES, _BATCH_FILES = 1 << 30, 256
#: Most failures to name in an error message; the outcomes have all of them.
_NAMED = 5
#: The service's message for an unknown area.
_NO_SUCH_AREA = "Upload Area Not Found"
_ACL = "bucket-owner-full-control"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one file.

    :ivar state: ``uploaded``, ``present`` (the area already has it, with this content), ``would-upload`` or ``failed``
    :ivar error: one line, if it failed
    """

    path: str
    name: str
    size: int
    state: str
    error: str = ""

    @property
    def shown(self) -> str:
        """``path`` as one line without terminal control characters: bucket keys are untrusted."""
        return safe_text(self.path.encode("utf-8", "backslashreplace").decode(), one_line=True)

    @property
    def good(self) -> bool:
        """It is in the area, and the service was notified."""
        return self.state in ("uploaded", "present")


class Sending:
    """One upload; see :meth:`hca_upload.area.UploadArea.upload_files`.

    :param files: the files, with unique names
    :param on_outcome: called with each file's outcome as soon as it is known, never concurrently
    """

    def __init__(
        self,
        area: Area,
        files: list[SourceFile],
        *,
        dcp_type: str = "data",
        accelerate: bool = True,
        sync: bool = True,
        options: TransferOptions | None = None,
        on_outcome: Callable[[Outcome], None] | None = None,
    ) -> None:
        self.area = area
        self.files = files
        self.dcp_type = dcp_type
        self.sync = sync
        self.report = Report()
        self._report_path = None if options is None else options.report
        # The report is ours: it also contains the files that are present already.
        self.options = replace(options, report=None) if options is not None else TransferOptions()
        self.outcomes: dict[str, Outcome] = {}
        self.codes: set[ExitCode] = set()
        self._on_outcome = on_outcome
        self._rows: dict[str, Row] = {}
        self._lock = threading.Lock()
        self._api = area.upload_service.api_client
        self._target = area.target(accelerate)

    def run(self) -> list[Outcome]:
        """Upload the files; failures are in the outcomes, and raise no exception.

        The report is written in any case.
        """
        check_report(self._report_path)
        started = time.monotonic()
        try:
            return self._run()
        finally:
            self.report.seconds = time.monotonic() - started
            if self._report_path is not None:
                for row in self._reported():
                    self.report.add(row)
                self.report.write(self._report_path)

    def _reported(self) -> Iterator[Row]:
        """One row for each file; unprocessed ones are cancelled."""
        for file in self.files:
            outcome = self.outcomes.get(file.name)
            if outcome is None:
                yield Row.failure(file.path, "cancelled", "the run ended before this file's turn", size=file.size)
                continue
            row = self._rows.get(file.name) or Row.success(file.path, outcome.state, file.size, file.path)
            # The engine's row may say done although the service was not notified; objects come from a temporary copy.
            kept = row.outcome if row.outcome == "mismatch" else outcome.state
            yield row._replace(name=file.path, outcome=kept, error=outcome.error)

    def _run(self) -> list[Outcome]:
        self._check_folders()
        with ThreadPoolExecutor(_ASKERS, thread_name_prefix="hca-upload") as self._askers:
            try:
                missing = self._missing()
                self._send([(file, Path(file.path)) for file in missing if not file.remote])
                for batch in _batches([file for file in missing if file.remote]):
                    if not self._ended:
                        self._send_on(batch)
            except BaseException:
                # The results are no longer needed, and retries even less.
                self._askers.shutdown(wait=False, cancel_futures=True)
                self._api.interrupt()
                raise
        for file in self.files:
            if file.name not in self.outcomes:
                self._note(file, "failed", "not tried, because another file failed")
        return [self.outcomes[file.name] for file in self.files]

    @property
    def failed(self) -> list[Outcome]:
        """The files that were not uploaded."""
        return [outcome for outcome in self.outcomes.values() if outcome.state == "failed"]

    def raise_for_failures(self, reasons: bool = True) -> None:
        """
        :param reasons: include the first failed files, with the reasons
        :raises UploadException: files were not uploaded
        """
        failed = self.failed
        if failed:
            told = "; ".join(with_subject(outcome.path, outcome.error) for outcome in failed[:_NAMED])
            more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
            raise UploadException(
                f"{len(failed)} of {len(self.files)} files were not uploaded" + (f": {told}{more}" if reasons else ""),
                exit_code=next(iter(self.codes)) if len(self.codes) == 1 else ExitCode.FAILED,
                hint="run the same command again: files that are already in the area are skipped",
            )

    @property
    def _ended(self) -> bool:
        return self.options.fail_fast and bool(self.failed)

    def _note(self, file: SourceFile, state: str, error: str | HCAError = "") -> None:
        if isinstance(error, HCAError):
            self.codes.add(error.exit_code)
            error = error.message
        outcome = Outcome(file.path, file.name, file.size, state, error)
        with self._lock:
            self.outcomes[file.name] = outcome
            if self._on_outcome is not None:
                self._on_outcome(outcome)

    # Existing files

    def _check_folders(self) -> None:
        """Check whether the service supports names with folders, before uploading anything.

        :raises UploadException: it does not
        :raises UploadApiException: it does not tell
        """
        nested = next((file for file in self.files if "/" in file.name), None)
        if nested is None:
            return
        try:
            self._api.file_info(self.area.uuid, nested.name)
        except NotReady:
            pass
        except UploadApiException as error:
            if error.title == _NO_SUCH_AREA or error.status in (401, 429) or error.status >= 500:
                # That is not about the name.
                raise
            if error.title != NO_SUCH_FILE:
                raise UploadException(
                    f"this service does not support names with folders, such as {nested.name!r}",
                    exit_code=ExitCode.REFUSED,
                    hint=self._hint_for_folders(nested),
                ) from None

    @staticmethod
    def _hint_for_folders(file: SourceFile) -> str:
        """The hint for a name with a folder, depending on the option that caused it."""
        if file.path.replace(os.sep, "/").endswith(f"/{file.name}"):
            return "leave out --keep-paths"
        return f"choose a name without '/': --target-filename {file.name.rpartition('/')[2]}"

    def _missing(self) -> list[SourceFile]:
        """The files that the area does not have with the same content."""
        if not self.sync or not self.files:
            return self.files
        there = {found.name: found for page in objects(self.area) for found in page}

        def missing(file: SourceFile) -> bool:
            found = there.get(file.name)
            return found is None or found.size != file.size or not self._same(file, found)

        return [file for file, sought in zip(self.files, self._askers.map(missing, self.files), strict=True) if sought]

    def _same(self, file: SourceFile, found: Found) -> bool:
        """Whether the object has the file's content, and the service knows it or was notified now.

        The credentials do not allow HEAD: the listing and the service's metadata must do.
        """
        if file.remote:
            etag, sha256 = file.etag, ""
        else:
            try:
                own = checksum_file(file.path)
            except (OSError, HCAError):
                # The upload will report the error.
                return False
            etag, sha256 = own.s3_etag, own.sha256
        try:
            known = self._api.checksum_status(self.area.uuid, file.name)
        except NotReady:
            known = {}
        except UploadApiException:
            return False
        checksums = known.get("checksums") or {}
        if checksums:
            name, value = ("sha256", sha256) if sha256 else ("s3_etag", etag)
            if str(checksums.get(name, "")).lower() != value:
                return False
        elif known.get("checksum_status") == "FAILED" or found.etag != etag:
            return False
        elif not self.options.dry_run:
            # The object exists, but an earlier run ended before it notified the service.
            self._notify(file, "present")
            return True
        self._note(file, "present")
        return True

    # Uploading

    def _send(self, files: list[tuple[SourceFile, Path]]) -> None:
        if not files:
            return
        report = upload(
            self._items(files),
            self._target,
            options=self.options,
            session=self._api.session,
            on_result=self._sent,
            expected=(len(files), sum(file.size for file, _ in files)),
        )
        self.codes.update(ExitCode(code) for code in report.codes)

    def _items(self, files: Iterable[tuple[SourceFile, Path]]) -> Iterator[UploadItem]:
        for file, path in files:
            yield UploadItem(
                path,
                f"{self.area.uuid}/{file.name}",
                content_type=content_type(file.name, path, self.dcp_type),
                metadata={"crc32c": "{crc32c}"},
                acl=_ACL,
                tag=file,
            )

    def _sent(self, item: UploadItem, row: Row) -> None:
        file: SourceFile = item.tag
        self._rows[file.name] = row
        if row.outcome == "uploaded":
            # In another thread, so that the engine does not wait for the service.
            self._askers.submit(self._notify, file, "uploaded")
        else:
            self._note(file, row.outcome if row.outcome == "would-upload" else "failed", row.error)

    def _notify(self, file: SourceFile, state: str) -> None:
        try:
            self._api.file_upload_notification(self.area.uuid, file.name)
        except HCAError as error:
            self.codes.add(error.exit_code)
            self._note(file, "failed", f"it is in the bucket, but the service could not be notified: {error.message}")
        else:
            self._note(file, state)

    # From another bucket

    def _send_on(self, batch: list[SourceFile]) -> None:
        """Download objects with the user's own credentials, then upload them: the area's cannot read other buckets."""
        if self.options.dry_run:
            for file in batch:
                self._note(file, "would-upload")
            return
        with tempfile.TemporaryDirectory(prefix="hca-upload-") as folder:
            if shutil.disk_usage(folder).free < sum(file.size for file in batch) + self.options.disk_reserve:
                error = HCAError(f"not enough space in {folder} for temporary copies of objects")
                for file in batch:
                    self._note(file, "failed", error)
                return
            client = source_client(self.area.upload_service.settings.config)

            def fetch(number: int, file: SourceFile) -> tuple[SourceFile, Path] | None:
                bucket, _, key = file.path.removeprefix("s3://").partition("/")
                place = Path(folder, str(number))
                try:
                    with telling(f"cannot fetch {file.path}"):
                        client.download_file(bucket, key, str(place))
                    if place.stat().st_size != file.size:
                        raise UploadException("the object changed while it was being downloaded")
                except OSError as error:
                    self._note(file, "failed", HCAError(f"it cannot be stored in {folder}: {error.strerror}"))
                except HCAError as error:
                    self._note(file, "failed", error)
                else:
                    return file, place
                return None

            fetched = self._askers.map(fetch, range(len(batch)), batch)
            self._send([each for each in fetched if each is not None])


def _batches(files: list[SourceFile]) -> Iterator[list[SourceFile]]:
    batch: list[SourceFile] = []
    size = 0
    for file in files:
        if batch and (size + file.size > _BATCH_BYTES or len(batch) >= _BATCH_FILES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch
