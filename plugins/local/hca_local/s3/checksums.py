"""Checks the checksums that a client sends against the bytes received."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import importlib.util
import zlib
from collections.abc import Mapping

import google_crc32c

from hca_local.s3.errors import S3Error
from hca_local.store.hashes import Digests, Hasher

#: Bytes of each checksum algorithm of S3.
SIZES = {"crc32": 4, "crc32c": 4, "sha1": 20, "sha256": 32, "crc64nvme": 8}
#: Largest object of one PUT, and largest part, in bytes, as on S3.
MAX_UPLOAD = 5 * 1024**3
PREFIX = "x-amz-checksum-"
#: Headers with that prefix that contain no checksum.
NO_CHECKSUMS = frozenset(["algorithm", "mode", "type"])
#: Values of x-amz-content-sha256 that are not a checksum.
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": (True, False),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": (True, True),
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": (False, True),
}


class Promise:
    """The expected checksums of one body.

    :param headers: of the request, with lower-case names
    :param payload: x-amz-content-sha256 as signed, or None
    :param of_body: whether the x-amz-checksum headers are of this body, not of the object that it describes
    :raises S3Error: a checksum is malformed
    """

    def __init__(self, headers: Mapping[str, list[str]], payload: str | None, *, of_body: bool = True) -> None:
        self.md5 = decoded(headers["content-md5"][0], 16) if "content-md5" in headers else None
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
        if of_body:
            for name, values in headers.items():
                self._promise(name, values[0])
        self.trailers = {
            name.strip().lower() for name in ",".join(headers.get("x-amz-trailer", [])).split(",") if name.strip()
        }
        named = self._named()
        for algorithm in named:
            require_computable(algorithm)
        # The store computes the others anyway.
        self._own = Hasher(named & {"crc32", "crc64nvme"})

    def _named(self) -> set[str]:
        """The algorithms of all expected checksums."""
        return self.checksums.keys() | {name.removeprefix(PREFIX) for name in self.trailers if name.startswith(PREFIX)}

    @property
    def needs(self) -> set[str]:
        """The checksums, besides the MD5, that the body's sink must compute for :meth:`check`."""
        sha256 = {"sha256"} if self.sha256 is not None else set()
        return (self._named() & {"crc32c", "sha1", "sha256"}) | sha256

    def _promise(self, name: str, value: str) -> None:
        if not name.startswith(PREFIX):
            return
        algorithm = name.removeprefix(PREFIX)
        if algorithm in SIZES:
            self.checksums[algorithm] = decoded(value, SIZES[algorithm], name)
        elif algorithm not in NO_CHECKSUMS:
            raise S3Error("NotImplemented", f"The checksum {algorithm.upper()} is not supported.", Header=name)

    def update(self, data: bytes) -> None:
        """Take the next bytes, for the checksums that the store does not compute."""
        self._own.update(data)

    def add_trailers(self, trailers: Mapping[str, str]) -> None:
        """Take the trailing headers.

        :raises S3Error: a trailer was not announced, is malformed, or is missing
        """
        if set(trailers) != self.trailers:
            raise S3Error("InvalidRequest", "The trailing headers are not those that x-amz-trailer announced.")
        for name, value in trailers.items():
            self._promise(name, value)

    def check(self, digests: Digests) -> None:
        """Compare the expected checksums with the bytes received.

        :raises S3Error: a checksum does not match
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
        own = self._own.digests()
        computed |= {"crc32": own.crc32, "crc64nvme": own.crc64nvme}
        for algorithm, value in self.checksums.items():
            if value.hex() != computed[algorithm]:
                raise S3Error("BadDigest", f"The {algorithm.upper()} you specified did not match what was received.")

    def headers(self) -> dict[str, str]:
        """The expected checksums, as headers of the response."""
        return {PREFIX + algorithm: base64.b64encode(value).decode() for algorithm, value in self.checksums.items()}


def require_computable(algorithm: str) -> None:
    """:raises S3Error: the algorithm is not supported, so the checksum could only be echoed unchecked"""
    if algorithm == "crc64nvme" and importlib.util.find_spec("awscrt") is None:
        raise S3Error("NotImplemented", "CRC64NVME needs the Python package awscrt.", Header=PREFIX + algorithm)


def decoded(value: str, size: int, header: str | None = None) -> bytes:
    """A checksum's bytes.

    :param header: its header, if not Content-MD5
    :raises S3Error: not base64, or of another length
    """
    try:
        raw = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size:
        if header is None:
            raise S3Error("InvalidDigest")
        raise S3Error("InvalidRequest", f"Value for {header} header is invalid.")
    return raw


def composite(algorithm: str, parts: list[bytes]) -> str:
    """S3's checksum of checksums: that of the parts' binary checksums, in base64, then ``-`` and their number."""
    together = b"".join(parts)
    if algorithm == "crc32":
        raw = zlib.crc32(together).to_bytes(4, "big")
    elif algorithm == "crc32c":
        raw = google_crc32c.Checksum(together).digest()
    else:
        raw = hashlib.new(algorithm, together).digest()
    return f"{base64.b64encode(raw).decode()}-{len(parts)}"
