"""Signed requests to an S3 endpoint with arbitrary headers, which S3 clients do not allow."""

from __future__ import annotations

import base64
from typing import Any

import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class SignedRequests:
    """Sends requests signed with a deployment's own key."""

    def __init__(self, deployment: Any) -> None:
        root = deployment.ctx.credentials.root()
        self._credentials = Credentials(root.access_key, root.secret_key)
        self._url = deployment.s3_url

    def __call__(
        self, method: str, path: str, headers: dict[str, str] | None = None, data: bytes = b"", **options: Any
    ) -> requests.Response:
        """Send a request; ``path`` starts with the bucket, and may have a query."""
        made = AWSRequest(method, f"{self._url}/{path}", headers=headers or {}, data=data)
        S3SigV4Auth(self._credentials, "s3", "us-east-1").add_auth(made)
        return requests.request(method, made.url, headers=dict(made.headers), data=data, timeout=60, **options)


def error_code(response: requests.Response) -> str:
    """The S3 code of an error response, or an empty string."""
    return response.text.partition("<Code>")[2].partition("</Code>")[0]


def crc64nvme(data: bytes) -> str:
    """The reflected CRC with the polynomial of the NVM Express specification, bit by bit."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
        table.append(value)
    value = 0xFFFFFFFFFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return base64.b64encode((value ^ 0xFFFFFFFFFFFFFFFF).to_bytes(8, "big")).decode()
