"""Receives the parts of uploads."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Collection, Mapping
from typing import BinaryIO

from hca_local.s3.errors import S3Error
from hca_local.s3.uploads.multipart import Uploads
from hca_local.s3.uploads.records import Part, Upload
from hca_local.store.hashes import Digests, Hasher
from hca_local.store.writing import sync_folder, write_all


class PartWriter:
    """Writes one part; it is discarded unless committed.

    :param checksums: algorithms needed to verify the part, besides MD5
    """

    def __init__(self, uploads: Uploads, upload: Upload, number: int, checksums: Collection[str] = ()) -> None:
        self._uploads = uploads
        self._upload = upload
        self._number = number
        self._hasher = Hasher({"md5", *checksums})
        self._path = uploads.folder(upload.id) / f"{number:05d}-{uuid.uuid4().hex}"
        try:
            self._file: BinaryIO | None = self._path.open("xb", buffering=0)
        except FileNotFoundError:
            raise S3Error("NoSuchUpload", UploadId=upload.id) from None

    def write(self, data: bytes) -> None:
        self._hasher.update(data)
        assert self._file is not None
        write_all(self._file, data)

    def digests(self) -> Digests:
        return self._hasher.digests()

    def commit(self, checksums: Mapping[str, str] | None = None) -> Part:
        """Store it under its part number.

        :param checksums: verified checksums from the client, in base64 by algorithm
        :raises S3Error: the upload was completed or aborted meanwhile
        """
        assert self._file is not None
        os.fsync(self._file.fileno())
        self._file.close()
        sync_folder(self._path.parent)
        part = Part(
            self._number, self._path.name, self._hasher.size, self._hasher.digests().md5, time.time(), checksums or {}
        )
        store = self._uploads.store
        with store.write() as db:
            upload = self._uploads.get(self._upload.id, self._upload.bucket, self._upload.key)
            if upload.completing:
                raise S3Error("OperationAborted", UploadId=upload.id)
            old = db.execute(
                "SELECT file FROM s3_parts WHERE upload = ? AND number = ?", (upload.id, part.number)
            ).fetchone()
            db.execute(
                "INSERT OR REPLACE INTO s3_parts VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    upload.id,
                    part.number,
                    part.file,
                    part.size,
                    part.etag,
                    part.modified,
                    json.dumps(dict(part.checksums)),
                ),
            )
        self._file = None
        if old:
            (self._path.parent / old["file"]).unlink(missing_ok=True)
        return part

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
            self._file = None
