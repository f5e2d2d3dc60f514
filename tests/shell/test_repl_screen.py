"""The interactive shell on a real terminal: banner, toolbar, suggestions, colours, completion, paging."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lib import Loopback, Runner
from tests.lib.screen import Screen, screen
from tests.shell.test_repl_terminal import _DOCUMENT, UUID


@pytest.fixture
def zoo(hca: Runner, loopback: Loopback) -> Any:
    hca.configure({"services": {"zoo": {"url": f"{loopback.url}/v1/swagger.json", "title": "Animals"}}})
    loopback.route("GET", "/v1/swagger.json", _DOCUMENT)
    loopback.route("GET", f"/v1/animals/{UUID}", {"uuid": UUID, "name": "Bär"})
    loopback.route("GET", "/v1/animals", {"animals": [{"uuid": f"{n:04}"} for n in range(200)]})
    hca("service", "refresh", "zoo")
    return loopback


@pytest.fixture
def shell(hca: Runner, zoo: Any) -> Iterator[Screen]:
    with screen(hca, width=200) as found:
        found.until("hca>")
        yield found


def empty(shell: Screen) -> None:
    """Clear the input line."""
    shell.keys("C-e", "C-u")
    shell.until(lambda text: any(line.rstrip() == "hca>" for line in text.splitlines()))


def test_the_banner_and_the_toolbar_say_where_one_is(hca: Runner, shell: Screen) -> None:
    first = shell.until("profile default")
    assert re.search(r"^hca 9\S*, Python 3\.\d+\.\d+$", first, re.MULTILINE) and re.search(
        r"^services: .*\bzoo\b", first, re.MULTILINE
    )
    assert "all services  profile default  format default" in first
    shell.line("use zoo")
    shell.until("zoo  profile default  not logged in  format default  exit 0 in")
    shell.line("set format yaml")
    shell.until("format yaml  exit 0 in")
    shell.line("get-animol")
    text = shell.until("exit 2 in")
    assert "did you mean 'hca zoo get-animal'" in text


def test_suggestions_come_from_the_history_and_are_taken_by_a_key(hca: Runner, shell: Screen) -> None:
    shell.line("config path --user")
    shell.until("config.json")
    shell.type("config pa")
    shell.until("hca> config path --user")
    shell.keys("Right", "Enter")
    shell.until(lambda text: text.count("config.json") == 2)


def test_a_line_is_coloured_as_it_is_typed(hca: Runner, shell: Screen) -> None:
    shell.type("zoo get-animal --uuid 'a b' --query [0] nonsense")
    text = shell.until("nonsense", colours=True)
    for colour, word in (("32", "zoo"), ("32", "get-animal"), ("36", "--uuid"), ("33", "'a b'"), ("35", "0")):
        assert re.search(rf"\x1b\[(?:\d+;)*{colour}m(?:\x1b\[[0-9;]*m)*{word}(?![\w-])", text), (word, text)
    empty(shell)
    shell.type("zoo get-animol")
    text = shell.until("get-animol", colours=True)
    assert re.search(r"32mzoo", text) and not re.search(r"32mget-animol", text)


def test_completion_matches_inside_words_and_quotes_blanks(hca: Runner, shell: Screen) -> None:
    hca.write("two words.json", b"[1]")
    shell.type("zoo nimals")
    shell.keys("Tab")
    shell.until("hca> zoo get-animals")
    empty(shell)
    shell.type("zoo get-animal --eplic")
    shell.keys("Tab")
    shell.until("hca> zoo get-animal --replica")
    empty(shell)
    shell.type("config edit --file two")
    shell.keys("Tab")
    shell.until("--file 'two words.json'")
    empty(shell)
    shell.type("config edit --file 'two w")
    shell.keys("Tab")
    shell.until("--file 'two words.json'")
    empty(shell)
    shell.type("set shell.prompt p")
    shell.keys("Tab")
    shell.until("set shell.prompt plain")


def test_a_question_mark_shows_the_options_of_a_line_that_is_not_finished(hca: Runner, zoo: Any) -> None:
    with screen(hca, height=120) as found:
        found.until("hca>")
        found.line("zoo get-animal --uuid x ?")
        text = found.until("exit 0 in")
        assert "usage: hca zoo get-animal" in text and "--replica" in text
    # In quotes, it is a value.
    done = hca("shell", "-c", "zoo get-animal --uuid '?'", check=None)
    assert "usage:" not in done.stdout
    assert "usage: hca zoo get-animal" in hca("shell", "-c", "use zoo", "-c", "get-animal ?").stdout


def test_places_and_the_screen(hca: Runner, shell: Screen) -> None:
    (hca.cwd / "inner one").mkdir()
    shell.line("cd 'inner one'")
    shell.line("pwd")
    shell.until(str(hca.cwd / "inner one"))
    shell.line("cd nowhere")
    shell.until("cannot change to nowhere")
    shell.line("clear")
    shell.until(lambda text: "cannot change" not in text and "hca>" in text)
    shell.line("history")
    shell.until("cd nowhere")


def test_a_long_result_goes_through_the_pager_and_a_short_one_does_not(hca: Runner, zoo: Any) -> None:
    with screen(hca, height=20, PAGER="sh -c 'wc -l | sed s/^/PAGED:/'") as found:
        found.until("hca>")
        found.line("zoo get-animals")
        found.until("PAGED:")
        found.line("config path --user")
        assert found.until("config.json").count("PAGED:") == 1


@pytest.mark.parametrize("how", ["setting", "terminal"])
def test_a_plain_prompt_has_none_of_it(hca: Runner, zoo: Any, how: str) -> None:
    env = {}
    if how == "setting":
        hca("config", "set", "shell.prompt", "plain")
    else:
        env["TERM"] = "dumb"
    with screen(hca, **env) as found:
        found.until("hca>")
        found.line("config path --user")
        found.until("config.json")
        found.type("zoo get-animals")
        text = found.until("hca> zoo get-animals", colours=True)
        assert "Python 3" not in text and "profile default" not in text and "\x1b[32m" not in text
        assert "Tab completes" in text


def test_without_colours_the_rest_stays(hca: Runner, zoo: Any) -> None:
    with screen(hca, NO_COLOR="1") as found:
        found.until("profile default")
        found.type("zoo get-animals")
        found.until("hca> zoo get-animals")
        text = found.text(colours=True)
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)


def test_a_batch_imports_nothing_of_the_prompt(hca: Runner, zoo: Any) -> None:
    code = (
        "import sys, json\nfrom hca_base.shell import main\nmain(['shell', '-c', 'config path --user'])\n"
        "print(json.dumps([m for m in sys.modules if m.startswith(('prompt_toolkit', 'hca_base.shell._repl'))]))"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout.splitlines()[-1])
    assert not [name for name in modules if name.startswith("prompt_toolkit")]
    assert not {"_prompt", "_colours", "_toolbar", "_completer"} & {name.rpartition(".")[2] for name in modules}
