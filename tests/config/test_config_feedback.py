"""What ``hca config`` prints for settings that are not set, are overridden, or have a built-in default."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from hca_base import config
from hca_base.http import HttpSettings
from hca_base.transfer import TransferOptions
from tests.lib import Runner

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_a_setting_that_a_higher_layer_overrides_is_set_with_a_warning(hca: Runner) -> None:
    team = hca.write("team.json", b'{"http": {"timeout": 9, "insecure_hosts": ["a"]}}')
    env = {"HCA_CONFIG_FILE": str(team)}
    done = hca("config", "set", "http.timeout", "5", env=env)
    assert done.stderr == f"hca: warning: http.timeout in {hca.config_file} has no effect: {team}:1 overrides it\n"
    assert hca.config()["http"]["timeout"] == 5
    assert "no effect" in hca("config", "unset", "http.timeout", env=env).stderr
    # A command's own option, a list merged from layers, and another file cause no message.
    assert hca("--config", "http.timeout=1", "config", "set", "http.timeout", "5").stderr == ""
    assert hca("config", "set", "http.insecure_hosts", '{"$append": "b"}', env=env).stderr == ""
    assert hca("config", "set", "http.timeout", "5", "--file", "other.json", env=env).stderr == ""


def test_a_profile_that_overrides_a_setting_is_named(hca: Runner) -> None:
    hca("profile", "create", "fast", "http.timeout=2", "--use")
    done = hca("config", "set", "http.timeout", "5")
    assert f"{Path('profiles', 'fast.json')}:" in done.stderr and "overrides it" in done.stderr
    assert hca("config", "set", "--profile", "fast", "http.timeout", "5").stderr == ""


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("http.timeout", "set it with 'hca config set http.timeout VALUE'; its built-in default is [10, 120]"),
        ("s3.region", "set it with 'hca config set s3.region VALUE'"),
        ("http.timeuot", "did you mean http.timeout?"),
        ("HTTP.timeout", "did you mean http.timeout?"),
        ("transfer.conections", "did you mean transfer.connections?"),
        ("nothing.like.it", "run 'hca config show --defaults' to list all settings"),
    ],
)
def test_the_hint_for_a_setting_without_a_value_is_never_its_own_name(hca: Runner, key: str, hint: str) -> None:
    done = hca("config", "get", key, check=4)
    assert done.stderr == f"hca: error: {key} is not set\n  hint: {hint}\n"
    # A null in a file is not a value.
    section, name = key.split(".")[0], key.rpartition(".")[2]
    hca.configure({section: {name: None}})
    assert f"did you mean {key}?" not in hca("config", "get", key, check=4).stderr


def test_built_in_defaults_can_be_seen(hca: Runner) -> None:
    hca("config", "set", "transfer.retries", "3")
    rows = {row["key"]: (row["value"], row["layer"]) for row in hca.rows("config", "show", "--defaults", "--origin")}
    assert rows["http.retries"] == ("5", "built-in")
    assert rows["transfer.retries"] == ("3", "user")
    assert "http.retries" not in hca("config", "show").stdout


def test_the_defaults_in_the_schema_are_those_of_the_code() -> None:
    whole = config.schema()["properties"]
    http, transfer = HttpSettings(), TransferOptions()
    for name, setting in whole["http"]["properties"].items():
        if "default" in setting:
            used = [http.connect_timeout, http.read_timeout] if name == "timeout" else getattr(http, name)
            assert setting["default"] == used, name
    fields = {field.name: field.default for field in dataclasses.fields(transfer)}
    for name, setting in whole["transfer"]["properties"].items():
        assert setting.get("default") == fields[name], name


@pytest.mark.parametrize(
    "words", [["--config", "foo", "config", "show"], ["--config=foo", "shell"], ["profile", "create", "x", "foo"]]
)
def test_a_placeholder_in_a_message_is_not_hidden_as_a_secret(hca: Runner, words: list[str]) -> None:
    done = hca(*words, check=2)
    assert "KEY=VALUE" in done.stderr and "[hidden]" not in done.stderr


def test_the_list_operators_do_what_their_table_in_the_docs_says(hca: Runner) -> None:
    text = (DOCS / "configuration.rst").read_text("utf-8")
    below = json.loads(re.search(r"\* - Over ``(.*)``", text)[1])  # type: ignore[index]
    table = re.findall(r"\* - ``(\{.*\})``\n     - ``(\[.*\])``", text)
    assert len(table) == 5
    for operator, result in table:
        hca.configure({"http": {"insecure_hosts": below}})
        layer = hca.write("layer.json", json.dumps({"http": {"insecure_hosts": json.loads(operator)}}).encode())
        done = hca("config", "get", "http.insecure_hosts", env={"HCA_CONFIG_FILE": str(layer)})
        assert done.json == json.loads(result), operator
