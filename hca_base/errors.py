"""The exceptions of ``hca`` and the exit code that each stands for.

::

    HCAError                    1  failed
    ├── UsageError              2  the command line or an argument is wrong
    │   └── ConfigError         2  a configuration file or value is wrong
    ├── PluginError             1  a plugin cannot be used
    ├── DocumentError           1  an OpenAPI document cannot be used
    ├── AuthError               3  no credentials, or they were not accepted
    ├── NotFoundError           4  what was asked for does not exist
    ├── RefusedError            5  a conflict, or the service refused
    ├── UnreachableError        6  no connection could be made or kept
    │   └── TimedOutError       6  no answer in time
    ├── VerificationError       7  bytes differ from what was promised
    ├── TransferError           1  one or more files were not transferred
    └── ServiceError            by status: the service responded with an error
"""

from __future__ import annotations

import enum
from typing import Any


class ExitCode(enum.IntEnum):
    """Exit codes of all ``hca`` commands; their meanings never change."""

    OK = 0
    FAILED = 1
    USAGE = 2
    AUTH = 3
    NOT_FOUND = 4
    REFUSED = 5
    UNREACHABLE = 6
    VERIFICATION = 7
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141


class HCAError(Exception):
    """Base class of all errors that are shown to users in one line.

    :param message: one line that says what is wrong
    :param hint: what to do next, shown on a separate line
    :param request_id: the server's ID of the request, if it sent one
    :ivar report: the :class:`hca_base.transfer.Report` of the run that failed; None for other errors
    """

    exit_code: ExitCode = ExitCode.FAILED
    report: Any = None

    def __init__(self, message: str, *, hint: str | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.request_id = request_id

    def __str__(self) -> str:
        return self.message


class UsageError(HCAError):
    """The command line, or an argument of a call, is invalid."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A configuration file cannot be read, or contains an invalid value."""


class PluginError(HCAError):
    """A plugin cannot be loaded or breaks its contract."""


class DocumentError(HCAError):
    """An OpenAPI document is missing, malformed or not supported."""


class AuthError(HCAError):
    """No credentials are available, or the service did not accept them."""

    exit_code = ExitCode.AUTH


class NotFoundError(HCAError):
    """The requested object does not exist."""

    exit_code = ExitCode.NOT_FOUND


class RefusedError(HCAError):
    """The request conflicts with existing data, or was refused."""

    exit_code = ExitCode.REFUSED


class UnreachableError(HCAError):
    """The server cannot be reached, or the connection broke."""

    exit_code = ExitCode.UNREACHABLE


class TimedOutError(UnreachableError):
    """The server did not respond, or did not finish its response, in time."""


class VerificationError(HCAError):
    """Received or stored bytes differ from their checksum or size."""

    exit_code = ExitCode.VERIFICATION


class TransferError(HCAError):
    """One or more files were not transferred.

    :param exit_code: the exit code that all failures share, if they share one
    """

    def __init__(self, message: str, *, exit_code: ExitCode = ExitCode.FAILED, **kwargs: Any) -> None:
        super().__init__(message, **kwargs)
        self.exit_code = exit_code


class ServiceError(HCAError):
    """The service responded with an error.

    ``code``, ``reason``, ``title``, ``details`` and ``response`` have the same values as in hca 7's
    ``SwaggerAPIException``.

    :ivar status: HTTP status
    :ivar code: HTTP status too (the name that hca 7 used)
    :ivar reason: the service's machine-readable code (``not_found``), or the HTTP reason phrase
    :ivar title: the service's message; may be empty
    :ivar details: the parsed body, or its text
    :ivar response: the ``requests.Response``, or None
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reason: str | None = None,
        title: str | None = None,
        details: Any = None,
        response: Any = None,
        hint: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, request_id=request_id)
        self.status = status
        self.code = status
        self.reason = reason
        self.title = title
        self.details = details
        self.response = response
        self.exit_code = exit_code_of_status(status)


def exit_code_of_status(status: int) -> ExitCode:
    """The exit code for an HTTP error status.

    401 and 403 are authentication, 404 and 410 not found, 408, 429 and 502 to 504 unreachable, other 4xx refused.
    """
    if status in (401, 403):
        return ExitCode.AUTH
    if status in (404, 410):
        return ExitCode.NOT_FOUND
    if status in (408, 429, 502, 503, 504):
        return ExitCode.UNREACHABLE
    if 400 <= status < 500:
        return ExitCode.REFUSED
    return ExitCode.FAILED
