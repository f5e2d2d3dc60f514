"""What an embedded Azul answers with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


class BadRequest(Exception):
    """A request that the service refuses with 400."""


class Answer:
    """An answer: status, body (bytes, or an object to be sent as JSON), headers."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.headers = headers or {}
        self.body = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        if body is not None and not isinstance(body, bytes):
            self.headers.setdefault("Content-Type", "application/json")


def error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    """An error as the service writes it."""
    return Answer(status, {"Code": code, "Message": message}, headers)


def too_large(retry_after: int = 10) -> Answer:
    """What a gateway makes of an answer that does not pass through it."""
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
    """Refuse parameters that are not known.

    :raises BadRequest: there is one
    """
    unknown = sorted(set(query) - set(known))
    if unknown:
        raise BadRequest(f"Unknown query parameter `{unknown[0]}`")
