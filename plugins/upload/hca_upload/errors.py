"""The exceptions of the library, with the names that they have in hca 7."""

from __future__ import annotations

from collections.abc import Mapping

from hca_base.errors import ExitCode, HCAError, ServiceError

#: The service's message if the area exists but not the file.
NO_SUCH_FILE = "No such file"


class UploadException(HCAError, RuntimeError):
    """An error about an upload area: unknown, not selected, or files were not uploaded."""

    def __init__(self, message: str, *, exit_code: ExitCode = ExitCode.FAILED, hint: str | None = None) -> None:
        HCAError.__init__(self, message, hint=hint)
        self.exit_code = exit_code


def title_of(error: ServiceError) -> str:
    """The title of the service's error, without details; may be empty."""
    details = error.details
    return str(details.get("title") or "") if isinstance(details, Mapping) else ""


class UploadApiException(HCAError, RuntimeError):
    """The service rejected a request.

    :ivar status: HTTP status
    :ivar title: the service's short message
    """

    def __init__(self, error: ServiceError) -> None:
        HCAError.__init__(self, error.message, hint=error.hint, request_id=error.request_id)
        self.status = error.status
        self.title = title_of(error)
        self.exit_code = error.exit_code


class NotReady(UploadApiException):
    """Not available yet: the checksums are not computed, or the validation has not finished.

    The service responds with HTTP status 500, because its document does not allow missing values.
    """
