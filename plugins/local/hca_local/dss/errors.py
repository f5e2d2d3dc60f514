"""Errors of the DSS.

The original returned errors in four shapes, and clients handle all of them, so all four are here:
the application's own problem documents (:class:`DSSError`), those of its framework for requests that are not JSON
(:class:`MalformedBodyError`), and two kinds that come from the gateway in front (:class:`GatewayError`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AnswerError(Exception):
    """An error with its own HTTP response."""

    status: int = 500
    media_type = "application/problem+json"
    #: Gateway responses have no request id, because the request never reached the application.
    from_application = True

    def body(self) -> dict[str, Any]:
        """The JSON document of the response."""
        raise NotImplementedError


class DSSError(AnswerError):
    """A problem reported by the application: ``code`` is for programs, ``title`` for people."""

    def __init__(self, status: int, code: str, title: str, *, stacktrace: str | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.code = code
        self.title = title
        self.stacktrace = stacktrace

    def body(self) -> dict[str, Any]:
        # Clients of the original expect the member; a stack trace is only useful for internal errors.
        trace = self.stacktrace if self.stacktrace is not None else f"{type(self).__name__}: {self.title}"
        member = "traces" if self.status == 504 else "stacktrace"
        return {"status": self.status, "code": self.code, "title": self.title, member: trace}


class MalformedBodyError(AnswerError):
    """The request's body is not JSON; the response has no code."""

    status = 400

    def body(self) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": "Bad Request",
            "detail": "Request body is not valid JSON",
            "status": self.status,
        }


class GatewayError(AnswerError):
    """Rejected before the application: an unknown route, method or media type."""

    media_type = "application/json"
    from_application = False

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body))
        self.status = status
        self._body = dict(body)

    def body(self) -> dict[str, Any]:
        return self._body


def unknown_route() -> GatewayError:
    """The gateway answers 403, never 404, for routes that it does not know."""
    return GatewayError(403, {"message": "Missing Authentication Token"})


def method_not_allowed(method: str) -> GatewayError:
    return GatewayError(405, {"Code": "MethodNotAllowedError", "Message": f"Unsupported method: {method}"})


def unsupported_media_type(content_type: str) -> GatewayError:
    return GatewayError(415, {"Code": "UnsupportedMediaType", "Message": f"Unsupported media type: {content_type}"})


def body_too_large() -> GatewayError:
    return GatewayError(413, {"message": "Request Too Long"})


def illegal_arguments(title: str) -> DSSError:
    return DSSError(400, "illegal_arguments", title)


def not_found(what: str) -> DSSError:
    return DSSError(404, "not_found", f"Cannot find {what}!")


def forbidden(title: str = "User is not authorized to access this resource") -> DSSError:
    return DSSError(403, "Forbidden", title)
