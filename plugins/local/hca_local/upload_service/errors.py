"""The error responses: those of the service, and those of the gateway in front of it."""

from __future__ import annotations

from typing import Any


class UploadError(Exception):
    """An error response.

    :param body: the JSON object
    :param media_type: ``application/problem+json`` from the service, ``application/json`` from the gateway
    """

    def __init__(self, status: int, body: dict[str, Any], media_type: str = "application/problem+json") -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.media_type = media_type


def problem(status: int, title: str, detail: str | None = None) -> UploadError:
    """An error of the service itself."""
    body: dict[str, Any] = {"status": status, "title": title}
    if detail is not None:
        body["detail"] = detail
    return UploadError(status, body)


def bad_request(detail: str) -> UploadError:
    """An error of request validation; it has a ``type``."""
    return UploadError(400, {"detail": detail, "status": 400, "title": "Bad Request", "type": "about:blank"})


def not_ready() -> UploadError:
    """The original's response for a file without checksums or a validation without results: a server error."""
    return problem(500, "Response body does not conform to specification", "None is not of type 'object'")


def no_route() -> UploadError:
    return UploadError(403, {"message": "Missing Authentication Token"}, "application/json")


def wrong_method(method: str) -> UploadError:
    body = {"Code": "MethodNotAllowedError", "Message": f"Unsupported method: {method}"}
    return UploadError(405, body, "application/json")


def wrong_media_type(media_type: str) -> UploadError:
    body = {"Code": "UnsupportedMediaType", "Message": f"Unsupported media type: {media_type}"}
    return UploadError(415, body, "application/json")


def no_area() -> UploadError:
    return problem(404, "Upload Area Not Found")


def no_file() -> UploadError:
    return problem(404, "No such file", "No such file in that upload area")


def no_url() -> UploadError:
    detail = "There is no such URL on this server"
    return UploadError(404, {"detail": detail, "status": 404, "title": "Not Found", "type": "about:blank"})
