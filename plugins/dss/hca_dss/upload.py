"""Uploads a directory as a bundle: stage its files in S3, register them, create the bundle."""

from __future__ import annotations

import mimetypes
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_base.errors import AuthError, ConfigError, HCAError, ServiceError, TimedOutError
from hca_base.output import Progress, note
from hca_base.transfer import Row, TransferOptions, UploadItem, upload
from hca_dss.staging import Staging
from hca_dss.upload_plan import SAVE_EVERY, LocalFile, Plan, local_files

if TYPE_CHECKING:
    from hca_dss.operations import DssOperations, Replica

#: Files to register concurrently. Registering waits until the service has copied the file.
REGISTERED_AT_ONCE = 8
#: Seconds between polls for a finished copy: the first pause, the longest, and the growth factor.
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.5, 60.0, 1.618
#: The service's names for the checksums of a staged object.
_TAGS = {f"hca-dss-{name}": f"{{{name}}}" for name in ("sha1", "sha256", "crc32c", "s3_etag")}


class Upload:
    """One upload; see :meth:`hca_dss.client.DSSClient.upload`."""

    def __init__(
        self,
        client: DssOperations,
        src_dir: Path | str,
        replica: Replica,
        staging_bucket: str | None,
        *,
        bundle_uuid: str | None,
        timeout: float,
        options: TransferOptions,
    ) -> None:
        self.client = client
        self.directory = Path(src_dir)
        self.replica = replica
        self.asked_uuid = bundle_uuid or None
        self.timeout = timeout
        self.options = options
        self.creator_uid = _creator_uid(client)
        self.staging = Staging(client.config, staging_bucket, replica)

    def run(self) -> dict[str, Any]:
        """Run the upload.

        :return: what hca 7 returned, and the command prints
        """
        files = local_files(self.directory)
        self._check_credentials()
        identity = [
            self.client.base_url,
            str(self.directory.resolve()),
            self.replica,
            self.staging.url,
            self.asked_uuid,
        ]
        with Plan(identity, files, self.asked_uuid) as plan:
            if plan.resumed:
                note(f"continuing the upload of bundle {plan.bundle_uuid}, version {plan.version}")
            plan.done = not self.options.dry_run
            self._stage(files, plan)
            if self.options.dry_run:
                return {}
            self._register(files, plan)
            version = self._bind(files, plan)
        return {
            "bundle_uuid": plan.bundle_uuid,
            "creator_uid": self.creator_uid,
            "replica": self.replica,
            "version": version,
            "files": [
                {
                    "name": file.name,
                    "version": plan.version,
                    "uuid": plan.uuids[file.name],
                    "creator_uid": self.creator_uid,
                }
                for file in files
            ],
        }

    def _check_credentials(self) -> None:
        # Before staging gigabytes for nothing. This also loads the service's document.
        for operation in map(self.client.operation, ("put_file", "put_bundle")):
            if operation.auth == "required" and not self.client.credentials.headers_for(self.client.base_url):
                raise AuthError(
                    "uploads require credentials, and none are stored",
                    hint="log in with 'hca dss login', or set GOOGLE_APPLICATION_CREDENTIALS or HCA_ACCESS_TOKEN",
                )

    # The three steps

    def _stage(self, files: list[LocalFile], plan: Plan) -> None:
        if not self.options.dry_run:
            plan.save()
        left = [file for file in files if file.name not in plan.registered | plan.staged]
        items = (
            UploadItem(
                file.path,
                self._key(file, plan),
                content_type=content_type(file.name),
                tags=_TAGS,
                tag=file.name,
            )
            for file in left
        )

        def done(item: UploadItem, row: Row) -> None:
            if row.outcome == "uploaded":
                plan.staged.add(item.tag)
                plan.save_now_and_then()

        report = upload(
            items,
            self.staging.target,
            options=self.options,
            session=self.client.session,
            on_result=done,
            expected=(len(left), sum(file.size for file in left)),
        )
        if self.options.dry_run:
            note(report.summary())
        report.raise_for_failures("uploaded")

    def _key(self, file: LocalFile, plan: Plan) -> str:
        return f"{self.staging.prefix}{plan.uuids[file.name]}/{file.path.name}"

    def _register(self, files: list[LocalFile], plan: Plan) -> None:
        """Have the service copy the staged objects, several concurrently; stop at the first failure."""
        left = [file for file in files if file.name not in plan.registered]
        with (
            Progress("register", files=len(left), mode=self.options.progress) as progress,
            ThreadPoolExecutor(REGISTERED_AT_ONCE, thread_name_prefix="hca-dss-put") as pool,
        ):
            stop = _Stop()
            futures = {}
            try:
                for file in left:
                    futures[pool.submit(self._register_one, file, plan, stop)] = file
                pending = set(futures)
                while pending:
                    done, pending = wait(pending, timeout=SAVE_EVERY, return_when=FIRST_EXCEPTION)
                    for future in done:
                        future.result()
                        name = futures[future].name
                        plan.registered.add(name)
                        with progress.task(name):
                            pass
                    plan.save_now_and_then()
            except BaseException:
                stop.now()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _register_one(self, file: LocalFile, plan: Plan, stop: _Stop) -> None:
        uuid = plan.uuids[file.name]
        try:
            with self.client.put_file.stream(
                uuid=uuid,
                version=plan.version,
                creator_uid=self.creator_uid,
                source_url=f"{self.staging.scheme}://{self.staging.bucket}/{self._key(file, plan)}",
            ) as response:
                accepted = response.status_code == 202
            if accepted:
                self._wait_for(file, uuid, plan.version, stop)
        except HCAError as error:
            if isinstance(error, ServiceError) and error.status not in (401, 403):
                # Stage it again next time: the object may have been deleted.
                plan.staged.discard(file.name)
            error.message = f"{file.name} was not registered: {error.message}"
            raise

    def _wait_for(self, file: LocalFile, uuid: str, version: str, stop: _Stop) -> None:
        """Wait for the copy of a large file, which the service makes after its response.

        :raises TimedOutError: the copy is not finished in time
        """
        deadline = time.monotonic() + self.timeout
        pause = FIRST_PAUSE
        while True:
            try:
                self.client.head_file(uuid=uuid, replica=self.replica, version=version)
                return
            except ServiceError as error:
                if error.status != 404:
                    raise
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimedOutError(
                    f"the service has not copied it within {self.timeout:g} s",
                    hint="run the same command again to continue waiting; --timeout-seconds sets the limit",
                )
            stop.sleep(min(pause, remaining))
            pause = min(LONGEST_PAUSE, pause * GROWTH)

    def _bind(self, files: list[LocalFile], plan: Plan) -> str:
        # Always in the same order: the service treats another order under the same version as a different bundle.
        answer = self.client.put_bundle(
            uuid=plan.bundle_uuid,
            version=plan.version,
            replica=self.replica,
            creator_uid=self.creator_uid,
            files=[
                {
                    "indexed": file.name.endswith(".json"),
                    "name": file.name,
                    "version": plan.version,
                    "uuid": plan.uuids[file.name],
                }
                for file in files
            ],
        )
        version = answer.get("version") if isinstance(answer, dict) else None
        if not isinstance(version, str):
            raise HCAError(f"the service's response for bundle {plan.bundle_uuid} lacks its version")
        return version


class _Stop:
    """Cancels the pauses of other threads when one of them fails."""

    def __init__(self) -> None:
        import threading

        self._event = threading.Event()

    def now(self) -> None:
        self._event.set()

    def sleep(self, seconds: float) -> None:
        """
        :raises HCAError: the upload was stopped
        """
        if self._event.wait(seconds):
            raise HCAError("the upload was stopped")


def _creator_uid(client: DssOperations) -> int:
    value = client.config.get("creator_uid", 0)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"creator_uid must be a whole number, not {value!r}", hint="hca config set creator_uid 0")
    return value


def content_type(name: str) -> str:
    """The media type of a file, by its name."""
    kind, encoding = mimetypes.guess_type(name)
    if encoding:
        # The type of the uncompressed content would be wrong for the compressed bytes.
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(
            encoding, "application/octet-stream"
        )
    return kind or "application/octet-stream"
