"""A parsed request to the S3 endpoint."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from hca_local.s3.errors import S3Error

#: Longest key, in bytes of UTF-8, as on S3.
MAX_KEY = 1024


class Request:
    """An ASGI scope in S3's terms.

    ``bucket`` and ``key`` are empty if the path has none. The bucket can also be in the host name, as
    ``BUCKET.localhost``.

    :raises S3Error: the path or the query is not UTF-8
    """

    def __init__(self, scope: Any) -> None:
        self.method: str = scope["method"]
        self.headers: dict[str, list[str]] = {}
        for raw_name, value in scope["headers"]:
            name = raw_name.decode("latin-1").lower()
            self.headers.setdefault(name, []).append(_text_of_header(value))
        path = _decode((scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0])
        self.canonical_path = quote(path, safe="/~")
        self._pairs = []
        for pair in scope["query_string"].split(b"&"):
            if pair:
                parameter, _, given = pair.replace(b"+", b" ").partition(b"=")
                self._pairs.append((_decode(parameter), _decode(given)))
        # The first value of a repeated parameter counts; the signature covers all.
        self.query: dict[str, str] = dict(reversed(self._pairs))
        host = (self.header("host") or "").partition(":")[0].lower()
        virtual = host.removesuffix(".localhost").removesuffix(".s3") if host.endswith(".localhost") else ""
        if virtual and virtual != "s3":
            self.bucket, self.key = virtual, path[1:]
            self.canonical_resource = f"/{virtual}{self.canonical_path}"
        else:
            self.bucket, _, self.key = path[1:].partition("/")
            self.canonical_resource = self.canonical_path

    def header(self, name: str) -> str | None:
        """A header's value by lower-case name; repeated headers are joined."""
        values = self.headers.get(name)
        return ", ".join(values) if values else None

    def canonical_query(self, skip: Collection[str]) -> str:
        """The canonical query string for signatures, without some parameters."""
        return "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in self._pairs if name not in skip
        )

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """An integer from the query.

        :raises S3Error: not an integer, or out of range
        """
        text = self.query.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or not low <= int(text[:12]) <= high:
            raise S3Error(
                "InvalidArgument",
                f"{name} must be an integer between {low} and {high}",
                ArgumentName=name,
                ArgumentValue=text,
            )
        return int(text)

    def check_key(self) -> None:
        """:raises S3Error: the key is too long"""
        if len(self.key.encode()) > MAX_KEY:
            raise S3Error("KeyTooLongError", Size=str(len(self.key.encode())), MaxSizeAllowed=str(MAX_KEY))


def _decode(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise S3Error("InvalidURI") from None


def _text_of_header(value: bytes) -> str:
    """HTTP headers are latin-1, but S3 clients send UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
