"""Where files are staged for the DSS: the embedded endpoint, or the user's own S3."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

from hca_base.errors import HCAError
from hca_local.s3.objects.objects import ObjectStore, S3Object
from hca_local.store import Blob, Store

_CHUNK = 1 << 20


class Staging(Protocol):
    """The operations that the DSS needs on the store where clients stage files and to which it copies checkouts."""

    def bucket_exists(self, bucket: str) -> bool: ...

    def head(self, bucket: str, key: str) -> S3Object | None:
        """An object with its tags and metadata, or None if it or its bucket does not exist."""

    def open(self, bucket: str, key: str) -> BinaryIO: ...

    def fetch(self, bucket: str, key: str) -> Blob:
        """Import the object's bytes into the store's blobs."""

    def write(self, bucket: str, key: str, blob: Blob, content_type: str) -> None:
        """Create an object from a blob."""


class EmbeddedStaging:
    """The embedded endpoint; no bytes are copied."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self.bucket_exists = objects.bucket_exists
        self.head = objects.head
        self.open = objects.open

    def fetch(self, bucket: str, key: str) -> Blob:
        return self._objects.store.blobs.require(self._objects.require(bucket, key).sha256)

    def write(self, bucket: str, key: str, blob: Blob, content_type: str = "application/octet-stream") -> None:
        self._objects.put(bucket, key, blob, content_type=content_type)


class RemoteStaging:
    """The user's own S3, accessed through boto3 with the user's AWS credentials (environment, shared files)."""

    def __init__(self, store: Store, endpoint_url: str) -> None:
        import boto3
        from botocore.config import Config

        self._store = store
        self._url = endpoint_url
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
        )

    def bucket_exists(self, bucket: str) -> bool:
        return self._ask(self._s3.head_bucket, Bucket=bucket) is not None

    def head(self, bucket: str, key: str) -> S3Object | None:
        answer = self._ask(self._s3.head_object, Bucket=bucket, Key=key)
        if answer is None:
            return None
        tags = self._ask(self._s3.get_object_tagging, Bucket=bucket, Key=key) or {}
        return S3Object(
            bucket,
            key,
            "",
            answer["ContentLength"],
            answer["ETag"].strip('"'),
            answer.get("ContentType", "binary/octet-stream"),
            answer["LastModified"].timestamp() if "LastModified" in answer else time.time(),
            dict(answer.get("Metadata", {})),
            {tag["Key"]: tag["Value"] for tag in tags.get("TagSet", ())},
        )

    def open(self, bucket: str, key: str) -> BinaryIO:
        answer = self._ask(self._s3.get_object, Bucket=bucket, Key=key)
        if answer is None:
            raise FileNotFoundError(f"s3://{bucket}/{key}")
        return answer["Body"]

    def fetch(self, bucket: str, key: str) -> Blob:
        with self.open(bucket, key) as stream:
            return self._store.blobs.put_stream(_chunks(stream))

    def write(self, bucket: str, key: str, blob: Blob, content_type: str = "application/octet-stream") -> None:
        with self._store.blobs.open(blob.sha256) as stream:
            self._s3.upload_fileobj(stream, bucket, key, ExtraArgs={"ContentType": content_type})

    def _ask(self, operation: Any, **parameters: str) -> Any:
        """The response, or None for 404.

        :raises HCAError: for any other error
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return operation(**parameters)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise HCAError(f"the S3 endpoint {self._url} refused: {error}") from error
        except BotoCoreError as error:
            raise HCAError(f"the S3 endpoint {self._url} cannot be used: {error}") from error


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk
