"""The HTTP interface: one method for each request that the library makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from hca_base.errors import AuthError, ExitCode, HCAError, ServiceError, UnreachableError
from hca_upload.answers import checksums_in, counts_in, credentials_in, list_in, object_in
from hca_upload.errors import NotReady, UploadApiException, UploadException, title_of
from hca_upload.service import SERVICE
from hca_upload.settings import UploadConfig

if TYPE_CHECKING:
    import requests

    from hca_base.auth import Credentials
    from hca_base.http import RetryPolicy, Session

#: Names reserved by the service's routes below an area: a file with such a name could not be requested.
RESERVED_NAMES = frozenset({"credentials", "checksums", "validations", "validate", "files_info"})


class ApiClient:
    """Makes the requests, and sends the API key with those that require it.

    :param deployment_stage: ``prod``, ``staging``, ``local``, …; determines the API's URL
    :param authentication_token: API key; default: the configured or stored one
    :param config: settings; default: the user's
    :param session: HTTP session; default: a new one
    """

    def __init__(
        self,
        deployment_stage: str,
        authentication_token: str | None = None,
        *,
        config: UploadConfig | None = None,
        session: Session | None = None,
    ) -> None:
        self.deployment_stage = deployment_stage
        self._token = authentication_token
        self._settings = config or UploadConfig()
        self._session = session
        self._credentials: Credentials | None = None
        self.url = self._settings.api_url(deployment_stage)

    def __repr__(self) -> str:
        return f"<ApiClient {self.url}>"

    @property
    def session(self) -> Session:
        """The HTTP session."""
        if self._session is None:
            from hca_base.http import Session

            self._session = Session(self._settings.config)
        return self._session

    def interrupt(self) -> None:
        """Cancel requests in progress; later requests are not affected."""
        if self._session is not None:
            self._session.close()
            self._session = None

    # Areas

    def create_area(self, area_uuid: str) -> dict[str, str]:
        """Create an area; return ``{"uri": "s3://BUCKET/UUID/"}``."""
        return object_in(self._ask("POST", [area_uuid], key=True, safe=True), "uri")

    def area_exists(self, area_uuid: str) -> bool:
        """Whether the area exists."""
        try:
            self._ask("HEAD", [area_uuid])
        except UploadApiException as error:
            if error.status in (404, 400):
                return False
            raise
        return True

    def delete_area(self, area_uuid: str) -> bool:
        """Request the deletion of an area with all its files; return True. The service deletes it later."""
        self._ask("DELETE", [area_uuid], key=True)
        return True

    def credentials(self, area_uuid: str) -> dict[str, str]:
        """Temporary AWS credentials: AccessKeyId, SecretAccessKey, SessionToken, Expiration (ISO 8601)."""
        return credentials_in(self._ask("POST", [area_uuid, "credentials"], safe=True))

    # Files

    def store_file(self, area_uuid: str, filename: str, file_content: str | bytes, content_type: str) -> dict[str, Any]:
        """Store a small file; return its FileInfo."""
        body = file_content.encode() if isinstance(file_content, str) else file_content
        headers = {"Content-Type": content_type}
        return object_in(self._ask("PUT", [area_uuid, filename], key=True, data=body, headers=headers), "url")

    def file_upload_notification(self, area_uuid: str, filename: str) -> bool:
        """Notify the service of an uploaded file; return True. Repeating it is harmless."""
        for name in _spellings(filename):
            self._ask("POST", [area_uuid, name], safe=True)
        return True

    def files_info(self, area_uuid: str, file_list: Iterable[str]) -> list[dict[str, Any]]:
        """The FileInfo of several files, in order.

        :raises NotReady: one of them has no checksums yet
        """
        return list_in(self._ask("PUT", [area_uuid, "files_info"], json=list(file_list), may_wait=True))

    def file_info(self, area_uuid: str, filename: str) -> dict[str, Any]:
        """The FileInfo of a file.

        :raises NotReady: it has no checksums yet
        """
        return object_in(self._ask_about(area_uuid, filename))

    # Checksums and validation

    def checksum_status(self, area_uuid: str, filename: str) -> dict[str, Any]:
        """``checksum_status`` and ``checksums`` of a file.

        :raises NotReady: it has no checksums yet
        """
        return checksums_in(self._ask_about(area_uuid, filename, "checksum"))

    def checksum_statuses(self, area_uuid: str) -> dict[str, int]:
        """The number of files in each state."""
        return counts_in(self._ask("GET", [area_uuid, "checksums"]))

    def validate_files(
        self,
        area_uuid: str,
        file_list: Iterable[str],
        validator_image: str,
        original_validation_id: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Start a validation; return ``{"validation_id": …}``."""
        body = {
            "environment": dict(environment or {}),
            "files": list(file_list),
            "original_validation_id": original_validation_id,
            "validator_image": validator_image,
        }
        return object_in(self._ask("PUT", [area_uuid, "validate"], key=True, json=body, once=True), "validation_id")

    def validation_status(self, area_uuid: str, filename: str) -> dict[str, Any]:
        """``validation_status`` and ``validation_results`` of a file's latest validation.

        :raises NotReady: it has not finished
        """
        return object_in(self._ask_about(area_uuid, filename, "validate"), "validation_status")

    def validation_statuses(self, area_uuid: str) -> dict[str, int]:
        """The number of files in each state; a file counts once for each of its validations."""
        return counts_in(self._ask("GET", [area_uuid, "validations"]))

    # Requests

    def _ask_about(self, area_uuid: str, filename: str, *what: str) -> Any:
        """Request a file; if the service does not know its name, retry with the name's other encoding."""
        first, *others = _spellings(filename)
        try:
            return self._ask("GET", [area_uuid, first, *what], may_wait=True)
        except UploadApiException as error:
            if error.status != 404 or not others:
                raise
            return self._ask("GET", [area_uuid, others[0], *what], may_wait=True)

    def _ask(
        self,
        method: str,
        path: list[str],
        *,
        key: bool = False,
        safe: bool = False,
        once: bool = False,
        may_wait: bool = False,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> requests.Response:
        """Send a request.

        :param path: the path after ``/area``, not quoted
        :param key: send the API key
        :param safe: it may be retried, although it is a POST
        :param once: it must not be retried, although it is a PUT
        :param may_wait: status 500 means that the result is not ready
        :raises UploadApiException: the service rejected the request
        :raises UploadException: a part of the path would be normalized, which would change the request
        :raises HCAError: the response is invalid
        """
        for part in path:
            if part in ("", ".", ".."):
                raise UploadException(f"nothing can be called {part!r} there", exit_code=ExitCode.REFUSED)
        url = "/".join([self.url, "area", *(quote(part, safe="") for part in path)])
        try:
            return self.session.call(
                method,
                url,
                headers=headers,
                timeout=self._settings.config.get("upload.timeout"),
                policy=self._policy(method, safe, once, may_wait),
                auth="required" if key else "no",
                credentials=self._key() if key else None,
                **body,
            )
        except ServiceError as error:
            error.hint = SERVICE.hints.get(title_of(error)) or error.hint
            raise (NotReady if may_wait and error.status == 500 else UploadApiException)(error) from None
        except AuthError as error:
            error.hint = SERVICE.hints["Access Denied."]
            raise
        except UnreachableError as error:
            raise _explained(error, url) from None

    @staticmethod
    def _policy(method: str, safe: bool, once: bool, may_wait: bool) -> RetryPolicy:
        from hca_base.http import RetryPolicy

        if once:
            return RetryPolicy.never()
        if may_wait:
            return RetryPolicy.for_operation(method, statuses=frozenset({429, 502, 503, 504}))
        return RetryPolicy.for_operation(method, safe=safe)

    def _key(self) -> Credentials:
        if self._credentials is None:
            from hca_base.auth import credentials_for

            self._credentials = credentials_for(
                SERVICE, self._settings.config, token=self._token, base_url=self.url, session=self.session
            )
        return self._credentials


def _spellings(filename: str) -> list[str]:
    """The names by which the service may know a file.

    The original service decodes names once too often, so that a file whose name looks percent-encoded
    (``50%25.txt``) is only found by its quoted name.
    """
    return [filename] if unquote(filename) == filename else [filename, quote(filename, safe="")]


def _explained(error: HCAError, url: str) -> HCAError:
    from urllib.parse import urlsplit

    error.hint = SERVICE.retired_hosts.get(urlsplit(url).hostname or "") or error.hint
    return error
