"""Tags of objects, and stores that do not keep them.

Some stores ignore the tags of a PUT. Others treat PutObjectTagging as a PUT, and replace the object with the document
of its tags (``rclone serve s3``). So before tagging existing objects, a run sends one GetObjectTagging per bucket to
find out whether the store keeps tags, and each object is compared with what was sent after it is tagged.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hca_base.errors import RefusedError, VerificationError
from hca_base.transfer._model import UploadItem
from hca_base.transfer._upload._attempts import Attempts, UploadContext
from hca_base.transfer._upload._documents import tag_of, tagging_document
from hca_base.transfer._upload._local_file import filled, is_encrypted
from hca_base.transfer._upload._s3 import S3Error, clean_etag, md5_base64

if TYPE_CHECKING:
    from hca_base.transfer._network._response import Response

#: Largest document with an object's tags: ten tags with keys of up to 128 and values of up to 256 characters.
_MAX_DOCUMENT = 64 * 1024
_HINT = "Use a store that keeps tags, or pass --tags put to send them with each file without relying on them."


class TagsNotKeptError(RefusedError):
    """Raised when a store does not keep the tags of an object."""


class Tagging:
    """Tags the objects of a run, and checks that they are kept."""

    def __init__(self, context: UploadContext) -> None:
        self._context = context
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._keeps: dict[str, bool] = {}

    @property
    def with_put(self) -> bool:
        """True if tags are only sent with the bytes, without checking that the store keeps them."""
        return self._context.options.tags == "put"

    def is_checked(self, item: UploadItem) -> bool:
        """Return True if an item needs no check: it has no tags, or its store is known to keep them."""
        return not item.tags or self._keeps.get(self._bucket(item), False) or self._is_warned(item)

    def check_before(self, item: UploadItem) -> None:
        """Refuse an item with tags if its store is known not to keep them.

        :raises TagsNotKeptError: the store does not keep tags
        """
        if item.tags and self._keeps.get(self._bucket(item)) is False and not self.with_put:
            raise self._error(item)

    def check_put(self, item: UploadItem, counter: Attempts, size: int) -> None:
        """Check, once for each bucket, that the tags that were sent with an object are there.

        :raises TagsNotKeptError: they are missing
        """
        if item.tags:
            self._check(item, counter, _tags_of(item, size))

    def tag(self, item: UploadItem, counter: Attempts, size: int) -> None:
        """Tag an existing object, and check that its content is unchanged.

        :raises TagsNotKeptError: the store does not keep tags; the object has not been touched
        :raises VerificationError: the store replaced the object
        """
        self._check(item, counter, None)
        body = tagging_document(_tags_of(item, size))
        headers = {"Content-MD5": md5_base64(body), "Content-Type": "application/xml"}
        payload = hashlib.sha256(body).hexdigest()
        with self._request(item, counter, "PUT", headers=headers, body=body, payload=payload) as response:
            response.read(_MAX_DOCUMENT)
        self._check_object(item, counter, size)
        found = self._read(item, counter)
        if found is not None and not _holds(found, _tags_of(item, size)):
            with self._lock:
                self._keeps[self._bucket(item)] = False
            raise self._error(item)

    def _check(self, item: UploadItem, counter: Attempts, tags: Mapping[str, str] | None) -> None:
        """Check whether the bucket of an item keeps tags, unless that is known.

        :param tags: the object's tags; None to check only whether it can have tags
        """
        bucket = self._bucket(item)
        with self._lock:
            lock = self._locks.setdefault(bucket, threading.Lock())
        with lock:
            if bucket not in self._keeps:
                found = self._read(item, counter)
                self._keeps[bucket] = keeps = found is None or _holds(found, tags or {})
                if not keeps and self.with_put:
                    import logging

                    message = "the store of s3://%s does not support tags: the objects have no tags"
                    logging.getLogger("hca.transfer").warning(message, bucket)
        self.check_before(item)

    def _read(self, item: UploadItem, counter: Attempts) -> bytes | None:
        """Return the document with an object's tags, empty if it has none; None if access is denied."""
        try:
            response = self._request(item, counter, "GET")
        except S3Error as error:
            if error.status in (401, 403):
                # Restricted credentials may write tags but not read them.
                return None
            if error.status in (400, 404, 405, 501):
                return b"<Tagging>" if error.reason == "NoSuchTagSet" else b""
            raise
        # Stores that ignore the query send the object itself, so limit how much is read.
        try:
            return response.read(_MAX_DOCUMENT)
        finally:
            response.close()

    def _check_object(self, item: UploadItem, counter: Attempts, size: int) -> None:
        expected = item.digests["s3_etag"]
        try:
            with counter.run(lambda: self._send(item, "HEAD", None)) as response:
                etag, length = clean_etag(response.header("ETag")), response.header("Content-Length")
        except S3Error as error:
            if error.status in (401, 403):
                return
            raise
        if length != str(size) or (etag != expected and not is_encrypted(response)):
            raise VerificationError(
                f"the store replaced {self._name(item)} with the document of its tags: it does not support tagging",
                hint=_HINT,
            )

    def _request(self, item: UploadItem, counter: Attempts, method: str, **more: object) -> Response:
        return counter.run(lambda: self._send(item, method, {"tagging": ""}, **more))

    def _send(self, item: UploadItem, method: str, query: dict[str, str] | None, **more: object) -> Response:
        context = self._context
        return context.target.request(
            context.connections, method, self._bucket(item), item.key, query=query, **more  # type: ignore[arg-type]
        )  # fmt: skip

    def _bucket(self, item: UploadItem) -> str:
        return item.bucket or self._context.target.bucket

    def _name(self, item: UploadItem) -> str:
        return f"s3://{self._bucket(item)}/{item.key}"

    def _is_warned(self, item: UploadItem) -> bool:
        return self.with_put and self._bucket(item) in self._keeps

    def _error(self, item: UploadItem) -> TagsNotKeptError:
        return TagsNotKeptError(f"the store of {self._name(item)} does not support tags", hint=_HINT)


def _tags_of(item: UploadItem, size: int) -> dict[str, str]:
    return filled(dict(item.tags), item.digests, size)


def _holds(document: bytes, tags: Mapping[str, str]) -> bool:
    """Return True if a document is a list of tags that includes all of these."""
    if b"<Tagging" not in document[:1024]:
        return False
    found = {tag_of(piece, "Key"): tag_of(piece, "Value") for piece in document.split(b"<Tag>")[1:]}
    return all(found.get(key) == value for key, value in tags.items())
