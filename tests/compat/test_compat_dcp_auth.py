"""The DCP Auth service needs no code: its document defines it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

#: An excerpt of the service's document.
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "DCP Auth service", "version": "1", "description": "Who is asking."},
    "paths": {
        "/.well-known/openid-configuration": {
            "get": {"summary": "Where things are", "responses": {"200": {"description": "ok"}}}
        },
        "/v1/groups/{uuid}": {
            "get": {
                "summary": "A group",
                "parameters": [{"name": "uuid", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "ok"}},
            }
        },
    },
}


@pytest.fixture
def service() -> Iterator[str]:
    """A deployment of it; the URL of its document."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            base = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
            answer: Any = {
                "/swagger.json": {**DOCUMENT, "servers": [{"url": base}]},
                "/.well-known/openid-configuration": {"issuer": base + "/"},
                "/v1/groups/admins": {"name": "admins"},
            }.get(self.path)
            content = json.dumps(answer or {"code": "not_found", "title": "no such thing"}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/swagger.json"
    server.shutdown()
    server.server_close()


def test_a_service_without_code(ours: Any, service: str) -> None:
    ours.configure({})
    ours.command("service", "add", "dcp-auth", service)
    assert "get-openid-configuration" in ours.command("dcp-auth", "--help").stdout
    base = service.rpartition("/")[0]
    answer = ours.command("dcp-auth", "get-openid-configuration").stdout
    assert json.loads(answer) == {"issuer": f"{base}/"}
    assert json.loads(ours.command("dcp-auth", "get-group", "--uuid", "admins").stdout) == {"name": "admins"}
    code = "import hca_base; print(hca_base.client('dcp-auth').get_group(uuid='admins')['name'])"
    assert ours._run(["-c", code], 0).stdout == "admins\n"
    # hca 7's name finds the added service.
    code = "from hca.auth import AuthClient; print(AuthClient().get_group(uuid='admins')['name'])"
    assert ours._run(["-c", code], 0).stdout == "admins\n"
    # The core's own command with the name of hca 7's client.
    assert "login" in ours.command("auth", "--help").stdout


def test_the_old_name_and_its_setting(ours: Any, service: str) -> None:
    ours.configure({"AuthClient": {"swagger_url": service}})
    code = (
        "from hca.auth import AuthClient\n"
        "from hca.util.exceptions import SwaggerAPIException\n"
        "auth = AuthClient()\n"
        "print(auth.get_openid_configuration()['issuer'])\n"
        "try:\n    auth.get_group(uuid='none')\n"
        "except SwaggerAPIException as error:\n    print(error.code, error.reason)\n"
        "AuthClient.retry_policy = None\n"
    )
    lines = ours._run(["-c", code], 0).stdout.splitlines()
    assert lines == [service.rpartition("/")[0] + "/", "404 not_found"]


def test_a_client_of_a_script_s_own(ours: Any, service: str) -> None:
    """A subclass of SwaggerClient reads the settings under its name."""
    ours.configure({"GroupClient": {"swagger_url": service}})
    code = (
        "from hca.util import SwaggerClient\n"
        "class GroupClient(SwaggerClient):\n"
        "    def __init__(self, *args, **kwargs):\n"
        "        super().__init__(*args, **kwargs)\n"
        "        self.commands += [self.twice]\n"
        "    def twice(self, uuid):\n"
        "        '''Both.'''\n"
        "        return [self.get_group(uuid=uuid)['name']] * 2\n"
        "groups = GroupClient()\n"
        "print(groups.twice('admins'), groups.host, sorted(groups.methods))\n"
        "print(groups.swagger_spec['info']['title'], dict(groups.http_paths['get_group']))\n"
        "print(groups.get_session().get(groups.host + '/v1/groups/admins').json())\n"
    )
    said = ours._run(["-c", code], 0).stdout.splitlines()
    base = service.rpartition("/")[0]
    assert said[0] == f"['admins', 'admins'] {base} ['get_group', 'get_openid_configuration']"
    assert said[1] == "DCP Auth service {frozenset({'uuid'}): '/v1/groups/{uuid}'}"
    assert said[2] == "{'name': 'admins'}"
