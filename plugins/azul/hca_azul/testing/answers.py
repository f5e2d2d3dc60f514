"""Responses of an embedded Azul."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


class BadRequest(Exception):
    """A request that the service rejects with 400."""


class Answer:
    """A response: status, body (bytes, or an object to send as JSON), headers."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.headers = headers or {}
        self.body = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if body is not None and not isinstance(body, bytes):
            self.headers.setdefault("Content-Type", "application/json")


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    """An error in the service's format."""
    return Answer(status, {"Code": code, "Message": message}, headers)


def too_large(retry_after: int = 10) -> Answer:
    """A gateway's error for a response that it cannot pass on."""
    body = b"<html><head><title>504 Gateway Timeout</title></head></html>"
    return Answer(502, body, {"Retry-After": str(retry_after), "Content-Type": "text/html"})


def redirect(status: int, location: str, fetch: bool, wait: int | None = None) -> Answer:
    """A redirect.

    :param fetch: in the body of a 200, for clients that cannot see redirects
    """
    if not fetch:
        headers = {"Location": location}
        if wait is not None:
            headers["Retry-After"] = str(wait)
        return Answer(status, None, headers)
    body: dict[str, Any] = {"Status": status, "Location": location}
    if wait is not None:
        body["Retry-After"] = wait
    return Answer(200, body)


def accept_only(query: dict[str, str], known: Iterable[str]) -> None:
    """Reject unknown parameters.

    :raises BadRequest: a parameter is unknown
    """
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise BadRequest(f"Unknown query parameter `{unknown[0]}`")
