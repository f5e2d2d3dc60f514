"""Exceptions that scripts catch: those of hca 7, and those that it did not convert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from hca_base.errors import (
    AuthError,
    HCAError,
    NotFoundError,
    ServiceError,
    TimedOutError,
    TransferError,
    UnreachableError,
    UsageError,
    VerificationError,
)


def _response(status: int, body: bytes, kind: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code, response._content, response.reason = status, body, "Not Found"
    response.headers["Content-Type"] = kind
    response.url = "http://127.0.0.1/v1/bundles/x"
    response.request = requests.Request("GET", response.url).prepare()
    return response


@pytest.mark.parametrize(
    ("error", "old"),
    [
        (UnreachableError("no"), requests.ConnectionError),
        (TimedOutError("no"), requests.Timeout),
        (UsageError("no"), ValueError),
        (NotFoundError("no"), FileNotFoundError),
        (TransferError("no"), RuntimeError),
        (VerificationError("no"), RuntimeError),
        (AuthError("no", hint="log in"), RuntimeError),
        (HCAError("no"), RuntimeError),
        (ServiceError("no", status=503, reason="x"), requests.HTTPError),
    ],
)
def test_errors_are_both_what_they_are_and_what_they_were(error: HCAError, old: type[Exception]) -> None:
    from hca.util.exceptions import as_hca7, raising_hca7

    with pytest.raises(old) as caught, raising_hca7():
        raise error
    twin = caught.value
    assert isinstance(twin, type(error))
    assert twin.message == "no"  # type: ignore[attr-defined]
    assert twin.hint == error.hint  # type: ignore[attr-defined]
    assert twin.exit_code == error.exit_code  # type: ignore[attr-defined]
    assert as_hca7(twin) is twin  # type: ignore[arg-type]
    assert isinstance(twin, requests.RequestException) == issubclass(old, requests.RequestException)


def test_an_answer_of_the_service_as_hca_7_told_it() -> None:
    from hca.util.exceptions import SwaggerAPIException

    body = {"code": "not_found", "title": "Cannot find it", "stacktrace": "Traceback", "status": 404}
    error = SwaggerAPIException(response=_response(404, json.dumps(body).encode()))
    assert (error.code, error.reason, error.title, error.stacktrace) == (
        404,
        "not_found",
        "Cannot find it",
        "Traceback",
    )
    assert error.details == body
    assert str(error) == "not_found: Cannot find it (HTTP 404). Details:\nTraceback"
    assert error.response is not None and error.response.status_code == 404
    assert error.request.method == "GET"


def test_an_answer_that_is_no_json() -> None:
    from hca.util.exceptions import SwaggerAPIException

    error = SwaggerAPIException(response=_response(502, b"<html>bad gateway</html>", "text/html"))
    assert error.code == 502
    assert error.stacktrace is None
    assert "502" in str(error)
    assert "502" in str(SwaggerAPIException(response=_response(502, b"")))


def test_a_service_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    from hca.dss import DSSClient

    settings: dict[str, Any] = {"DSSClient": {"swagger_url": "http://127.0.0.1:9/v1/swagger.json"}, "http.retries": 0}
    client = DSSClient(config=settings)
    uuid = "ffffffff-ffff-4fff-8fff-ffffffffffff"
    with pytest.raises(requests.ConnectionError):
        client.get_bundle(uuid=uuid, replica="aws")
    with pytest.raises(requests.ConnectionError):
        next(client.post_search.iterate(es_query={}, replica="aws"))
    with pytest.raises(requests.ConnectionError), client.get_file.stream(uuid=uuid, replica="aws"):
        pass
    with pytest.raises(ValueError, match="replica"):
        client.get_bundle(uuid=uuid)
    # Invalid values are rejected by the service, as with hca 7.
    with pytest.raises(requests.ConnectionError):
        client.get_bundle(uuid=uuid, replica="azure")
    with pytest.raises(requests.ConnectionError):
        client.download(uuid, "aws", download_dir=str(tmp_path))
