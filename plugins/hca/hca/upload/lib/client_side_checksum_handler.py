"""The checksum sent with an uploaded file."""

from __future__ import annotations

from hca._moved import moved

moved(__name__, "hca_base.transfer.checksum_file computes all four checksums at once")

CHECKSUM_NAMES = ["crc32c"]


class ClientSideChecksumHandler:
    """Computes the CRC32C of a file on this machine.

    :param filename: its path
    """

    def __init__(self, filename: str) -> None:
        self._filename = filename
        self._checksums: dict[str, str] = {}

    def compute_checksum(self) -> None:
        """Read the file. For one in S3, nothing is computed."""
        from hca_base.transfer import checksum_file

        if not self._filename.startswith("s3://"):
            self._checksums = {"crc32c": checksum_file(self._filename).crc32c}

    def get_checksum_metadata_tag(self) -> dict[str, str]:
        """The computed checksums, by name."""
        return dict(self._checksums)
