"""Log requests and responses for ``-vv`` and ``--debug``, without secrets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hca_base.http._redact import redact, redact_headers, redact_url

if TYPE_CHECKING:
    import requests

logger = logging.getLogger("hca.http")

_SHOWN_BODY = 4096
_READ_BODY = 1 << 16


# Server output must not control the terminal that shows the trace.
_CONTROLS = {code: f"\\x{code:02x}" for code in [*range(9), *range(11, 32), *range(127, 160)]}


def trace_request(prepared: requests.PreparedRequest, *, sensitive: bool = False) -> None:
    """Log a request that is about to be sent: its line at INFO, headers and body at DEBUG.

    :param sensitive: the body is not shown
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    logger.info("> %s %s", prepared.method, redact_url(prepared.url or ""))
    if logger.isEnabledFor(logging.DEBUG):
        for name, value in redact_headers(prepared.headers).items():
            logger.debug("> %s: %s", name, value)
        if prepared.body:
            logger.debug("> %s", "(the body is not shown)" if sensitive else _shown(prepared.body))


def trace_response(response: requests.Response, seconds: float) -> None:
    """Log the header of a response."""
    if not logger.isEnabledFor(logging.INFO):
        return
    logger.info("< %s %s (%.3f s)", response.status_code, redact(response.reason or "").translate(_CONTROLS), seconds)
    if logger.isEnabledFor(logging.DEBUG):
        for name, value in redact_headers(response.headers).items():
            logger.debug("< %s: %s", name.translate(_CONTROLS), value.translate(_CONTROLS))


def trace_body(response: requests.Response, *, sensitive: bool = False) -> None:
    """Log the body of a response that was read into memory.

    :param sensitive: it is not shown
    """
    if logger.isEnabledFor(logging.DEBUG) and response.content:
        logger.debug("< %s", "(the body is not shown)" if sensitive else _shown(response.content))


def _shown(body: object) -> str:
    if isinstance(body, str):
        body = body.encode("utf-8", "replace")
    if not isinstance(body, bytes):
        return f"(a body of kind {type(body).__name__})"
    if b"\0" in body[:1024]:
        return f"({len(body)} bytes)"
    # Redact before truncating: a truncated secret may not be recognized.
    text = redact(body[:_READ_BODY].decode("utf-8", "replace")).translate(_CONTROLS)
    return text if len(text) <= _SHOWN_BODY else f"{text[:_SHOWN_BODY]}… ({len(body)} bytes)"
