"""A multipart/form-data body (:rfc:`7578`) that is read in pieces, so that large files are never in memory."""

from __future__ import annotations

import dataclasses
import io
import os
import secrets
from collections.abc import Iterator
from typing import Any

_CHUNK = 1 << 16


@dataclasses.dataclass
class Part:
    """One field.

    :ivar content: bytes, or a file that can be read
    :ivar filename: the name that a file is sent under; None for a plain field
    """

    name: str
    content: Any
    filename: str | None = None
    content_type: str | None = None

    def head(self) -> bytes:
        disposition = f'form-data; name="{_quoted(self.name)}"'
        if self.filename is not None:
            disposition += f'; filename="{_quoted(self.filename)}"'
        lines = [f"Content-Disposition: {disposition}"]
        if self.content_type:
            lines.append(f"Content-Type: {self.content_type}")
        # A file's name may be bytes that are not UTF-8, which are sent unchanged.
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


class MultipartBody:
    """The body as a readable object of known length; it can be rewound to its start.

    Content of unknown size (a pipe) is read into memory.
    """

    def __init__(self, parts: list[Part]) -> None:
        self.boundary = secrets.token_hex(16)
        self._pieces: list[Any] = []
        for part in parts:
            self._pieces.append(b"--" + self.boundary.encode() + b"\r\n" + part.head())
            self._pieces.append(_measurable(part.content))
            self._pieces.append(b"\r\n")
        self._pieces.append(b"--" + self.boundary.encode() + b"--\r\n")
        self._starts = [0 if isinstance(piece, bytes) else piece.tell() for piece in self._pieces]
        self._length = sum(_length(piece) for piece in self._pieces)
        self.seek(0)

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self.boundary}"

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(_CHUNK):
            yield chunk

    def tell(self) -> int:
        return self._position

    def seek(self, position: int, whence: int = 0) -> int:
        """Seek to the start, to send the body again."""
        if position != 0 or whence != 0:
            raise OSError("can only be rewound to the start")
        for piece, start in zip(self._pieces, self._starts, strict=True):
            if not isinstance(piece, bytes):
                piece.seek(start)
        self._rest = [io.BytesIO(piece) if isinstance(piece, bytes) else piece for piece in self._pieces]
        self._position = 0
        return 0

    def read(self, size: int = -1) -> bytes:
        chunks: list[bytes] = []
        wanted = self._length if size is None or size < 0 else size
        while self._rest and wanted > 0:
            chunk = self._rest[0].read(wanted)
            if not chunk:
                self._rest.pop(0)
                continue
            chunks.append(chunk)
            wanted -= len(chunk)
        data = b"".join(chunks)
        self._position += len(data)
        return data


def _measurable(content: Any) -> Any:
    if isinstance(content, (bytes, bytearray)):
        return bytes(content)
    try:
        content.seek(0, os.SEEK_CUR)
        content.tell()
    except (AttributeError, OSError):
        data = content.read()
        return data.encode() if isinstance(data, str) else data
    return content


def _length(piece: Any) -> int:
    if isinstance(piece, bytes):
        return len(piece)
    here = piece.tell()
    end: int = piece.seek(0, os.SEEK_END)
    piece.seek(here)
    return end - here


def _quoted(text: str) -> str:
    # Like browsers (HTML Living Standard, "multipart/form-data encoding algorithm").
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
