"""The interactive shell in a real terminal."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Loopback, Runner

_DOCUMENT: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Zoo", "version": "1"},
    "basePath": "/v1",
    "paths": {
        "/animals/{uuid}": {
            "get": {
                "summary": "Get an animal",
                "parameters": [
                    {"name": "uuid", "in": "path", "type": "string", "required": True},
                    {"name": "replica", "in": "query", "type": "string", "enum": ["aws", "gcp"]},
                ],
                "responses": {"200": {"description": "it", "schema": {"type": "object"}}},
            }
        },
        "/animals": {
            "get": {
                "summary": "List animals",
                "parameters": [],
                "responses": {"200": {"description": "them", "schema": {"type": "object"}}},
            },
        },
        "/slow": {"get": {"summary": "Take long", "responses": {"200": {"description": "at last"}}}},
    },
}
UUID = "0f4c1a2b-aaaa-bbbb-cccc-0123456789ab"


@pytest.fixture
def zoo(hca: Runner, loopback: Loopback) -> Iterator[Any]:
    hca.configure({"services": {"zoo": {"url": f"{loopback.url}/v1/swagger.json", "title": "Animals"}}})
    loopback.route("GET", "/v1/swagger.json", _DOCUMENT)
    loopback.route("GET", f"/v1/animals/{UUID}", {"uuid": UUID, "name": "Bär"})
    loopback.route("GET", "/v1/animals", {"animals": [{"uuid": UUID}]})
    hca("service", "refresh", "zoo", check=0)
    yield loopback


def test_commands_help_and_leaving(hca: Runner, zoo: Any, at_terminal: Any) -> None:
    terminal = at_terminal()
    assert "Animals" in terminal.line("help")
    assert "get-animal" in terminal.line("help zoo")
    assert UUID in terminal.line("zoo get-animals")
    assert "no command" in terminal.line("zoo get-animols")
    assert UUID in terminal.line(f"zoo get-animal --uuid {UUID}")
    assert terminal.leave() == 0


def test_completion_of_commands_options_choices_and_seen_values(hca: Runner, zoo: Any, at_terminal: Any) -> None:
    terminal = at_terminal()
    terminal.line("zoo get-animals")
    terminal.child.send("zoo get-animal --uu\t")
    terminal.wait("--uuid")
    terminal.child.send(" 0f4c\t")
    terminal.wait(UUID[4:])
    terminal.child.send(" --replica a\t")
    terminal.wait("aws")
    terminal.child.send("\r")
    terminal.child.expect(r"\r?\n")
    assert UUID in terminal.wait("hca> ")
    assert any("replica=aws" in path for _, path, _, _ in zoo.requests)
    terminal.child.send("conf\t")
    terminal.wait("config")
    terminal.child.send(" get http.time\t")
    terminal.wait("http.timeout")
    terminal.child.send("\x03")
    terminal.leave()


def test_prefix_and_settings_show_in_the_prompt(hca: Runner, zoo: Any, at_terminal: Any) -> None:
    terminal = at_terminal()
    terminal.line("use zoo", "hca zoo> ")
    assert UUID in terminal.line("get-animals", "hca zoo> ")
    assert "config.json" in terminal.line("config path", "hca zoo> ")
    terminal.line("set format yaml", "hca zoo [format=yaml]> ")
    assert f"uuid: {UUID}" in terminal.line(f"get-animal --uuid {UUID}", "hca zoo [format=yaml]> ")
    terminal.line("unset format", "hca zoo> ")
    terminal.line("use")
    terminal.leave()


def test_pipes_and_redirections(hca: Runner, zoo: Any, at_terminal: Any) -> None:
    terminal = at_terminal()
    assert terminal.line("zoo get-animals | grep -c uuid").strip().endswith("1")
    terminal.line("zoo get-animals > animals.json")
    assert json.loads((hca.cwd / "animals.json").read_text()) == {"animals": [{"uuid": UUID}]}
    terminal.line("zoo get-bogus > animals.json")
    assert json.loads((hca.cwd / "animals.json").read_text()), "a failing command must not empty the file"
    terminal.leave()


def test_json_over_several_lines(hca: Runner, zoo: Any, at_terminal: Any) -> None:
    terminal = at_terminal()
    terminal.child.send("config set transfer.note {\r")
    terminal.wait("... ")
    terminal.child.send('"a": [1, 2]}\r')
    terminal.child.expect(r"\r?\n")
    terminal.wait("hca> ")
    assert '"a"' in terminal.line("config get transfer.note")
    terminal.leave()


def test_interrupt_cancels_the_command_and_keeps_the_session(hca: Runner, zoo: Any, at_terminal: Any) -> None:
    import threading

    asked, release = threading.Event(), threading.Event()

    def slow(query: Any, body: bytes) -> Any:
        asked.set()
        release.wait(20)
        return {}

    zoo.route("GET", "/v1/slow", slow)
    terminal = at_terminal()
    terminal.child.send("zoo get-slow\r")
    assert asked.wait(20)
    terminal.child.send("\x03")
    terminal.wait("interrupted")
    terminal.wait("hca> ")
    release.set()
    assert UUID in terminal.line("zoo get-animals")
    assert terminal.leave() == 0


def test_history_lasts_and_holds_no_secrets(hca: Runner, zoo: Any, at_terminal: Any) -> None:
    terminal = at_terminal()
    terminal.line("config path --user")
    terminal.line("config set service.api_key tops3cret")
    terminal.line(" config get nothing")
    terminal.leave()
    path: Path = hca.home / ".local" / "state" / "hca" / "history"
    text = path.read_text()
    assert "config path --user" in text
    assert "tops3cret" not in text
    assert "config get nothing" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = at_terminal()
    again.child.send("\x12path --us")
    again.wait("config path --user")
    # The first Enter ends the history search.
    again.child.send("\r")
    again.child.send("\r")
    again.child.expect(r"\r?\n")
    assert "config.json" in again.wait("hca> ")
    again.leave()


@pytest.mark.skipif(shutil.which("less") is None, reason="no pager here")
def test_long_help_is_paged(hca: Runner, zoo: Any, at_terminal: Any) -> None:
    terminal = at_terminal(height=15)
    terminal.child.send("help\r")
    terminal.child.expect(r"\r?\n:|\x1b\[K:|:\x1b\[K")
    terminal.child.send("q")
    terminal.wait("hca> ")
    assert terminal.leave() == 0
