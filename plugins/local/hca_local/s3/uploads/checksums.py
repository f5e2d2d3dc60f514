"""The checksums of a multipart object."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from hca_local.s3.checksums import PREFIX, SIZES, composite, decoded
from hca_local.s3.errors import S3Error
from hca_local.s3.uploads.records import Part, Upload
from hca_local.store.hashes import ETAG_PART_SIZE, Digests, Hasher

_CHUNK = 1 << 20


def object_digests(folder: Path, upload: Upload, parts: Sequence[Part], etag: str) -> Digests:
    """Read the parts once.

    :param folder: their folder
    :param etag: S3's ETag of the object; equal to the platform's if the parts have the platform's size
    """
    by_rule = all(part.size == ETAG_PART_SIZE for part in parts[:-1]) and parts[-1].size <= ETAG_PART_SIZE
    names = {"sha1", "sha256", "crc32c"} | (set() if by_rule else {"s3_etag"})
    algorithm, kind = upload.extra.get("checksum", ("", ""))
    if kind == "FULL_OBJECT":
        names.add(algorithm)
    hasher = Hasher(names)
    for part in parts:
        size = hasher.size
        with (folder / part.file).open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
        if hasher.size - size != part.size:
            raise OSError(f"part {part.number} of upload {upload.id} has {hasher.size - size} bytes, not {part.size}")
    digests = asdict(hasher.digests())
    if by_rule:
        digests["s3_etag"] = etag if len(parts) > 1 else parts[0].etag
    if len(parts) == 1:
        digests["md5"] = parts[0].etag
    return Digests(**digests)


def object_checksum(
    upload: Upload, parts: Sequence[Part], digests: Digests, promised: Mapping[str, str]
) -> dict[str, str]:
    """The object's checksum as S3 stores it, in headers: with the algorithm and type chosen for the upload.

    :param promised: the values that the client sent, in base64 by algorithm
    :raises S3Error: the checksum differs from the client's
    """
    if "checksum" not in upload.extra:
        return {}
    algorithm, kind = upload.extra["checksum"]
    value: str | None = None
    if kind == "FULL_OBJECT":
        value = base64.b64encode(bytes.fromhex(getattr(digests, algorithm))).decode()
    elif all(algorithm in part.checksums for part in parts):
        value = composite(algorithm, [decoded(part.checksums[algorithm], SIZES[algorithm]) for part in parts])
    said = promised.get(algorithm)
    if said is not None and value is not None and said not in (value, value.partition("-")[0]):
        raise S3Error("BadDigest", f"The {algorithm.upper()} you specified did not match the calculated checksum.")
    return {} if value is None else {PREFIX + algorithm: value, PREFIX + "type": kind}
