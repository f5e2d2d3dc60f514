"""The mirror: copies of files in buckets, named by their digests. Not all of its buckets are public."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from hca_base.errors import HCAError
from hca_base.http import RetryPolicy

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

_S3_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)")
#: Objects of a bucket that are asked for before the bucket is taken to be private: some may be missing.
_TRIES = 5


class Mirror:
    """Addresses of files in the mirror.

    The address of a file says where its copy is, not who may read it. Whoever does not log in is shown only what is
    public; where credentials or a manifest show more, a bucket counts as public once one of its objects was readable
    without credentials.

    :param trusted: all addresses are those of public data
    """

    def __init__(self, client: AzulConnection, *, trusted: bool) -> None:
        self._client = client
        self._trusted = trusted
        base = client.setting("mirror_url")
        self._base = base.rstrip("/") if base else None
        self._public: set[str] = set()
        self._tries: dict[str, int] = {}

    def url(self, uri: str) -> str | None:
        """Return the https address of an object; None if the URI is not one of the mirror's.

        That the metadata beside an object agree is not checked: the bytes are compared with the digest that the service
        tells, which vouches for more, with one request.
        """
        match = _S3_URI.fullmatch(uri)
        if match is None:
            return uri if uri.startswith("https://") else None
        bucket, key = match[1], quote(match[2])
        if self._base:
            return f"{self._base}/{bucket}/{key}"
        if "." in bucket:
            # A name with dots does not match the certificate of the bucket's own host.
            return f"https://s3.amazonaws.com/{bucket}/{key}"
        return f"https://{bucket}.s3.amazonaws.com/{key}"

    def public_url(self, uri: str) -> str | None:
        """Return the address of an object that anybody may read; None if it may be private."""
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
