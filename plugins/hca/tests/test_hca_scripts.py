"""Edge cases of programs written for hca 7: extra arguments, policies set later, malformed values, old names."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from hca_local.server import Deployment

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("data")) as found:
        yield found


def client_of(deployment: Deployment, **policies: Any) -> Any:
    import hca
    from hca.dss import DSSClient

    kind = type("DSSClient", (DSSClient,), policies)
    config = hca.HCAConfig(save_on_exit=False)
    config["DSSClient"] = {"swagger_url": f"{deployment.api_url}/v1/swagger.json"}
    return kind(config=config, token=deployment.token("user"))


@pytest.fixture
def client(deployment: Deployment) -> Any:
    return client_of(deployment)


def test_arguments_that_an_operation_lacks_are_ignored_with_a_warning(
    client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "hca"):
        assert client.get_bundles_all(replica="aws", colour="red")["bundles"] == []
        assert list(client.get_bundles_all.iterate(replica="aws", colour="red")) == []
        assert client.get_bundles_all(replica="aws", colour=None)["bundles"] == []
    assert caplog.messages == ["get_bundles_all takes no argument 'colour': ignored"] * 2


def test_nothing_is_deleted_with_an_argument_that_would_be_ignored(client: Any) -> None:
    with pytest.raises(ValueError, match="takes no argument 'verison'"):
        client.delete_bundle(uuid=UNKNOWN, replica="aws", reason="x", verison="2019-01-01T000000.000000Z")


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("get_bundle", {"uuid": "no-uuid", "replica": "aws"}, "illegal_arguments"),
        ("get_bundle", {"uuid": UNKNOWN, "replica": "azure"}, "illegal_arguments"),
        ("get_bundles_all", {"replica": "aws", "prefix": "not hexadecimal!"}, "illegal_arguments"),
        ("get_bundle", {"uuid": UNKNOWN, "replica": "aws"}, "not_found"),
    ],
)
def test_malformed_values_are_refused_by_the_service(
    client: Any, name: str, arguments: dict[str, str], reason: str
) -> None:
    from hca.util.exceptions import SwaggerAPIException

    with pytest.raises(SwaggerAPIException) as caught:
        getattr(client, name)(**arguments)
    assert (caught.value.reason, caught.value.response is not None) == (reason, True)
    assert isinstance(caught.value, requests.HTTPError)


def test_a_host_that_is_set_is_the_one_that_is_asked(deployment: Deployment, client: Any) -> None:
    assert client.host == f"{deployment.api_url}/v1"
    client.get_bundles_all(replica="aws")
    client.host = "http://127.0.0.1:9/v1"
    with pytest.raises(requests.ConnectionError):
        client.get_bundles_all(replica="aws")
    client.host = f"{deployment.api_url}/v1"
    assert client.get_bundles_all(replica="aws")["bundles"] == []


@pytest.fixture(scope="module")
def slow() -> Iterator[str]:
    """A service that answers after two seconds."""

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(2)
            body = b'{"bundles": []}'
            with contextlib.suppress(ConnectionError):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("late", [True, False], ids=["on the instance", "on the class"])
def test_policies_hold_and_timeouts_are_what_they_were(deployment: Deployment, slow: str, late: bool) -> None:
    from hca.util import RetryPolicy
    from urllib3.util import Timeout

    policies = {"timeout_policy": Timeout(connect=1, read=0.2), "retry_policy": RetryPolicy(total=0, read=0, status=0)}
    client = client_of(deployment, **({} if late else policies))
    client.get_bundles_all(replica="aws")
    patient = client_of(deployment)
    patient.host = slow
    assert patient.get_bundles_all(replica="aws") == {"bundles": []}
    if late:
        for name, value in policies.items():
            setattr(client, name, value)
    client.host = slow
    for kind in (requests.Timeout, requests.ConnectionError, requests.ReadTimeout):
        with pytest.raises(kind):
            client.get_bundles_all(replica="aws")


def test_private_names_that_programs_use_are_there_and_deprecated(client: Any) -> None:
    with pytest.warns(DeprecationWarning, match="swagger_spec"):
        assert client._swagger_spec["swagger"] == "2.0"
    with pytest.warns(DeprecationWarning, match="paginate"):
        assert client.get_bundles_all._auto_page(replica="aws")["bundles"] == []
    with pytest.warns(DeprecationWarning, match="stream"):
        response = client.get_bundles_all._request({"replica": "aws", "json": None})
    assert isinstance(response, requests.Response)
    assert response.json()["bundles"] == []
    with pytest.warns(DeprecationWarning), pytest.raises(requests.HTTPError):
        client.get_bundle._request({"uuid": UNKNOWN, "replica": "aws"})
