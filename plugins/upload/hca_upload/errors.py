"""The exceptions of the library, under the names that hca 7 gave them."""

from __future__ import annotations

from collections.abc import Mapping

from hca_base.errors import ExitCode, HCAError, ServiceError

#: What the service says when it knows the area but not the file.
NO_SUCH_FILE = "No such file"


class UploadException(HCAError, RuntimeError):
    """Something about an upload area is wrong: it is not known, not selected, or files were not uploaded."""

    def __init__(self, message: str, *, exit_code: ExitCode = ExitCode.FAILED, hint: str | None = None) -> None:
        HCAError.__init__(self, message, hint=hint)
        self.exit_code = exit_code


def title_of(error: ServiceError) -> str:
    """The service's own title of an error, without the details that follow it elsewhere; may be empty."""
    details = error.details
    return str(details.get("title") or "") if isinstance(details, Mapping) else ""


class UploadApiException(HCAError, RuntimeError):
    """The service refused a request.

    :ivar status: HTTP status
    :ivar title: the service's message, in short
    """

    def __init__(self, error: ServiceError) -> None:
        HCAError.__init__(self, error.message, hint=error.hint, request_id=error.request_id)
        self.status = error.status
        self.title = title_of(error)
        self.exit_code = error.exit_code


class NotReady(UploadApiException):
    """The service does not know yet: the checksums are not computed, or the validation has not ended.

    The service says so with HTTP status 500, since its document leaves no room for a value that is not there.
    """
