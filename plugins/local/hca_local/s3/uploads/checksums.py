"""The checksums of a multipart object."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from hca_local.s3.checksums import PREFIX, SIZES, composite, decoded
from hca_local.s3.errors import S3Error
from hca_local.s3.uploads.records import Part, Promised, Upload, Wanted
from hca_local.store.hashes import ETAG_PART_SIZE, Digests, Hasher

_CHUNK = 1 << 20


def check_type(upload: Upload, promised: Promised) -> None:
    """:raises S3Error: x-amz-checksum-type is not the upload's; an upload without an algorithm has FULL_OBJECT"""
    kind = upload.extra.get("checksum", ("", "FULL_OBJECT"))[1]
    if promised.kind is not None and promised.kind != kind:
        raise S3Error("InvalidRequest", f"The upload's checksum type is {kind}, not {promised.kind[:100]}.")


def read_parts(
    folder: Path, upload: Upload, parts: Sequence[Part], wanted: Sequence[Wanted], promised: Promised, etag: str
) -> tuple[Digests, dict[str, str]]:
    """Read the parts once, and check every checksum that the client sent, of the parts and of the object.

    :param folder: the parts' folder
    :param wanted: the parts as the client described them
    :param promised: the object as the client described it
    :param etag: S3's ETag of the object; equal to the platform's if the parts have the platform's size
    :return: the object's digests, and its checksum as S3 stores it, in headers
    :raises S3Error: a checksum differs from the client's
    """
    algorithm, kind = upload.extra.get("checksum", ("", ""))
    by_rule = all(part.size == ETAG_PART_SIZE for part in parts[:-1]) and parts[-1].size <= ETAG_PART_SIZE
    names = {"sha1", "sha256", "crc32c", *promised.checksums} | (set() if by_rule else {"s3_etag"})
    if kind == "FULL_OBJECT":
        names.add(algorithm)
    # Checksums of checksums: the upload's own, and what a header may mean if the upload has another algorithm.
    others = promised.checksums.keys() - {algorithm, "crc64nvme"}
    composites = set() if promised.kind == "FULL_OBJECT" else others
    if kind == "COMPOSITE":
        composites.add(algorithm)
    hasher = Hasher(names)
    sums: list[Mapping[str, str]] = []
    for part, said in zip(parts, wanted, strict=True):
        own = Hasher((composites | said.checksums.keys()) - part.checksums.keys())
        size = hasher.size
        with (folder / part.file).open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
                own.update(chunk)
        if hasher.size - size != part.size:
            raise OSError(f"part {part.number} of upload {upload.id} has {hasher.size - size} bytes, not {part.size}")
        found = own.digests()
        # Those that came with the part were compared with its bytes then.
        sums.append({name: _base64(found, name) for name in SIZES if getattr(found, name)} | dict(part.checksums))
        if any(sums[-1][name] != value for name, value in said.checksums.items()):
            raise S3Error("InvalidPart", UploadId=upload.id, PartNumber=str(part.number), ETag=part.etag)
    whole = hasher.digests()
    values = {name: composite(name, [decoded(each[name], SIZES[name]) for each in sums]) for name in composites}
    for name, value in promised.checksums.items():
        right = set() if name == algorithm and kind == "COMPOSITE" else {_base64(whole, name)}
        if name in values:
            right |= {values[name], values[name].partition("-")[0]}
        if value not in right:
            raise S3Error("BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")
    stored = {}
    if algorithm:
        value = values[algorithm] if kind == "COMPOSITE" else _base64(whole, algorithm)
        stored = {PREFIX + algorithm: value, PREFIX + "type": kind}
    digests = asdict(whole)
    if by_rule:
        digests["s3_etag"] = etag if len(parts) > 1 else parts[0].etag
    if len(parts) == 1:
        digests["md5"] = parts[0].etag
    return Digests(**digests), stored


def _base64(digests: Digests, name: str) -> str:
    return base64.b64encode(bytes.fromhex(getattr(digests, name))).decode()
