"""The exceptions that scripts written for hca 7 catch.

The current packages raise :class:`hca_base.errors.HCAError`. The clients of this package raise subclasses
that are also the exceptions of hca 7: a :class:`requests.HTTPError` for an error response, a
:class:`requests.ConnectionError` for none, a :class:`ValueError` for arguments, a :class:`RuntimeError` for
a failed job.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import requests

from hca_base.errors import HCAError, NotFoundError, ServiceError, TimedOutError, UnreachableError, UsageError

P = ParamSpec("P")
R = TypeVar("R")


class SwaggerAPIException(ServiceError, requests.HTTPError):
    """The service responded with an error.

    :ivar code: HTTP status
    :ivar reason: the service's error code, such as ``not_found``, or the HTTP reason
    :ivar title: the service's message
    :ivar stacktrace: the service's traceback, if it sent one
    :ivar details: the parsed body, or its text
    :ivar response: the response object
    """

    def __init__(self, *args: Any, response: requests.Response | None = None, **options: Any) -> None:
        if response is not None and "status" not in options:
            from hca_base.http import error_from_response

            error = error_from_response(response)
            args = args or (error.message,)
            options = {name: getattr(error, name) for name in ("status", "reason", "title", "details", "request_id")}
        message = str(args[0]) if args else "the service responded with an error"
        options.setdefault("status", getattr(response, "status_code", 0))
        ServiceError.__init__(self, message, response=response, **options)
        self.request = getattr(response, "request", None)
        self.errno = self.strerror = self.filename = None

    @property
    def stacktrace(self) -> str | None:
        """The service's traceback."""
        return self.details.get("stacktrace") if isinstance(self.details, dict) else None

    def __str__(self) -> str:
        if not self.details:
            return f"{self.reason}, code {self.code}"
        text = self.stacktrace or getattr(self.response, "text", "")
        return f"{self.reason}: {self.title} (HTTP {self.code}). Details:\n{text}"


class SwaggerClientInternalError(Exception):
    """No longer raised; hca 7 raised it for a command without a docstring."""


class _TimeOut(requests.ConnectTimeout, requests.ReadTimeout):
    """The base classes of time-outs in hca 7: ConnectionError, Timeout, ConnectTimeout, ReadTimeout."""


_twins: dict[type[HCAError], type[HCAError]] = {}


def _twin(kind: type[HCAError]) -> type[HCAError]:
    """A subclass of an error that is also hca 7's exception for it."""
    if kind not in _twins:
        _twins[kind] = _make_twin(kind)
    return _twins[kind]


def _make_twin(kind: type[HCAError]) -> type[HCAError]:
    if issubclass(kind, ServiceError):
        return SwaggerAPIException
    old: type[Exception]
    if issubclass(kind, TimedOutError):
        # In hca 7, a time-out was a ConnectionError after its retries, and a Timeout before.
        old = _TimeOut
    elif issubclass(kind, UnreachableError):
        old = requests.ConnectionError
    elif issubclass(kind, NotFoundError):
        old = FileNotFoundError
    elif issubclass(kind, UsageError):
        old = ValueError
    else:
        old = RuntimeError
    if issubclass(kind, old):
        return kind
    return type(kind.__name__, (kind, old), {"__module__": kind.__module__, "__doc__": kind.__doc__})


def as_hca7(error: HCAError) -> HCAError:
    """The same error, in the form that scripts written for hca 7 catch."""
    kind = _twin(type(error))
    if isinstance(error, kind):
        return error
    twin = kind.__new__(kind, error.message)
    twin.args = error.args
    twin.__dict__.update(error.__dict__)
    if isinstance(twin, requests.RequestException):
        response = twin.__dict__.setdefault("response", None)
        twin.__dict__.setdefault("request", getattr(response, "request", None))
    return twin.with_traceback(error.__traceback__)


@contextmanager
def raising_hca7() -> Iterator[None]:
    """Converts exceptions in its block to the form that scripts written for hca 7 catch."""
    try:
        yield
    except HCAError as error:
        twin = as_hca7(error)
        if twin is error:
            raise
        raise twin from error.__cause__


def translated(function: Callable[P, R]) -> Callable[P, R]:
    """A function that converts its exceptions to that form."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with raising_hca7():
            return function(*args, **kwargs)

    return call
