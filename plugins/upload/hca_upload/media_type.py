"""Media types of files, from their names, or from their first bytes if the name is inconclusive."""

from __future__ import annotations

import mimetypes
from pathlib import Path

#: Magic numbers and their types (RFC 1952 for gzip, and the formats' own specifications).
_BEGINNINGS = (
    (b"\x1f\x8b", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
)


def content_type(name: str, path: Path, dcp_type: str) -> str:
    """The media type of a file, with the platform's parameter: ``application/gzip; dcp-type=data``.

    :param name: in the area
    :param path: of its bytes; unreadable files have an unknown type
    """
    kind, encoding = mimetypes.guess_type(name)
    if encoding:
        kind = "application/gzip" if encoding == "gzip" else None
    return f"{kind or _by_content(path) or 'application/octet-stream'}; dcp-type={dcp_type}"


def _by_content(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        return None
    return next((kind for beginning, kind in _BEGINNINGS if head.startswith(beginning)), None)
