"""Finding commands: exact names, options of hca only before the command, suggestions, groups, help."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hca_base.commands import COMMANDS
from tests.lib import Loopback, PluginDirectory, Runner

DOCUMENT: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Zoo", "version": "1"},
    "basePath": "/v1",
    "paths": {
        "/animals/{uuid}": {
            "get": {
                "summary": "Get an **animal**",
                "description": "Gives `one` animal.\n\n* 100% of it\n* [more](https://example.org)",
                "parameters": [
                    {"name": "uuid", "in": "path", "type": "string", "required": True, "description": "Its 100% id"},
                    {"name": "version", "in": "query", "type": "string", "description": "Version of it"},
                    {"name": "format", "in": "query", "type": "string"},
                    {"name": "help", "in": "query", "type": "string"},
                    {"name": "count", "in": "query", "type": "integer", "default": 10},
                    {"name": "deep", "in": "query", "type": "boolean"},
                    {"name": "tags", "in": "query", "type": "array", "items": {"type": "string"}},
                    {"name": "replica", "in": "query", "type": "string", "enum": ["aws", "gcp"]},
                    {"name": "kind", "in": "query", "type": "string", "enum": ["cat", "dog"]},
                ],
                "responses": {"200": {"description": "it"}},
            },
            "delete": {
                "summary": "Delete an animal",
                "parameters": [{"name": "uuid", "in": "path", "type": "string", "required": True}],
                "responses": {"200": {"description": "gone"}},
            },
        },
        "/search": {
            "post": {
                "summary": "Search animals",
                "parameters": [
                    {
                        "name": "body",
                        "in": "body",
                        "schema": {"type": "object", "required": ["q"], "properties": {"q": {"type": "object"}}},
                    }
                ],
                "responses": {"200": {"description": "them"}},
            }
        },
    },
}


@pytest.fixture
def zoo(hca: Runner, loopback: Loopback) -> Any:
    loopback.route("GET", "/v1/swagger.json", DOCUMENT)
    loopback.route("GET", "/v1/animals/7", lambda query, body: {"query": query})
    loopback.route("POST", "/v1/search", lambda query, body: json.loads(body))
    hca.configure({"services": {"zoo": {"url": f"{loopback.url}/v1/swagger.json", "title": "Animals"}}})
    hca("service", "refresh", "zoo", check=0)
    return loopback


def test_version() -> None:
    done = subprocess.run([sys.executable, "-m", "hca_base", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("hca 9.")
    assert done.stderr == ""


def test_the_script_is_the_module(hca: Runner) -> None:
    script = Path(sys.executable).parent / "hca"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True, env=hca.env)
    assert done.stdout == hca("--version", check=0).stdout


def test_options_of_hca_stand_before_the_command_only(hca: Runner, zoo: Any) -> None:
    done = hca("zoo", "get-animal", "--uuid", "7", "--version", "2019", check=0)
    assert json.loads(done.stdout)["query"] == {"version": ["2019"]}


def test_an_option_that_collides_keeps_its_name(hca: Runner, zoo: Any) -> None:
    done = hca("zoo", "get-animal", "--uuid", "7", "--format", "png", "--help", "me", check=0)
    assert json.loads(done.stdout)["query"] == {"format": ["png"], "help": ["me"]}
    text = hca("help", "zoo", "get-animal", check=0).stdout
    assert text.count("--format ") == 2  # in the usage and in the list
    # hca's option keeps its short name, and one that documents cannot use.
    assert "-f FORMAT" in text
    done = hca("zoo", "get-animal", "--uuid", "7", "--format", "png", "--hca-format", "yaml", check=0)
    assert "query:" in done.stdout


@pytest.mark.parametrize(
    "words", [["zoo", "get-anima"], ["zo", "get-animal"], ["zoo", ""], ["", "get-animal"], ["z", "d"]]
)
def test_abbreviations_and_empty_words_run_nothing(hca: Runner, zoo: Any, words: list[str]) -> None:
    before = len(zoo.requests)
    done = hca(*words, "--uuid", "7", check=2)
    assert done.stdout == ""
    assert done.stderr.startswith("hca: error: ")
    assert len(zoo.requests) == before


@pytest.mark.parametrize("option", ["--uui", "--uu=7", "--repl"])
def test_options_are_never_abbreviated(hca: Runner, zoo: Any, option: str) -> None:
    hca("zoo", "delete-animal", option, "7", check=2)
    assert not [r for r in zoo.requests if r[0] == "DELETE"]


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        (["zoo", "get-animul"], "'hca zoo get-animal'"),
        (["confg"], "'hca config'"),
        (["config", "shwo"], "'hca config show'"),
        (["--verison"], "--version"),
        (["--profil", "x"], "--profile"),
    ],
)
def test_a_typo_suggests_on_stderr(hca: Runner, zoo: Any, words: list[str], suggestion: str) -> None:
    done = hca(*words, check=2)
    assert done.stdout == ""
    assert suggestion in done.stderr


@pytest.mark.parametrize("words", [["zoo"], ["zoo", "--help"], ["zoo", "-h"], ["help", "zoo"], ["--help", "zoo"]])
def test_a_group_lists_its_commands(hca: Runner, zoo: Any, words: list[str]) -> None:
    done = hca(*words, check=0)
    assert "Animals" in done.stdout
    for command, summary in (("get-animal", "Get an"), ("delete-animal", "Delete an"), ("post-search", "Search")):
        assert any(line.strip().startswith(command) and summary in line for line in done.stdout.splitlines())


def test_hand_written_commands_come_first_and_win(hca: Runner, zoo: Any, plugins: PluginDirectory) -> None:
    source = (
        "from hca_base.commands import Command\n"
        'class Feed(Command):\n    """Feed them."""\n    def take_action(self, args):\n'
        "        self.stdout.write('by hand\\n')\n"
    )
    points = {"zoo_feed": "feed_pkg:Feed", "zoo_get-animal": "feed_pkg:Feed"}
    plugins.install("hca-feed", {"feed_pkg.py": source}, {"hca.commands": points})
    listed = hca("zoo", check=0).stdout
    assert listed.index("feed") < listed.index("post-search")
    assert listed.count("get-animal") == 1
    assert hca("zoo", "get-animal", check=0).stdout == "by hand\n"


@pytest.mark.parametrize(
    "words", [["zoo", "get-animal", "--help"], ["help", "zoo", "get-animal"], ["zoo", "delete-animal", "-h"]]
)
def test_help_of_a_generated_command(hca: Runner, zoo: Any, words: list[str]) -> None:
    text = hca(*words, check=0).stdout
    command = "get-animal" if "get-animal" in words else "delete-animal"
    assert f"usage: hca zoo {command} --uuid UUID" in text
    assert text.index("required:") < text.index("optional:")
    assert f"hca zoo {command} --uuid" in text[text.index("example:") :]
    assert 'hca_base.client("zoo")' in text
    if command == "get-animal":
        assert "100% of it" in text
        assert "Its 100% id" in text
        assert "**" not in text
        assert "](" not in text
        assert "{aws,gcp}" in text


def test_help_of_a_hand_written_command(hca: Runner) -> None:
    for words in (["config", "set", "--help"], ["help", "config", "set"]):
        text = hca(*words, check=0).stdout
        assert text.startswith("usage: hca config set")
        assert "Set one setting." in text


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_of_every_command_has_an_example_of_it(hca: Runner, command: str) -> None:
    text = hca(*command.split(), "--help", check=0).stdout
    assert re.search(rf"^example:\n  hca (\w+ )*{command.split()[-1]}", text, re.MULTILINE)
    assert "``" not in text


def test_a_restriction_of_the_plugins_is_named_where_a_command_is_missing(hca: Runner) -> None:
    for chosen, told in (("", "none"), ("hca-dss", "hca-dss")):
        done = hca("zoo", "get-animal", env={"HCA_PLUGINS": chosen}, check=2)
        assert "unknown command 'zoo'" in done.stderr
        assert f"HCA_PLUGINS restricts the plugins to: {told}" in done.stderr


def test_help_is_a_word_after_the_group_too(hca: Runner, zoo: Any) -> None:
    group = hca("help", "zoo", check=0).stdout
    one = hca("help", "zoo", "get-animal", check=0).stdout
    assert hca("zoo", "help", check=0).stdout == group
    assert hca("zoo", "help", "get-animal", check=0).stdout == one
    assert hca("shell", stdin="zoo help\n", check=0).stdout == group
    assert hca("zoo", "help", "nothing", check=2).stdout == ""
    assert hca("nothing", "help", check=2).stdout == ""


def test_help_of_what_is_not_there(hca: Runner) -> None:
    assert hca("help", "nothing", check=2).stdout == ""


def test_hca_alone_without_a_terminal_shows_help(hca: Runner) -> None:
    assert hca(check=0).stdout.startswith("usage: hca")


def test_values_are_of_their_types(hca: Runner, zoo: Any) -> None:
    done = hca(
        "zoo", "get-animal", "--uuid", "7", "--count", "3", "--deep", "--tags", "a", "b", "--tags", '["c"]', check=0
    )  # fmt: skip
    query = json.loads(done.stdout)["query"]
    assert query["count"] == ["3"]
    assert query["deep"] == ["true"]
    assert ",".join(query["tags"]).split(",") == ["a", "b", "c"]
    assert json.loads(hca("zoo", "get-animal", "--uuid", "7", "--deep", "false", check=0).stdout)["query"] == {
        "deep": ["false"]
    }
    for wrong in (["--count", "many"], ["--deep", "perhaps"]):
        done = hca("zoo", "get-animal", "--uuid", "7", *wrong, check=2)
        assert wrong[0] in done.stderr
        assert "hca zoo get-animal --help" in done.stderr


def test_json_from_text_file_and_stdin(hca: Runner, zoo: Any) -> None:
    (hca.cwd / "query.json").write_text('{"a": 1}')
    for value, stdin in (('{"a": 1}', ""), ("@query.json", ""), ("-", '{"a": 1}')):
        assert json.loads(hca("zoo", "post-search", "--q", value, stdin=stdin, check=0).stdout) == {"q": {"a": 1}}
    for value in ("{a: 1}", "@nothing.json", "@.", "-"):
        done = hca("zoo", "post-search", "--q", value, check=2)
        assert "--q" in done.stderr
        assert "Traceback" not in done.stderr


def test_values_outside_an_enumeration(hca: Runner, zoo: Any) -> None:
    refused = hca("zoo", "get-animal", "--uuid", "7", "--replica", "azure", check=2)
    assert "aws" in refused.stderr
    warned = hca("zoo", "get-animal", "--uuid", "7", "--kind", "cow", check=0)
    assert "cow" in warned.stderr
    assert json.loads(warned.stdout)["query"] == {"kind": ["cow"]}


def test_option_defaults_from_the_settings(hca: Runner, zoo: Any) -> None:
    hca("config", "set", "zoo_get_animal.uuid", "7", check=0)
    hca("config", "set", "zoo_get_animal.kind", "dog", check=0)
    assert json.loads(hca("zoo", "get-animal", check=0).stdout)["query"] == {"kind": ["dog"]}
    done = hca("zoo", "get-animal", "--kind", "cat", check=0)
    assert json.loads(done.stdout)["query"] == {"kind": ["cat"]}
    assert "[--uuid UUID]" in hca("zoo", "get-animal", "--help", check=0).stdout


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("transfer_gc.directory", "[1]", "takes one value"),
        ("transfer_gc.directory", "{}", "takes one value"),
        ("transfer_gc.dry_run", "no", "takes true or false"),
        ("transfer_gc.dry_run", "1", "takes true or false"),
        ("config_get.key", "5", None),
    ],
)
def test_option_defaults_of_the_wrong_kind(hca: Runner, key: str, value: str, told: str | None) -> None:
    hca("config", "set", key, value, check=0)
    words = {
        "transfer_gc": ["transfer", "gc"],
        "zoo_get_animal": ["zoo", "get-animal"],
        "config_get": ["config", "get"],
    }
    done = hca(*words[key.partition(".")[0]], check=2)
    if told is None:
        # Commands that repair the settings take no defaults from them.
        assert "required" in done.stderr
    else:
        assert f"{key} is {json.dumps(json.loads(value) if value != 'no' else value)}" in done.stderr
        assert f"{hca.home / '.config' / 'hca' / 'config.json'}:" in done.stderr
    assert done.stderr.count("\n") <= 2


def test_option_defaults_that_are_numbers_are_words_too(hca: Runner, tmp_path: Path) -> None:
    (hca.cwd / "5").mkdir()
    hca("config", "set", "transfer_gc.directory", "5", check=0)
    assert "internal" not in hca("transfer", "gc", "--dry-run", check=4).stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "0", "x", "1e300"])
def test_times_that_make_no_sense(hca: Runner, seconds: str) -> None:
    for words in (["plugin", "list"], ["plugin", "doctor"], ["auth", "login", "x"]):
        done = hca(*words, "--timeout", seconds, check=2)
        assert "is not a valid number of seconds" in done.stderr


def test_no_network_for_help_and_unknown_commands(hca: Runner, zoo: Any) -> None:
    before = len(zoo.requests)
    for words in (["zoo"], ["zoo", "get-animal", "--help"], ["zoo", "nothing"], ["--help"], ["__complete", "zoo", "g"]):
        hca(*words, check=None)
    assert len(zoo.requests) == before
