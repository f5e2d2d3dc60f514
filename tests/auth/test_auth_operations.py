"""Each operation gets exactly the credentials of its ``security``, through the command line."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Loopback, Runner

SCHEMES = {
    "kh": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    "kh2": {"type": "apiKey", "in": "header", "name": "X-App-Key"},
    "kq": {"type": "apiKey", "in": "query", "name": "key"},
    "kc": {"type": "apiKey", "in": "cookie", "name": "sess"},
    "kc2": {"type": "apiKey", "in": "cookie", "name": "lab"},
    "ba": {"type": "http", "scheme": "basic"},
    "be": {"type": "http", "scheme": "bearer"},
    "dig": {"type": "http", "scheme": "digest"},
    "unused": {"type": "apiKey", "in": "header", "name": "X-Partner-Key"},
}
#: path -> its security, and the names under which secrets must arrive when all of them are stored.
OPERATIONS: dict[str, tuple[Any, set[str]]] = {
    "kh": ([{"kh": []}], {"X-Api-Key"}),
    "kq": ([{"kq": []}], {"key"}),
    "kc": ([{"kc": []}], {"sess"}),
    "cookies": ([{"kc": [], "kc2": []}], {"sess", "lab"}),
    "basic": ([{"ba": []}], {"Basic"}),
    "bearer": ([{"be": []}], {"Bearer"}),
    "and": ([{"kh": [], "be": []}], {"X-Api-Key", "Bearer"}),
    "and2": ([{"kh": [], "kh2": []}], {"X-Api-Key", "X-App-Key"}),
    "or": ([{"kh": []}, {"be": []}], {"X-Api-Key"}),
    "later": ([{"dig": []}, {"be": []}], {"Bearer"}),
    "opt": ([{}, {"be": []}], {"Bearer"}),
    "none": ([], set()),
    "empty": ([{}], set()),
}
SECRETS = {"kh": "canary-kh", "kh2": "canary-kh2", "kq": "canary-kq", "kc": "canary-kc", "kc2": "canary-kc2"}
SECRETS |= {"be": "canary-be", "unused": "canary-unused"}


def document(loopback: Loopback, operations: dict[str, Any], schemes: dict[str, Any]) -> dict[str, Any]:
    responses = {"200": {"description": "ok", "content": {"application/json": {}}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lab", "version": "1"},
        "servers": [{"url": loopback.url}],
        "components": {"securitySchemes": schemes},
        "paths": {f"/{path}": {"get": {"security": each, "responses": responses}} for path, each in operations.items()},
    }


@pytest.fixture
def lab(hca: Runner, loopback: Loopback) -> Loopback:
    """A service whose operations have different security, added as ``lab``."""
    hca("config", "set", "auth.store", "file")
    described = document(loopback, {path: security for path, (security, _) in OPERATIONS.items()}, SCHEMES)
    add(hca, loopback, described)
    for path in OPERATIONS:
        loopback.route("GET", f"/{path}", {})
    return loopback


def add(hca: Runner, loopback: Loopback, described: dict[str, Any]) -> None:
    file = hca.cwd / "lab.json"
    file.write_text(json.dumps(described))
    hca("service", "add", "lab", str(file))


def store_all(hca: Runner) -> None:
    for name, secret in SECRETS.items():
        hca("auth", "set-key", "lab", name, stdin=f"{secret}\n")
    hca("auth", "set-key", "lab", "ba", "--username", "me", stdin="canary-ba\n")


def arrived(loopback: Loopback) -> set[str]:
    """Names of the secrets in the last request; each only where it belongs."""
    _, target, headers, _ = loopback.requests[-1]
    names = {name for name in headers if name in ("X-Api-Key", "X-App-Key", "X-Partner-Key")}
    if "Authorization" in headers:
        names.add(headers["Authorization"].split(" ")[0])
    names |= {each.partition("=")[0] for each in headers.get("Cookie", "").split("; ") if each}
    if "?" in target:
        names |= {each.partition("=")[0] for each in target.partition("?")[2].split("&")}
    return names


def test_each_operation_gets_what_it_asks_for_and_nothing_else(hca: Runner, lab: Loopback) -> None:
    store_all(hca)
    for path, (_, expected) in OPERATIONS.items():
        run = hca("--debug", "lab", f"get-{path}")
        assert arrived(lab) == expected, path
        assert "canary" not in run.stderr
    _, _, headers, _ = lab.requests[-len(OPERATIONS)]
    assert headers["X-Api-Key"] == "canary-kh"


def test_python_does_the_same(hca: Runner, lab: Loopback) -> None:
    store_all(hca)
    code = (
        "import hca_base\nclient = hca_base.client('lab')\n"
        f"for path in {list(OPERATIONS)!r}:\n    client.invoke(f'get_{{path}}')\n"
    )
    before = len(lab.requests)
    import subprocess
    import sys

    subprocess.run([sys.executable, "-c", code], env=hca.env, cwd=hca.cwd, check=True, timeout=60)
    sent = lab.requests[before:]
    for (path, (_, expected)), request in zip(OPERATIONS.items(), sent, strict=True):
        lab.requests.append(request)
        assert arrived(lab) == expected, path


@pytest.mark.parametrize(
    ("path", "stored", "missing", "hint"),
    [
        ("and2", ["kh"], "kh2: X-App-Key", "hca auth set-key lab kh2"),
        ("and2", [], "kh: X-Api-Key and kh2: X-App-Key", "hca auth set-key lab kh"),
        ("or", ["kq"], "kh: X-Api-Key or be: bearer", "hca auth set-key lab kh"),
        ("kq", ["kh", "be"], "kq: key", "hca auth set-key lab kq"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_sent(
    hca: Runner, lab: Loopback, path: str, stored: list[str], missing: str, hint: str
) -> None:
    for name in stored:
        hca("auth", "set-key", "lab", name, stdin="canary-x\n")
    before = len(lab.requests)
    run = hca("lab", f"get-{path}", check=3)
    assert missing in run.error
    assert run.hint == hint
    assert len(lab.requests) == before


def test_the_users_order_of_alternatives_counts(hca: Runner, lab: Loopback) -> None:
    store_all(hca)
    hca("config", "set", "services.lab.auth.order", '["be"]')
    hca("lab", "get-or")
    assert arrived(lab) == {"Bearer"}


def test_a_token_for_one_run_goes_where_tokens_go(hca: Runner, lab: Loopback) -> None:
    environment = {"HCA_ACCESS_TOKEN": "canary-token"}
    hca("lab", "get-bearer", env=environment)
    assert lab.requests[-1][2]["Authorization"] == "Bearer canary-token"
    assert hca("lab", "get-kh", env=environment, check=3).hint == "hca auth set-key lab kh"
    hca("lab", "get-none", env=environment)
    assert arrived(lab) == set()


def test_keys_are_asked_for_by_name_where_there_are_several(hca: Runner, lab: Loopback) -> None:
    run = hca("auth", "set-key", "lab", stdin="canary\n", check=2)
    assert "kh2" in run.error
    assert run.hint == "name one: hca auth set-key lab kh"
    assert "kh, kh2" in hca("auth", "set-key", "lab", "misspelt", stdin="x\n", check=2).hint


def test_status_shows_each_scheme(hca: Runner, lab: Loopback) -> None:
    hca("auth", "set-key", "lab", "kq", stdin="canary-kq\n")
    rows = hca("auth", "status", "lab", "-f", "json").json
    by_scheme = {row["scheme"]: row for row in rows}
    assert by_scheme["kq"]["used"].startswith("stored login: API key for default/lab")
    assert by_scheme["kh"]["used"] is None
    assert "canary" not in json.dumps(rows)
    assert hca("auth", "token", "lab", "kq").stdout == "canary-kq\n"
    hca("auth", "token", "lab", "kh", check=3)
    hca("auth", "token", "lab", "misspelt", check=2)
    hca("auth", "logout", "lab")
    assert all(row["used"] is None for row in hca("auth", "status", "lab", "-f", "json").json)


def test_fixed_headers_go_with_every_request_to_the_service_alone(hca: Runner, lab: Loopback) -> None:
    hca("config", "set", "services.lab.headers", '{"Lab-Version": "2026-01", "X-Team": {"key": "team"}}')
    assert "no key team is stored" in hca("lab", "get-none", check=3).error
    hca("auth", "set-key", "lab", "team", stdin="canary-team\n")
    other = Loopback()
    other.route("GET", "/there", {"far": True})
    lab.route("GET", "/none", (302, {"Location": f"{other.url}/there"}, b""))
    assert hca("lab", "get-none").json == {"far": True}
    headers = lab.requests[-1][2]
    assert (headers["Lab-Version"], headers["X-Team"]) == ("2026-01", "canary-team")
    assert not {"Lab-Version", "X-Team"} & set(other.requests[-1][2])
    other.close()


def test_an_unknown_value_of_a_header_is_an_error(hca: Runner, lab: Loopback) -> None:
    hca("config", "set", "services.lab.headers", '{"X-Team": {"key": 1}}')
    run = hca("lab", "get-none", check=None)
    assert run.returncode != 0
    assert "services.lab.headers.X-Team must be a string" in run.error


TOKEN_SCHEMES = {
    "robot": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/token", "scopes": {"read": "read"}}}},
    "person": {"type": "oauth2", "flows": {"password": {"tokenUrl": "/token", "scopes": {"read": "read"}}}},
}


@pytest.mark.parametrize("scheme", ["robot", "person"])
def test_logins_without_a_browser(hca: Runner, loopback: Loopback, scheme: str) -> None:
    schemes = json.loads(json.dumps(TOKEN_SCHEMES).replace("/token", f"{loopback.url}/token"))
    hca("config", "set", "auth.store", "file")
    add(hca, loopback, document(loopback, {"samples": [{scheme: ["read"]}]}, schemes))
    loopback.route("GET", "/samples", {})
    answers = iter(range(1, 9))
    loopback.route(
        "POST",
        "/token",
        lambda query, body: {"access_token": f"canary-token-{next(answers)}", "token_type": "bearer", "expires_in": 1},
    )
    if scheme == "robot":
        hca("config", "set", "services.lab.auth.client_id", "robot-1")
        hca("auth", "login", "lab", stdin="canary-secret\n")
        body = loopback.requests[-1][3].decode()
        assert "grant_type=client_credentials" in body
        assert "scope=read" in body
    else:
        hca("auth", "login", "lab", "--username", "me", stdin="canary-password\n")
        body = loopback.requests[-1][3].decode()
        assert "grant_type=password&username=me&password=canary-password" in body
    import time

    time.sleep(1.1)
    if scheme == "robot":
        # Its token has expired by now; the next one is requested when needed.
        hca("lab", "get-samples")
        assert loopback.requests[-1][2]["Authorization"] == "Bearer canary-token-2"
    else:
        assert not any(path == "/samples" for _, path, _, _ in loopback.requests)


def test_a_client_certificate(hca: Runner, tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    """``mutualTLS``: the certificate is sent to operations that require one, and to no others."""
    service = Loopback()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1])
    context.load_verify_locations(certificate[0])
    context.verify_mode = ssl.CERT_OPTIONAL
    service.server.socket = context.wrap_socket(service.server.socket, server_side=True)
    service.url = service.url.replace("http:", "https:")
    seen: list[bool] = []
    process = service.server.finish_request
    service.server.finish_request = lambda request, address: (  # type: ignore[method-assign,misc]
        seen.append(bool(request.getpeercert())) if hasattr(request, "getpeercert") else None,
        process(request, address),
    )
    hca("config", "set", "http.ca_bundle", str(certificate[0]))
    add(hca, service, document(service, {"m": [{"tls": []}], "open": []}, {"tls": {"type": "mutualTLS"}}))
    for path in ("m", "open"):
        service.route("GET", f"/{path}", {})
    run = hca("lab", "get-m", check=3)
    assert "client_certificate" in run.hint
    hca("config", "set", "services.lab.client_certificate", str(certificate[1]))
    hca("lab", "get-m")
    hca("lab", "get-open")
    assert seen[-2:] == [True, False]
    assert (
        "does not exist"
        in (
            hca("config", "set", "services.lab.client_certificate", "/none.pem") and hca("lab", "get-m", check=None)
        ).error
    )
    service.close()


def test_a_document_behind_a_login_is_fetched_with_what_was_given(hca: Runner, loopback: Loopback) -> None:
    """The first request has no credentials: they are only sent to a server that requires some."""
    described = json.dumps(document(loopback, {"be": [{"be": []}]}, {"be": SCHEMES["be"]})).encode()
    handler = loopback.server.RequestHandlerClass
    answer = handler.do_GET

    def guarded(self: Any) -> None:
        if self.path == "/openapi.json" and self.headers.get("Authorization") != "Bearer canary-token":
            loopback.route("GET", "/openapi.json", (401, {}, b'{"message": "log in"}'))
        else:
            loopback.route("GET", "/openapi.json", (200, {}, described))
        answer(self)

    handler.do_GET = guarded
    url = f"{loopback.url}/openapi.json"
    hca("config", "set", "auth.store", "file")
    run = hca("service", "add", "lab", url, check=None)
    assert run.returncode != 0
    assert "HCA_ACCESS_TOKEN" in run.hint
    hca("service", "add", "lab", url, env={"HCA_ACCESS_TOKEN": "canary-token"})
    asked = [headers.get("Authorization") for _, path, headers, _ in loopback.requests if path == "/openapi.json"]
    assert asked == [None, None, "Bearer canary-token"]
    hca("auth", "set-key", "lab", stdin="canary-token\n")
    loopback.requests.clear()
    hca("service", "refresh", "lab")
    assert [headers.get("Authorization") for _, _, headers, _ in loopback.requests] == [None, "Bearer canary-token"]
    hca("--access-token", "-", "service", "add", "other", url, stdin="canary-token\n")
