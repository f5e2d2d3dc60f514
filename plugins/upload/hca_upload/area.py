"""An upload area and its operations."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hca_upload.errors import NotReady, UploadApiException, UploadException
from hca_upload.uri import Deployment, UploadAreaURI

if TYPE_CHECKING:
    from pathlib import Path

    from hca_base.output import RecordStream
    from hca_base.transfer import S3Target, TransferOptions
    from hca_upload.send import Outcome

#: Files per request for their metadata.
_DESCRIBED_AT_ONCE = 100


class UploadArea:
    """An upload area. Creating this object does not create the area.

    :param uri: URI of the area
    :param upload_service: the deployment that it belongs to
    :raises UploadException: ``uri`` is not an :class:`UploadAreaURI`
    """

    def __init__(self, uri: UploadAreaURI, upload_service: Deployment) -> None:
        if not isinstance(uri, UploadAreaURI):
            raise UploadException("You must provide an UploadAreaURI")
        self.uri = uri
        self.upload_service = upload_service

    def __str__(self) -> str:
        return f"UploadArea {self.uri}"

    def __repr__(self) -> str:
        return f"<{self}>"

    @property
    def deployment_stage(self) -> str:
        """Stage of the deployment, from the URI."""
        return self.uri.deployment_stage

    @property
    def uuid(self) -> str:
        """UUID of the area."""
        return self.uri.area_uuid

    @property
    def _api(self) -> Any:
        return self.upload_service.api_client

    # The area

    def exists(self) -> bool:
        """Whether the service has this area."""
        return bool(self._api.area_exists(self.uuid))

    def delete(self) -> bool:
        """Request the deletion of the area and all its files, which happens later; return True.

        :raises UploadApiException: the service refused
        """
        return bool(self._api.delete_area(self.uuid))

    def get_credentials(self) -> dict[str, str]:
        """Return credentials for writing to this area for an hour, with the names that boto3 uses, and ``expiry_time``.

        :raises UploadApiException: the area does not exist, or it is locked
        """
        lent = self._api.credentials(self.uuid)
        return {
            "aws_access_key_id": lent["AccessKeyId"],
            "aws_secret_access_key": lent["SecretAccessKey"],
            "aws_session_token": lent["SessionToken"],
            "expiry_time": lent["Expiration"],
        }

    def target(self, accelerate: bool = False) -> S3Target:
        """Return the area's bucket, with credentials that are renewed shortly before they expire.

        :param accelerate: use S3 Transfer Acceleration, if the bucket is on AWS
        """
        import datetime

        from hca_base.transfer import S3Credentials, S3Target
        from hca_upload.bucket import area_endpoint

        def borrow() -> S3Credentials:
            lent = self._api.credentials(self.uuid)
            expires = datetime.datetime.fromisoformat(lent["Expiration"].replace("Z", "+00:00")).timestamp()
            return S3Credentials(lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"], expires)

        config = self.upload_service.settings.config
        return S3Target(
            self.uri.bucket_name,
            endpoint_url=area_endpoint(config),
            region=config.get("s3.region"),
            credentials=borrow,
            accelerate=accelerate and config.get("s3.acceleration", True) is not False,
        )

    # Files

    def list(self, detail: bool = False) -> RecordStream:
        """List the files in the area's bucket.

        :param detail: also return size, URL, type and, once they are known, checksums
        :return: for each file an object with at least its ``name``
        """
        from hca_base.output import RecordStream

        return RecordStream(self._listed(detail))

    def _listed(self, detail: bool) -> Iterator[dict[str, Any]]:
        from hca_upload.bucket import objects

        for page in objects(self):
            if not detail:
                yield from ({"name": found.name} for found in page)
                continue
            for start in range(0, len(page), _DESCRIBED_AT_ONCE):
                part = page[start : start + _DESCRIBED_AT_ONCE]
                names = [found.name for found in part]
                try:
                    infos = self._api.files_info(self.uuid, names)
                except UploadApiException:
                    # One file without checksums, or with a name that the service fails on, makes the whole list fail.
                    infos = []
                if [info.get("name") for info in infos] == names:
                    yield from infos
                else:
                    # All objects in the bucket are listed, even if the service does not know them by that name.
                    yield from (self._described(found) for found in part)

    def _described(self, found: Any) -> dict[str, Any]:
        try:
            info: dict[str, Any] = self._api.file_info(self.uuid, found.name)
        except UploadApiException:
            info = {"size": found.size, "url": f"{self.uri}{found.name}"}
        return {**info, "name": found.name}

    def store_file(self, filename: str, file_content: str | bytes, content_type: str) -> dict[str, Any]:
        """Store a small file through the service.

        :param content_type: media type with its ``dcp-type``: ``application/json; dcp-type="metadata/sample"``
        :return: the service's record of the file
        :raises UploadException: the name is not valid
        :raises UploadApiException: the service refused
        """
        from hca_upload.sources import check_name

        check_name(filename, filename)
        answer: dict[str, Any] = self._api.store_file(self.uuid, filename, file_content, content_type)
        return answer

    def upload_files(
        self,
        file_paths: Iterable[str | Path],
        file_size_sum: int = 0,
        dcp_type: str = "data",
        target_filename: str | None = None,
        use_transfer_acceleration: bool = True,
        report_progress: bool = False,
        sync: bool = True,
        *,
        file_extension: str | None = None,
        keep_paths: bool = False,
        options: TransferOptions | None = None,
    ) -> builtins.list[Outcome]:
        """Upload files and directories, and notify the service of each file.

        :param file_paths: files, directories (recursively) and ``s3://BUCKET/PREFIX``
        :param file_size_sum: not used; required by hca 7
        :param dcp_type: kind of files, for the platform
        :param target_filename: name in the area, for one file
        :param use_transfer_acceleration: use S3 Transfer Acceleration
        :param report_progress: print progress on stdout, as in hca 7
        :param sync: skip files that are already in the area with the same content
        :param file_extension: in directories, upload only files with this suffix
        :param keep_paths: name files in the area by their paths below the directory
        :param options: transfer options
        :return: the outcome of each file
        :raises UploadException: a path does not exist, two files would get the same name, or files were not uploaded
        """
        from hca_upload.send import Sending
        from hca_upload.sources import find_files

        files = find_files(
            file_paths,
            target_filename=target_filename,
            file_extension=file_extension,
            keep_paths=keep_paths,
            config=self.upload_service.settings.config,
        )

        def tell(outcome: Outcome) -> None:
            if report_progress and outcome.good:
                print(in_words(outcome, str(self.uri)), flush=True)  # noqa: T201

        sending = Sending(
            self,
            files,
            dcp_type=dcp_type,
            accelerate=use_transfer_acceleration,
            sync=sync,
            options=options,
            on_outcome=tell,
        )
        if report_progress:
            print(f"\nStarting upload of {len(files)} files to upload area {self.uuid}", flush=True)  # noqa: T201
        outcomes = sending.run()
        sending.raise_for_failures()
        if report_progress:
            print(f"Completed upload of {len(outcomes)} files to upload area {self.uuid}\n", flush=True)  # noqa: T201
        return outcomes

    # Checksums and validation

    def validate_files(
        self,
        file_list: Iterable[str],
        validator_image: str,
        original_validation_id: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Run a validator on files of the area.

        :param file_list: names, in the order that the validator expects
        :param validator_image: name of the validator
        :param original_validation_id: ID of the validation that this one repeats
        :param environment: environment variables for the validator
        :return: ``{"validation_id": …}``
        :raises UploadApiException: the service refused
        """
        answer: dict[str, str] = self._api.validate_files(
            self.uuid, file_list, validator_image, original_validation_id, environment
        )
        return answer

    def checksum_status(self, filename: str) -> dict[str, Any]:
        """``checksum_status`` and ``checksums`` of a file.

        :raises NotReady: the checksums are not known yet
        :raises UploadApiException: the file does not exist
        """
        answer: dict[str, Any] = self._api.checksum_status(self.uuid, filename)
        return answer

    def checksum_statuses(self) -> dict[str, int]:
        """The number of files in each state, and ``TOTAL_NUM_FILES``."""
        answer: dict[str, int] = self._api.checksum_statuses(self.uuid)
        return answer

    def validation_status(self, filename: str) -> dict[str, Any]:
        """``validation_status`` and ``validation_results`` of a file's latest validation.

        :raises NotReady: it has not finished
        :raises UploadApiException: the file does not exist
        """
        answer: dict[str, Any] = self._api.validation_status(self.uuid, filename)
        return answer

    def validation_statuses(self) -> dict[str, int]:
        """The number of files in each state; a file counts once for each of its validations."""
        answer: dict[str, int] = self._api.validation_statuses(self.uuid)
        return answer

    def status(self, filename: str) -> str:
        """Return a file's state in one word: that of its checksums until they are known, then that of its validation.

        :raises UploadApiException: the file does not exist
        """
        word = self.checksum_word(filename)
        return self.validation_word(filename) if word == "CHECKSUMMED" else word

    def checksum_word(self, filename: str) -> str:
        """The state of a file's checksums, named to be distinct from those of validations."""
        try:
            word = str(self.checksum_status(filename)["checksum_status"])
        except NotReady:
            return "CHECKSUMMING"
        return {"SCHEDULED": "CHECKSUMMING_SCHEDULED", "UNSCHEDULED": "CHECKSUMMING_UNSCHEDULED"}.get(word, word)

    def validation_word(self, filename: str) -> str:
        """The state of a file's latest validation, named to be distinct from those of checksums."""
        try:
            word = str(self.validation_status(filename)["validation_status"])
        except NotReady:
            return "VALIDATING"
        return {"SCHEDULED": "VALIDATION_SCHEDULED", "UNSCHEDULED": "VALIDATION_UNSCHEDULED"}.get(word, word)

    def wait(
        self,
        files: Iterable[str] | None = None,
        *,
        validated: bool = False,
        timeout: float = 3600.0,
        progress: str = "auto",
    ) -> dict[str, str]:
        """Wait until files have their checksums.

        :param files: names; default: all files in the area
        :param validated: also wait until their validations have ended
        :param timeout: seconds
        :param progress: ``auto`` or ``none``
        :return: the state of each file
        :raises TimedOutError: the time limit was reached
        :raises UploadException: checksums or validations failed
        """
        from hca_upload.waiting import wait

        return wait(self, files, validated=validated, timeout=timeout, progress=progress)


def in_words(outcome: Outcome, uri: str) -> str:
    """The message for a file in the area ``uri``, as in hca 7, which did not tell new files from present ones."""
    there = " (it was there already)" if outcome.state == "present" else ""
    return f"Upload complete of {outcome.shown} to upload area {uri}{there}"
