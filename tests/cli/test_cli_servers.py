"""Which of a document's servers gets a request, and the variables in its URL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.lib import Loopback, Runner

PATHS = {"/runs": {"get": {"responses": {"200": {"description": ""}}}}}
SECURED = {"security": [{"key": []}], "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}}}


@pytest.fixture
def seen(loopback: Loopback) -> list[str]:
    """The servers that got requests: the first segments of the paths."""
    asked: list[str] = []
    for name in ("main", "eu", "acme", "other", "beta"):
        loopback.route("GET", f"/{name}/runs", lambda query, body, name=name: asked.append(name) or {"at": name})
    return asked


def added(hca: Runner, servers: list[dict[str, Any]], *words: str, check: int = 0, **options: Any) -> Any:
    document = {"openapi": "3.2.0", "info": {"title": "x"}, "servers": servers, "paths": PATHS}
    (hca.cwd / "d.json").write_text(json.dumps(document), encoding="utf-8")
    return hca("service", "add", "lab", "d.json", "--replace", *words, check=check, **options)


def test_servers_are_chosen(hca: Runner, loopback: Loopback, seen: list[str]) -> None:
    servers = [
        {"url": f"{loopback.url}/main"},
        {"url": f"{loopback.url}/eu", "description": "Europe"},
        {"url": f"{loopback.url}/beta", "name": "next"},
    ]
    note = added(hca, servers).stderr
    assert "names 3 servers" in note and "services.lab.server" in note
    for words in ((), ("--server", "2"), ("--server", "europe"), ("--hca-server", "next"), ("--server", "3")):
        hca("lab", "get-runs", *words)
    hca("lab", "get-runs", "--server", f"{loopback.url}/other/")
    assert seen == ["main", "eu", "eu", "beta", "beta", "other"]
    seen.clear()
    hca("config", "set", "services.lab.server", "Europe")
    hca("lab", "get-runs")
    hca("config", "set", "services.lab.server", "1")
    hca("lab", "get-runs")
    added(hca, servers, "--server", "3")
    hca("lab", "get-runs")
    assert hca.config()["services"]["lab"]["server"] == "3"
    assert seen == ["eu", "main", "beta"]
    wrong = hca("lab", "get-runs", "--server", "asia", check=2)
    assert wrong.error == "the service has no server 'asia'"
    assert f"2 ({loopback.url}/eu Europe)" in wrong.hint
    assert added(hca, servers, "--server", "4", check=2).error == "the service has no server '4'"
    assert len(seen) == 3


def test_variables(hca: Runner, loopback: Loopback, seen: list[str]) -> None:
    variables = {"tenant": {"default": "acme", "description": "Name of your laboratory"}}
    servers = [{"url": loopback.url + "/{tenant}", "variables": variables}]
    added(hca, servers)
    hca("lab", "get-runs")
    hca("config", "set", "services.lab.server_variables.tenant", "eu")
    hca("lab", "get-runs")
    added(hca, servers, "--server-variable", "tenant=other")
    hca("lab", "get-runs")
    assert seen == ["acme", "eu", "other"]
    assert "no variable 'room'" in added(hca, servers, "--server-variable", "room=1", check=2).error
    assert "NAME=VALUE" in added(hca, servers, "--server-variable", "tenant", check=2).error


@pytest.mark.parametrize("default", [None, "", "your-tenant", "tenant", "example", "<name>"])
def test_a_variable_without_a_default_of_use(default: str | None, hca: Runner, loopback: Loopback) -> None:
    variables = {"tenant": {"default": default, "description": "Name of your laboratory"}}
    servers = [{"url": loopback.url + "/{tenant}", "variables": variables}]
    done = added(hca, servers, check=2)
    assert "tenant (Name of your laboratory) has no default" in done.error
    assert "--server-variable tenant=VALUE" in done.hint
    assert not hca.config_file.exists() or "lab" not in hca.config().get("services", {})
    added(hca, servers, "--base-url", f"{loopback.url}/main")


@pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX")
def test_at_a_terminal_it_is_asked_for(hca: Runner, loopback: Loopback, seen: list[str]) -> None:
    document = {"openapi": "3.0.3", "servers": [{"url": loopback.url + "/{tenant}"}], "paths": PATHS}
    (hca.cwd / "d.json").write_text(json.dumps(document), encoding="utf-8")
    ours, theirs = os.openpty()
    try:
        os.write(ours, b"acme\n")
        words = hca.command("service", "add", "lab", "d.json")
        done = subprocess.run(
            words, stdin=theirs, capture_output=True, env=hca.env, cwd=hca.cwd, timeout=300, check=False
        )
        assert done.returncode == 0 and b"tenant: " in done.stderr, done.stderr
    finally:
        os.close(ours)
        os.close(theirs)
    hca("lab", "get-runs")
    assert seen == ["acme"]


def test_a_key_stays_with_the_server_that_it_is_for(hca: Runner, loopback: Loopback) -> None:
    other = Loopback()
    try:
        for server in (loopback, other):
            server.route("GET", "/runs", {})
        servers = [{"url": loopback.url}, {"url": other.url}]
        document = {"openapi": "3.0.3", "servers": servers, "paths": PATHS, **SECURED}
        (hca.cwd / "d.json").write_text(json.dumps(document), encoding="utf-8")
        hca("service", "add", "lab", "d.json")
        hca("auth", "set-key", "lab", stdin="secret-key\n")
        hca("lab", "get-runs")
        assert [headers["Authorization"] for _, _, headers, _ in loopback.requests] == ["Bearer secret-key"]
        hca("lab", "get-runs", "--server", "2", check=None)
        assert not any("secret-key" in str(headers) for _, _, headers, _ in other.requests)
        assert len(loopback.requests) == 1
    finally:
        other.close()
