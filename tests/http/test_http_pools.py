"""Clients in process pools, with any start method: every call gets its own response, and none hangs."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import pytest

from hca_base.config import Config, load
from hca_base.http import Session
from hca_base.openapi import Client
from tests.lib import Loopback


def document(service: Loopback, folder: Path) -> Path:
    parameters = [{"name": "number", "in": "query", "schema": {"type": "integer"}}]
    file = folder / "echo.json"
    file.write_text(
        json.dumps(
            {
                "openapi": "3.0.0",
                "info": {"title": "Echo", "version": "1"},
                "servers": [{"url": service.url}],
                "paths": {"/echo": {"get": {"parameters": parameters, "responses": {"200": {"description": "ok"}}}}},
            }
        )
    )
    service.route("GET", "/echo", lambda query, body: {"number": int(query["number"][0])})
    return file


_client: Any = None


def _use(client: Any) -> None:
    global _client
    _client = client


def ask(number: int) -> tuple[int, int]:
    return number, _client.get_echo(number=number)["number"]


def calls(loopback: Loopback, tmp_path: Path, method: str, count: int) -> None:
    client = Client(swagger_url=str(document(loopback, tmp_path)))
    client.get_echo(number=0)
    _use(client)
    context = multiprocessing.get_context(method)
    with context.Pool(4, _use, (client,)) as pool:
        pending = pool.map_async(ask, range(count), chunksize=5)
        # The parent uses the same client meanwhile.
        assert [ask(number) for number in range(20)] == [(number, number) for number in range(20)]
        assert all(asked == answered for asked, answered in pending.get(timeout=150))


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_pools_get_their_own_answers(loopback: Loopback, tmp_path: Path, method: str) -> None:
    calls(loopback, tmp_path, method, 100)


@pytest.mark.slow
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_thousand_calls_of_pools(loopback: Loopback, tmp_path: Path, method: str) -> None:
    calls(loopback, tmp_path, method, 1000)


SECRETS = {
    "auth": {"client_secret": "canary-1", "client_id": "me"},
    "upload": {"api_key": "canary-2"},
    "http": {"proxy": "http://user:canary-3@proxy.example:8080", "retries": 2},
    "oauth2_token": {"access_token": "canary-4"},
}


def test_settings_sessions_and_clients_pickle_without_secrets(
    loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(SECRETS))
    monkeypatch.setenv("HCA_CONFIG_FILE", str(file))
    settings = load()
    client = Client(swagger_url=str(document(loopback, tmp_path)), config=settings, token="canary-5")
    session = Session(settings)
    data = pickle.dumps((settings, session, client))
    assert b"canary" not in data
    again, session_again, client_again = pickle.loads(data)
    assert isinstance(again, Config)
    assert again.get("http.retries") == 2
    assert again.get("auth.client_id") == "me"
    assert again.get("http.proxy") == "http://proxy.example:8080"
    assert session_again.settings.retries == 2
    assert client_again.get_echo(number=7) == {"number": 7}
