"""The mirror: copies of files in buckets, named by their digests. Some of its buckets are private."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from hca_base.errors import HCAError
from hca_base.http import RetryPolicy

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

_S3_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)")
#: Objects to try before a bucket is considered private: some may be missing.
_TRIES = 5


class Mirror:
    """URLs of files in the mirror.

    A file's mirror URI does not tell whether its copy is public. Without credentials, the service only lists
    public files; with credentials or a manifest, a bucket counts as public once one of its objects was readable
    without credentials.

    :param trusted: all URIs are those of public data
    """

    def __init__(self, client: AzulConnection, *, trusted: bool) -> None:
        self._client = client
        self._trusted = trusted
        base = client.setting("mirror_url")
        self._base = base.rstrip("/") if base else None
        self._public: set[str] = set()
        self._tries: dict[str, int] = {}

    def url(self, uri: str) -> str | None:
        """Return the https URL of an object; None if the URI is not one of the mirror's.

        The metadata next to an object are not checked: comparing the bytes with the digest from the service
        is a stronger check, and takes only one request.
        """
        match = _S3_URI.fullmatch(uri)
        if match is None:
            return uri if uri.startswith("https://") else None
        bucket, key = match[1], quote(match[2])
        if self._base:
            return f"{self._base}/{bucket}/{key}"
        if "." in bucket:
            # A bucket name with dots does not match the wildcard certificate of virtual-hosted URLs.
            return f"https://s3.amazonaws.com/{bucket}/{key}"
        return f"https://{bucket}.s3.amazonaws.com/{key}"

    def public_url(self, uri: str) -> str | None:
        """Return the URL of a public object; None if it may be private."""
        url = self.url(uri)
        if url is None or self._trusted:
            return url
        bucket = self._bucket(uri)
        if bucket in self._public:
            return url
        tries = self._tries.get(bucket, 0)
        if tries >= _TRIES:
            return None
        self._tries[bucket] = tries + 1
        if not self._is_readable(url):
            return None
        self._public.add(bucket)
        return url

    def _bucket(self, uri: str) -> str:
        match = _S3_URI.fullmatch(uri)
        return match[1] if match else urlsplit(uri).netloc

    def _is_readable(self, url: str) -> bool:
        try:
            self._client.session.call("HEAD", url, auth="no", policy=RetryPolicy(retries=1))
        except HCAError:
            return False
        return True
