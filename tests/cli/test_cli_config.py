"""``hca config``, ``profile`` and ``cache``."""

from __future__ import annotations

import json
import stat
import sys

import pytest

from tests.lib import Runner


def test_set_get_unset_show(hca: Runner) -> None:
    hca("config", "set", "http.timeout", "5", check=0)
    assert hca("config", "get", "http.timeout", check=0).stdout == "5\n"
    rows = json.loads(hca("config", "show", "--origin", "-f", "json", check=0).stdout)
    row = next(row for row in rows if row["key"] == "http.timeout")
    assert (row["value"], row["layer"]) == ("5", "user")
    assert row["origin"].startswith(str(hca.home / ".config" / "hca" / "config.json:"))
    assert "config.json" in hca("config", "get", "http.timeout", "--origin", check=0).stdout
    assert "config.json" in json.loads(hca("config", "get", "http.timeout", "--origin", "-f", "json", check=0).stdout)
    user = hca("config", "path", "--user", check=0).stdout
    assert hca("config", "path", "--user", "--output", "path", check=0).stdout == ""
    assert (hca.cwd / "path").read_text() == user
    hca("config", "set", "s3.region", "eu", check=0)
    assert hca("config", "get", "s3.region", "--output", "region", check=0).stdout == ""
    assert (hca.cwd / "region").read_text() == "eu\n"
    hca("config", "unset", "http.timeout", check=0)
    assert hca("config", "get", "http.timeout", check=4).stdout == ""
    assert hca("config", "unset", "http.timeout", check=4).stdout == ""


def test_text_json_and_secrets(hca: Runner) -> None:
    hca("config", "set", "x.y", "[1, 2]", check=0)
    assert json.loads(hca("config", "get", "x.y", check=0).stdout) == [1, 2]
    hca("config", "set", "x.y", "12", "--text", check=0)
    assert json.loads(hca("config", "show", "x", "-f", "json", check=0).stdout)[0]["value"] == "12"
    hca("config", "set", "services.z.api_key", "-", stdin="tops3cret\n", check=0)
    shown = hca("config", "show", check=0)
    assert "tops3cret" not in shown.stdout
    assert hca("config", "get", "services.z.api_key", check=0).stdout == "tops3cret\n"


def test_a_wrong_value_is_refused_with_what_would_be_right(hca: Runner) -> None:
    done = hca("config", "set", "log_level", "LOUD", check=2)
    assert "DEBUG" in done.stderr
    hca("config", "get", "log_level", check=4)
    hca("config", "set", "log_level", "LOUD", "--force", check=0)
    done = hca("config", "validate", check=2)
    assert "config.json:" in done.stdout
    assert "log_level" in done.stdout
    assert "did you mean http.timeout?" in hca("config", "set", "http.timeot", "3", check=0).stderr


def test_an_option_of_this_command_alone(hca: Runner) -> None:
    assert hca("--config", "http.timeout=9", "config", "get", "http.timeout", check=0).stdout == "9\n"
    hca("config", "get", "http.timeout", check=4)
    hca("--config", "nonsense", "config", "path", check=2)


def test_profiles(hca: Runner) -> None:
    hca("profile", "create", "lab", "http.timeout=7", check=0)
    assert hca("--profile", "lab", "config", "get", "http.timeout", check=0).stdout == "7\n"
    hca("config", "get", "http.timeout", check=4)
    hca("profile", "use", "lab", check=0)
    assert hca("config", "get", "http.timeout", check=0).stdout == "7\n"
    rows = json.loads(hca("profile", "list", "-f", "json", check=0).stdout)
    assert [(row["name"], row["in use"]) for row in rows if row["name"] == "lab"] == [("lab", "*")]
    hca("profile", "create", "copy", "--copy", "lab", check=0)
    assert hca("config", "get", "http.timeout", env={"HCA_PROFILE": "copy"}, check=0).stdout == "7\n"
    hca("config", "set", "http.timeout", "8", "--profile", "copy", check=0)
    assert hca("--profile", "copy", "config", "get", "http.timeout", check=0).stdout == "8\n"
    hca("profile", "create", "lab", check=5)
    assert "--yes" in hca("profile", "delete", "lab", check=2).stderr
    hca("profile", "delete", "lab", "--yes", check=0)
    hca("config", "get", "http.timeout", check=4)
    assert "did you mean copy" in hca("--profile", "coppy", "config", "show", check=2).stderr


def test_edit(hca: Runner) -> None:
    path = hca.configure({"log_level": "ERROR"})
    editor = hca.cwd / "editor.py"
    editor.write_text(
        "import sys, json\npath = sys.argv[1]\ndata = json.load(open(path))\ndata['http'] = {'timeout': 4}\n"
        "json.dump(data, open(path, 'w'))\n"
    )
    env = {"EDITOR": f"{sys.executable} {editor}"}
    hca("config", "edit", env=env, check=0)
    assert json.loads(path.read_text())["http"] == {"timeout": 4}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    editor.write_text("import sys\nopen(sys.argv[1], 'w').write('{')\n")
    done = hca("config", "edit", env=env, check=2)
    assert str(path) in done.stderr
    assert json.loads(path.read_text())["http"] == {"timeout": 4}
    editor.write_text("raise SystemExit(3)\n")
    assert "exit code 3" in hca("config", "edit", env=env, check=2).stderr
    assert hca("config", "edit", env={"EDITOR": "/nonexistent"}, check=2).stdout == ""
    # The rejected draft is kept.
    assert len([p for p in path.parent.iterdir() if ".edit-" in p.name]) == 1


def test_schema_is_a_json_schema(hca: Runner) -> None:
    found = json.loads(hca("config", "schema", check=0).stdout)
    assert found["properties"]["http"]["properties"]["timeout"]


@pytest.mark.parametrize("words", [["cache", "clear"], ["clear-hca-cache"]])
def test_the_cache_is_listed_and_cleared(hca: Runner, words: list[str]) -> None:
    hca("--help", check=0)
    assert json.loads(hca("cache", "list", "-f", "json", check=0).stdout)
    hca(*words, check=0)
    assert len(json.loads(hca("cache", "list", "-f", "json", check=0).stdout)) <= 1
    assert "clear-hca-cache" not in hca("--help", check=0).stdout


def test_changes_go_to_the_profile_that_is_named_before_the_command(hca: Runner) -> None:
    hca("profile", "create", "lab", check=0)
    hca("--profile", "lab", "config", "set", "http.timeout", "6", check=0)
    hca("config", "get", "http.timeout", check=4)
    assert hca("--profile", "lab", "config", "get", "http.timeout", check=0).stdout == "6\n"
    hca("--profile", "lab", "config", "unset", "http.timeout", check=0)


def test_sections_of_commands_that_are_not_there(hca: Runner) -> None:
    hca.configure({"dss_get_bundle": {"replica": "aws"}, "dss_get_bundel": {"replica": "aws"}})
    done = hca("config", "validate", check=0)
    assert "dss_get_bundel: unknown setting; did you mean dss_get_bundle?" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_source_that_is_missing_is_warned_about(hca: Runner) -> None:
    done = hca("config", "get", "log_level", env={"HCA_CONFIG_FILE": "/nonexistent.json"}, check=4)
    assert "warning: HCA_CONFIG_FILE names /nonexistent.json" in done.stderr


def editor_that_writes(hca: Runner, text: str) -> dict[str, str]:
    """The environment in which the editor writes this text."""
    editor = hca.cwd / "editor.py"
    editor.write_text(f"import sys\nopen(sys.argv[1], 'w').write({text!r})\n", encoding="utf-8")
    return {"EDITOR": f"{sys.executable} {editor}", "VISUAL": ""}


def test_a_broken_draft_without_a_terminal_is_kept_and_told(hca: Runner) -> None:
    path = hca.configure({"log_level": "ERROR"})
    done = hca("config", "edit", env=editor_that_writes(hca, '{\n  "log_level": }'), check=2)
    [draft] = path.parent.glob(".config.json.edit-*")
    assert draft.read_text(encoding="utf-8") == '{\n  "log_level": }'
    assert f"your text is saved in {draft}" in done.stderr
    assert f"{draft}:2:16: not valid JSON" in done.stderr
    assert f"move it to {path}" in done.stderr
    assert "--yes" not in done.stderr
    assert json.loads(path.read_text(encoding="utf-8")) == {"log_level": "ERROR"}
    # A second draft does not overwrite the first.
    hca("config", "edit", env=editor_that_writes(hca, "[]"), check=2)
    assert len(list(path.parent.glob(".config.json.edit-*"))) == 2


def test_an_editor_that_fails_after_writing_keeps_the_draft(hca: Runner) -> None:
    path = hca.configure({})
    env = editor_that_writes(hca, '{"log_level": "INFO"}')
    with (hca.cwd / "editor.py").open("a", encoding="utf-8") as editor:
        editor.write("raise SystemExit(3)\n")
    done = hca("config", "edit", env=env, check=2)
    [draft] = path.parent.glob(".config.json.edit-*")
    assert str(draft) in done.stderr
    assert "exit code 3" in done.stderr


def test_what_cannot_be_edited(hca: Runner) -> None:
    env = editor_that_writes(hca, "{}")
    done = hca("config", "edit", "--file", hca.home, env=env, check=2)
    assert done.stderr == f"hca: error: {hca.home} is a folder, not a file\n"
    assert "unknown profile nope" in hca("config", "edit", "--profile", "nope", env=env, check=2).stderr


def test_the_file_that_was_edited_is_the_one_that_is_checked(hca: Runner) -> None:
    env = editor_that_writes(hca, '{"log_level": "LOUD"}')
    done = hca("config", "edit", "--file", "new/other.json", env=env, check=2)
    assert done.stdout.startswith("error: new/other.json:1: log_level: ")
    hca("profile", "create", "lab", check=0)
    done = hca("config", "edit", "--profile", "lab", env=env, check=2)
    assert "profiles/lab.json:1: log_level: " in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["a..b=1"], ["log_level=LOUD"], ["http.timeout=5", "http.timeout.x=1"], ["novalue"], ["--copy", "broken"]],
)
def test_a_profile_that_cannot_be_created_is_not_there(hca: Runner, arguments: list[str]) -> None:
    hca("profile", "create", "broken", check=0)
    broken = hca.home / ".config" / "hca" / "profiles" / "broken.json"
    broken.write_text("{", encoding="utf-8")
    done = hca("profile", "create", "lab", *arguments, check=2)
    assert "error.log" not in done.stderr
    if "--copy" in arguments:
        assert f"{broken}:1:2: not valid JSON" in done.stderr
    hca("profile", "create", "lab", "http.timeout=5", check=0)


def test_a_profile_that_cannot_be_used_from_now_on_is_not_there(hca: Runner) -> None:
    (hca.home / ".local" / "state" / "hca" / "profile").mkdir(parents=True)
    hca("profile", "create", "lab", "--use", check=2)
    assert hca("profile", "list", "-f", "value", check=0).stdout == ""


def test_an_empty_profile_name_is_not_the_users_own_file(hca: Runner) -> None:
    hca("config", "set", "http.timeout", "5", "--profile", "", check=2)
    hca("config", "get", "http.timeout", check=4)


@pytest.mark.parametrize(("key", "value"), [("x.y", "[" * 70 + "]" * 70), (".".join("a" * 70), "1")])
def test_nothing_is_set_that_could_not_be_read_again(hca: Runner, key: str, value: str) -> None:
    assert "nested too deeply" in hca("config", "set", key, value, check=2).stderr
    assert "nested too deeply" in hca("config", "set", "--force", key, value, check=2).stderr
    assert "nested too deeply" in hca("profile", "create", "lab", f"{key}={value}", check=2).stderr
    hca("config", "show", check=0)
