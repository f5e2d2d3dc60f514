"""Uploading: files to the area's bucket, and word of each to the service."""

from __future__ import annotations

import mimetypes
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import Row, TransferOptions, UploadItem, checksum_file, upload

from .bucket import Found, objects, s3_client, telling
from .errors import NO_SUCH_FILE, NotReady, UploadApiException, UploadException
from .sources import SourceFile

if TYPE_CHECKING:
    from .area import UploadArea

#: Notifications that are under way at the same time.
_NOTIFIERS = 8
#: Bytes and number of objects that are fetched from another bucket before they are sent on.
_BATCH_BYTES, _BATCH_FILES = 1 << 30, 256
#: Failures that an error message names; the outcomes have them all.
_NAMED = 5
_ACL = "bucket-owner-full-control"


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    :ivar state: ``uploaded``, ``present`` (it was there already, with this content), ``would-upload`` or ``failed``
    :ivar error: one line, where it failed
    """

    path: str
    name: str
    size: int
    state: str
    error: str = ""

    @property
    def good(self) -> bool:
        """It is in the area, and the service knows."""
        return self.state in ("uploaded", "present")


class Sending:
    """One upload; see :meth:`hca_upload.area.UploadArea.upload_files`.

    :param files: what to upload; their names differ
    """

    def __init__(
        self,
        area: UploadArea,
        files: list[SourceFile],
        *,
        dcp_type: str = "data",
        accelerate: bool = True,
        sync: bool = True,
        options: TransferOptions | None = None,
    ) -> None:
        self.area = area
        self.files = files
        self.dcp_type = dcp_type
        self.sync = sync
        self.options = options or TransferOptions()
        self.outcomes: dict[str, Outcome] = {}
        self.codes: set[ExitCode] = set()
        self._target = area.target(accelerate)
        self._notices: list[tuple[SourceFile, str, Future[None]]] = []

    def run(self) -> list[Outcome]:
        """Do it; what failed is in the outcomes, and raises nothing."""
        self._check_folders()
        missing = self._missing()
        local = [file for file in missing if not file.remote]
        remote = [file for file in missing if file.remote]
        with ThreadPoolExecutor(_NOTIFIERS, thread_name_prefix="hca-upload-notify") as self._notifiers:
            try:
                self._send([(file, Path(file.path)) for file in local])
                for batch in _batches(remote):
                    self._send_on(batch)
            except BaseException:
                self._notifiers.shutdown(wait=False, cancel_futures=True)
                raise
            for file, state, future in self._notices:
                self._settle(file, state, future)
        return [self.outcomes[file.name] for file in self.files]

    def raise_for_failures(self) -> None:
        """
        :raises UploadException: files were not uploaded; it names each with the reason
        """
        failed = [outcome for outcome in self.outcomes.values() if outcome.state == "failed"]
        if failed:
            told = "; ".join(f"{outcome.path}: {outcome.error}" for outcome in failed[:_NAMED])
            more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
            raise UploadException(
                f"{len(failed)} of {len(self.files)} files were not uploaded: {told}{more}",
                exit_code=self.codes.pop() if len(self.codes) == 1 else ExitCode.FAILED,
                hint="run the same command again: what is there already is left out",
            )

    # What is there

    def _check_folders(self) -> None:
        """See whether the service takes names with folders in them, before anything is sent in vain.

        :raises UploadException: it does not
        """
        nested = next((file for file in self.files if "/" in file.name), None)
        if nested is None:
            return
        try:
            self.area.upload_service.api_client.file_info(self.area.uuid, nested.name)
        except NotReady:
            pass
        except UploadApiException as error:
            if error.title != NO_SUCH_FILE:
                raise UploadException(
                    f"this service takes no names with folders in them, such as {nested.name!r}",
                    exit_code=ExitCode.REFUSED,
                    hint="leave out --keep-paths",
                ) from None

    def _missing(self) -> list[SourceFile]:
        """The files that are not in the area with the same content."""
        if not self.sync or not self.files:
            return self.files
        there = {found.name: found for page in objects(self.area) for found in page}
        missing = []
        for file in self.files:
            found = there.get(file.name)
            if found is None or found.size != file.size or file.remote or not self._same(file, found):
                missing.append(file)
        return missing

    def _same(self, file: SourceFile, found: Found) -> bool:
        """Whether the object has the file's content. HEAD is denied to us: the listing and the service must do."""
        try:
            known = self.area.upload_service.api_client.checksum_status(self.area.uuid, file.name)
        except NotReady:
            known = {}
        except UploadApiException:
            return False
        own = checksum_file(file.path)
        checksums = known.get("checksums") or {}
        if checksums:
            if str(checksums.get("sha256", "")).lower() != own.sha256:
                return False
            self.outcomes[file.name] = Outcome(file.path, file.name, file.size, "present")
            return True
        if known.get("checksum_status") == "FAILED" or found.etag != own.s3_etag:
            return False
        # The bytes are there, but an earlier run ended before the service was told.
        if not self.options.dry_run:
            with ThreadPoolExecutor(1) as once:
                self._settle(file, "present", once.submit(self._notify, file))
        else:
            self.outcomes[file.name] = Outcome(file.path, file.name, file.size, "present")
        return True

    # Sending

    def _send(self, files: Iterable[tuple[SourceFile, Path]]) -> None:
        files = list(files)
        if not files:
            return
        items = (
            UploadItem(
                path,
                f"{self.area.uuid}/{file.name}",
                content_type=content_type(file.name, self.dcp_type),
                metadata={"crc32c": "{crc32c}"},
                acl=_ACL,
                tag=file,
            )
            for file, path in files
        )
        report = upload(
            items,
            self._target,
            options=self.options,
            session=self.area.upload_service.api_client.session,
            on_result=self._sent,
            expected=(len(files), sum(file.size for file, _ in files)),
        )
        self.codes.update(ExitCode(code) for code in report.codes)

    def _sent(self, item: UploadItem, row: Row) -> None:
        file: SourceFile = item.tag
        if row.outcome == "uploaded":
            # In another thread: the engine must not wait for the service.
            self._notices.append((file, "uploaded", self._notifiers.submit(self._notify, file)))
        else:
            state = row.outcome if row.outcome == "would-upload" else "failed"
            self.outcomes[file.name] = Outcome(file.path, file.name, file.size, state, row.error)

    def _notify(self, file: SourceFile) -> None:
        self.area.upload_service.api_client.file_upload_notification(self.area.uuid, file.name)

    def _settle(self, file: SourceFile, state: str, notice: Future[None]) -> None:
        try:
            notice.result()
        except HCAError as error:
            message = f"it is in the bucket, but the service could not be told: {error.message}"
            self.codes.add(error.exit_code)
            self.outcomes[file.name] = Outcome(file.path, file.name, file.size, "failed", message)
        else:
            self.outcomes[file.name] = Outcome(file.path, file.name, file.size, state)

    # From another bucket

    def _send_on(self, batch: list[SourceFile]) -> None:
        """Fetch objects with the user's own credentials, and send them on; the area's reach no other bucket."""
        if self.options.dry_run:
            for file in batch:
                self.outcomes[file.name] = Outcome(file.path, file.name, file.size, "would-upload")
            return
        with tempfile.TemporaryDirectory(prefix="hca-upload-") as folder:
            if shutil.disk_usage(folder).free < sum(file.size for file in batch) + self.options.disk_reserve:
                raise UploadException(f"there is too little room in {folder} for objects that are on their way")
            fetched = []
            client = s3_client(self.area.upload_service.settings.config)
            for number, file in enumerate(batch):
                bucket, _, key = file.path.removeprefix("s3://").partition("/")
                place = Path(folder, str(number))
                try:
                    with telling(f"cannot fetch {file.path}"):
                        client.download_file(bucket, key, str(place))
                    if place.stat().st_size != file.size:
                        raise UploadException("the object changed while it was fetched")
                except HCAError as error:
                    self.codes.add(error.exit_code)
                    self.outcomes[file.name] = Outcome(file.path, file.name, file.size, "failed", error.message)
                else:
                    fetched.append((file, place))
            self._send(fetched)


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


def content_type(name: str, dcp_type: str) -> str:
    """The media type of a file by its name, with what it is to the platform."""
    kind, encoding = mimetypes.guess_type(name)
    if encoding == "gzip":
        kind = "application/gzip"
    elif encoding:
        kind = None
    return f"{kind or 'application/octet-stream'}; dcp-type={dcp_type}"
