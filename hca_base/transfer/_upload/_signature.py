"""AWS Signature Version 4 of requests to S3.

botocore's signer takes ten times as long for a request, longer than reading, hashing and sending a small file together.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Signer:
    """Signs requests and caches the keys derived for a day and a region. Thread-safe."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str, str], bytes] = {}

    def sign(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        region: str,
        keys: tuple[str, str, str | None],
        payload: str,
        now: float,
    ) -> dict[str, str]:
        """Return the headers with those that authorize the request.

        :param url: as it is sent, escaped
        :param headers: all of them are signed
        :param keys: access key, secret key, and session token or None
        :param payload: sha256 of the body in hex, or S3's placeholder for an unsigned body
        :param now: Unix time of the signature
        """
        access, secret, token = keys
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        signed = {**headers, "X-Amz-Content-SHA256": payload, "X-Amz-Date": stamp}
        if token:
            signed["X-Amz-Security-Token"] = token
        parts = urlsplit(url)
        lines = {name.lower(): " ".join(value.split()) for name, value in signed.items()}
        lines["host"] = _host(parts.scheme, parts.hostname or "", parts.port)
        names = sorted(lines)
        listed = ";".join(names)
        described = "".join(f"{name}:{lines[name]}\n" for name in names)
        canonical = "\n".join((method, parts.path or "/", _query(parts.query), described, listed, payload))
        scope = f"{stamp[:8]}/{region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}"
        signature = _hmac(self._key(secret, stamp[:8], region), text).hex()
        signed["Authorization"] = (
            f"{_ALGORITHM} Credential={access}/{scope}, SignedHeaders={listed}, Signature={signature}"
        )
        return signed

    def _key(self, secret: str, day: str, region: str) -> bytes:
        key = self._keys.get((secret, day, region))
        if key is None:
            key = f"AWS4{secret}".encode()
            for part in (day, region, "s3", "aws4_request"):
                key = _hmac(key, part)
            # Keys for other days and earlier credentials are no longer needed.
            self._keys = {(secret, day, region): key}
        return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _host(scheme: str, host: str, port: int | None) -> str:
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


def _query(query: str) -> str:
    pairs = (part.partition("=") for part in query.split("&")) if query else ()
    return "&".join(f"{name}={value}" for name, value in sorted((name, value) for name, _, value in pairs))
