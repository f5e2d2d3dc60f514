"""What a client says of the bytes that it sends, held against the bytes that came."""

from __future__ import annotations

import base64
import binascii
import hmac
import zlib
from collections.abc import Mapping

from hca_local.s3.errors import S3Error
from hca_local.store.hashes import Digests

#: Bytes of each checksum that S3 knows. CRC64NVME is accepted and kept unchecked: nothing here computes it fast.
SIZES = {"crc32": 4, "crc32c": 4, "sha1": 20, "sha256": 32, "crc64nvme": 8}
#: Largest object of one PUT, and largest part, in bytes, as on S3.
MAX_UPLOAD = 5 * 1024**3
PREFIX = "x-amz-checksum-"
#: Words that stand in x-amz-content-sha256 instead of a checksum.
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": (True, False),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": (True, True),
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": (False, True),
}


class Promise:
    """The checksums promised for one body.

    :param headers: of the request, names in lower case
    :param payload: x-amz-content-sha256 as it was signed, or None
    :raises S3Error: one is not well-formed
    """

    def __init__(self, headers: Mapping[str, list[str]], payload: str | None) -> None:
        self.md5 = _decoded(headers["content-md5"][0], 16) if "content-md5" in headers else None
        self.sha256 = None
        self.streaming: tuple[bool, bool] | None = None
        if payload in STREAMING:
            self.streaming = STREAMING[payload]
        elif payload is not None and payload != UNSIGNED:
            if len(payload) != 64 or set(payload) - set("0123456789abcdef"):
                raise S3Error(
                    "InvalidArgument",
                    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a supported STREAMING word, or a sha256.",
                    ArgumentName="x-amz-content-sha256",
                    ArgumentValue=payload[:100],
                )
            self.sha256 = payload
        self.checksums: dict[str, bytes] = {}
        for name, values in headers.items():
            self._promise(name, values[0])
        self.trailers = {
            name.strip().lower() for name in ",".join(headers.get("x-amz-trailer", [])).split(",") if name.strip()
        }
        self._crc32: int | None = None
        if "crc32" in self.checksums or PREFIX + "crc32" in self.trailers:
            self._crc32 = 0

    @property
    def needs(self) -> set[str]:
        """The checksums, besides the MD5 and the CRC32, that are needed to hold the body against this."""
        named = self.checksums.keys() | {name.removeprefix(PREFIX) for name in self.trailers}
        return (named & {"crc32c", "sha1", "sha256"}) | ({"sha256"} if self.sha256 is not None else set())

    def _promise(self, name: str, value: str) -> None:
        if not name.startswith(PREFIX):
            return
        algorithm = name.removeprefix(PREFIX)
        if algorithm in SIZES:
            self.checksums[algorithm] = _decoded(value, SIZES[algorithm])

    def update(self, data: bytes) -> None:
        """Take the next bytes, for the one checksum that the store does not compute."""
        if self._crc32 is not None:
            self._crc32 = zlib.crc32(data, self._crc32)

    def add_trailers(self, trailers: Mapping[str, str]) -> None:
        """Take the headers that came behind the body.

        :raises S3Error: one was not announced, or is not well-formed, or is missing
        """
        if set(trailers) != self.trailers:
            raise S3Error("InvalidRequest", "The trailing headers are not those that x-amz-trailer announced.")
        for name, value in trailers.items():
            self._promise(name, value)

    def check(self, digests: Digests) -> None:
        """Hold the promises against what came.

        :raises S3Error: one is broken
        """
        if self.sha256 is not None and not hmac.compare_digest(self.sha256, digests.sha256):
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                ClientComputedContentSHA256=self.sha256,
                S3ComputedContentSHA256=digests.sha256,
            )
        if self.md5 is not None and self.md5.hex() != digests.md5:
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what was received.")
        computed = {"crc32c": digests.crc32c, "sha1": digests.sha1, "sha256": digests.sha256}
        if self._crc32 is not None:
            computed["crc32"] = f"{self._crc32:08x}"
        for algorithm, value in self.checksums.items():
            if algorithm in computed and value.hex() != computed[algorithm]:
                raise S3Error("BadDigest", f"The {algorithm.upper()} you specified did not match what was received.")

    def headers(self) -> dict[str, str]:
        """The promised checksums as an answer repeats them."""
        return {PREFIX + algorithm: base64.b64encode(value).decode() for algorithm, value in self.checksums.items()}


def _decoded(value: str, size: int) -> bytes:
    try:
        raw = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size:
        raise S3Error("InvalidDigest")
    return raw
