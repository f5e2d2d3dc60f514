"""The ``aws-chunked`` encoding: a body in chunks that may be signed, with trailing checksums."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from hca_local.s3.errors import S3Error
from hca_local.s3.requests.signing import ChunkSigner

#: Longest line of the encoding, in bytes; longest list of trailing headers.
_MAX_LINE = 4096
#: Largest signed chunk, in bytes: it is buffered until its signature is checked.
_MAX_CHUNK = 64 * 1024 * 1024

_HEADER = re.compile(rb"([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?")


class ChunkedBody:
    """Decodes the encoded bytes incrementally.

    :param signer: checks the signatures of chunks and trailers, or None if they are not signed
    :param trailers: whether headers follow the last chunk
    """

    def __init__(self, signer: ChunkSigner | None, *, trailers: bool) -> None:
        self._signer = signer
        self._expect_trailers = trailers
        self._buffer = bytearray()
        self._left = 0
        self._signature = ""
        self._digest = hashlib.sha256()
        self._state = "header"
        self._trailer_lines: list[bytes] = []
        self.size = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode some bytes.

        :raises S3Error: the encoding is malformed, or a signature does not match
        """
        self._buffer += data
        while True:
            if self._state == "data":
                if not self._buffer:
                    return
                piece = bytes(self._buffer[: self._left])
                del self._buffer[: len(piece)]
                self._left -= len(piece)
                self.size += len(piece)
                if self._signer is not None:
                    self._digest.update(piece)
                yield piece
                if not self._left:
                    self._check_chunk()
                    self._state = "end"
            elif self._state == "done":
                if self._buffer.strip():
                    raise S3Error("IncompleteBody", "There are bytes behind the last chunk.")
                return
            else:
                line = self._line()
                if line is None:
                    return
                self._take(line)

    def finish(self) -> dict[str, str]:
        """The trailing headers, after the end of the body.

        :raises S3Error: the body is incomplete
        """
        if self._state == "trailers" and not self._buffer:
            # Some clients omit the empty line at the end.
            self._end()
        if self._state != "done":
            raise S3Error("IncompleteBody")
        headers = {}
        for line in self._trailer_lines:
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        headers.pop("x-amz-trailer-signature", None)
        return headers

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _MAX_LINE:
                raise S3Error("InvalidRequest", "The framing of the body is broken.")
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        return line

    def _take(self, line: bytes) -> None:
        if self._state == "end":
            if line:
                raise S3Error("InvalidRequest", "A chunk is longer than it says.")
            self._state = "header"
        elif self._state == "header":
            match = _HEADER.fullmatch(line)
            if match is None or bool(match[2]) != (self._signer is not None):
                raise S3Error("InvalidRequest", "The framing of the body is broken.")
            self._left = int(match[1], 16)
            self._signature = (match[2] or b"").decode()
            self._digest = hashlib.sha256()
            if self._signer is not None and self._left > _MAX_CHUNK:
                raise S3Error("InvalidRequest", "A signed chunk is larger than 64 MiB.")
            if self._left:
                self._state = "data"
            else:
                self._check_chunk()
                self._state = "trailers"
        elif line:
            self._trailer_lines.append(line)
            if sum(map(len, self._trailer_lines)) > _MAX_LINE:
                raise S3Error("InvalidRequest", "The trailing headers are too long.")
        else:
            self._end()

    def _check_chunk(self) -> None:
        if self._signer is not None:
            self._signer.check(self._signature, self._digest.hexdigest())

    def _end(self) -> None:
        self._state = "done"
        if not self._expect_trailers:
            if self._trailer_lines:
                raise S3Error("InvalidRequest", "There are trailing headers that were not announced.")
            return
        if self._signer is None:
            return
        signature = ""
        signed = hashlib.sha256()
        for line in self._trailer_lines:
            name, _, value = line.decode("latin-1").partition(":")
            if name.strip().lower() == "x-amz-trailer-signature":
                signature = value.strip()
            else:
                signed.update(line + b"\n")
        self._signer.check(signature, signed.hexdigest(), trailer=True)
