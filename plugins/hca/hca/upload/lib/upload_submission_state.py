"""Processing states of uploaded files."""

from __future__ import annotations

from pathlib import Path

from hca_upload.errors import UploadApiException

from hca._moved import moved
from hca.upload.lib.api_client import ApiClient

moved(__name__, "UploadArea.status and UploadArea.wait of hca_upload provide more")


class UploadAreaFilesStatusCheck:
    """The number of an area's files in each state.

    :param env: stage of the area's deployment
    """

    def __init__(self, env: str) -> None:
        self.upload_api_client = ApiClient(env)

    def get_file_statuses(self, upload_area_uuid: str) -> tuple[dict[str, int], dict[str, int]]:
        """The number of files in each state of checksums and of validation."""
        checksums = self.upload_api_client.checksum_statuses(upload_area_uuid)
        validations = self.upload_api_client.validation_statuses(upload_area_uuid)
        # A file counts once for each of its validations, so the difference may be negative.
        known = sum(validations.values())
        validations["VALIDATION_UNSCHEDULED"] = max(0, checksums.get("CHECKSUMMED", 0) - known)
        return checksums, validations

    def check_file_statuses(self, upload_area_uuid: str, output_file_name: str) -> None:
        """Write a report to ``OUTPUT_FILE_NAME.txt``."""
        self.generate_report(upload_area_uuid, output_file_name, *self.get_file_statuses(upload_area_uuid))

    def generate_report(
        self,
        upload_area: str,
        output_file_name: str,
        checksum_statuses: dict[str, int],
        validation_statuses: dict[str, int],
    ) -> None:
        """Write a report of these numbers."""
        counts = dict(checksum_statuses)
        total = counts.pop("TOTAL_NUM_FILES", 0)
        lines = ["FILE STATUS REPORT", f"UploadArea: {upload_area}", f"Total Number of Files: {total}"]
        for title, numbers in (("CHECKSUMS", counts), ("VALIDATIONS", validation_statuses)):
            lines.append(title)
            lines += [f"\t{state} files: {numbers[state]}" for state in sorted(numbers)]
        Path(f"{output_file_name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


class FileStatusCheck:
    """The state of one file.

    :param env: stage of the area's deployment
    """

    def __init__(self, env: str) -> None:
        self.upload_api_client = ApiClient(env)

    def get_checksum_status(self, upload_area: str, file_id: str) -> str:
        """The state of its checksums, or ``CHECKSUM_STATUS_RETRIEVAL_ERROR`` and the reason."""
        try:
            state = str(self.upload_api_client.checksum_status(upload_area, file_id)["checksum_status"])
        except UploadApiException as error:
            return f"CHECKSUM_STATUS_RETRIEVAL_ERROR: {error}"
        return f"CHECKSUMMING_{state}" if state in ("SCHEDULED", "UNSCHEDULED") else state

    def get_validation_status(self, upload_area: str, file_id: str) -> str:
        """The state of its latest validation, or ``VALIDATION_STATUS_RETRIEVAL_ERROR`` and the reason."""
        try:
            state = str(self.upload_api_client.validation_status(upload_area, file_id)["validation_status"])
        except UploadApiException as error:
            return f"VALIDATION_STATUS_RETRIEVAL_ERROR: {error}"
        return f"VALIDATION_{state}" if state in ("SCHEDULED", "UNSCHEDULED") else state

    def check_file_status(self, upload_area: str, file_id: str) -> str:
        """The state of its checksums until they are computed, then that of its validation."""
        state = self.get_checksum_status(upload_area, file_id)
        return self.get_validation_status(upload_area, file_id) if state == "CHECKSUMMED" else state
