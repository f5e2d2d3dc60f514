"""Missing, broken or unusual files: one clear error that names the file, and nothing is changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hca_base import config
from hca_base.errors import ConfigError, ExitCode

BAD = {
    "syntax": (b'{\n  "a": 1,\n  "b": }\n', ":3:8: not valid JSON"),
    "truncated": (b'{\n  "a": {"b": 1', ":2:15: not valid JSON"),
    "empty": (b"", "is empty"),
    "blank": (b" \n\n", "is empty"),
    "latin-1": (b'{\n"a": "\xe9"}', "is not UTF-8 text (byte 9, line 2)"),
    "list": (b"[1, 2]", "must hold a JSON object, not a list"),
    "nan": (b'{"a": NaN}', "NaN is no JSON number"),
    "deep": (b'{"a": ' + b"[" * 200_000, "nested too deeply"),
    "rather deep": (b'{"a": ' * 100 + b"1" + b"}" * 100, "nested too deeply"),
    "binary": (bytes(range(256)), "is not UTF-8 text"),
    "digits": (b'{"a": ' + b"1" * 10_000 + b"}", "is not valid JSON"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_broken_file(home, kind):
    raw, words = BAD[kind]
    home.user.parent.mkdir(parents=True)
    home.user.write_bytes(raw)

    def check(error):
        assert words in str(error)
        assert str(error).startswith(str(home.user))
        assert "\n" not in str(error)
        assert error.exit_code == ExitCode.USAGE
        assert error.hint

    with pytest.raises(ConfigError) as caught:
        config.load()
    check(caught.value)
    # Neither a change nor the first run resets it.
    with pytest.raises(ConfigError) as caught:
        config.set_value("http.timeout", 3)
    check(caught.value)
    assert config.ensure_user_config() is None
    assert home.user.read_bytes() == raw
    # Commands that repair settings still work.
    home.write(home.site, {"site": 1})
    found = config.load(tolerant=True)
    assert found.get("site") == 1
    assert [error.path for error in found.errors] == [home.user]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_read(home, encoding):
    home.user.parent.mkdir(parents=True)
    home.user.write_text('{"a": "ä"}', encoding=encoding)
    assert config.load().get("a") == "ä"


def test_a_folder_in_place_of_a_file(home):
    home.user.mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"config\.json is a folder"):
        config.load()
    with pytest.raises(ConfigError, match=r"config\.json is a folder"):
        config.set_value("a", 1)
    assert home.user.is_dir()


def test_a_file_that_may_not_be_read(home, monkeypatch):
    home.write(home.user, {"a": 1})
    plain_open = Path.open

    def refuse(self, *args, **kwargs):
        # Permissions do not apply to root, who may run these tests.
        if self == home.user:
            raise PermissionError(13, "Permission denied", str(self))
        return plain_open(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigError, match=r"config\.json cannot be read: Permission denied"):
        config.load()


def test_a_huge_file_is_not_read(home):
    home.user.parent.mkdir(parents=True)
    with home.user.open("wb") as stream:
        stream.truncate(10**10)
    with pytest.raises(ConfigError, match="too large"):
        config.load()


def test_an_absent_file_of_the_environment_is_told(home, monkeypatch):
    monkeypatch.setenv("HCA_CONFIG_FILE", f"{home.root}/absent.json{os.pathsep}/dev/null")
    found = config.load()
    assert found.merged == {}
    assert len(found.warnings) == 1
    assert "absent.json" in found.warnings[0]


def test_a_broken_file_of_the_environment(home, monkeypatch):
    home.write(home.root / "x.json", "{")
    monkeypatch.setenv("HCA_CONFIG_FILE", str(home.root / "x.json"))
    with pytest.raises(ConfigError, match=r"x\.json:1:2: not valid JSON"):
        config.load()


def test_secrets_that_others_can_read_are_told(home):
    home.write(home.user, {"azul": {"api_key": "canary"}}).chmod(0o644)
    [warning] = config.load().warnings
    assert f"chmod 600 {home.user}" in warning
    assert "canary" not in warning
    home.user.chmod(0o600)
    assert config.load().warnings == ()
    home.write(home.user, {"http": {"timeout": 1}}).chmod(0o644)
    assert config.load().warnings == ()


def test_reading_writes_nothing(home):
    config.load().get("http.timeout")
    assert list(home.root.iterdir()) == []


def test_the_first_run_makes_the_file(home):
    assert config.ensure_user_config() == home.user
    assert home.user.stat().st_mode & 0o777 == 0o600
    assert "http" in home.read()
    # It fixes no defaults: every setting in it is still overridable.
    assert config.load().merged == {}
    assert config.validate(config.load()) == []
    before = home.user.read_bytes()
    assert config.ensure_user_config() is None
    assert home.user.read_bytes() == before
    # What users do with it: uncomment lines.
    home.user.write_text(home.user.read_text().replace('"// timeout": "', '"timeout": 5, "//": "'))
    assert config.load().merged == {"http": {"timeout": 5}}


def test_the_first_run_mentions_the_settings_of_services(home):
    section = {"type": "object", "properties": {"url": {"type": "string", "description": "Where", "x-edit": True}}}
    config.ensure_user_config([{"ThatClient": section}])
    assert home.read()["ThatClient"] == {"// url": "Where"}


def test_the_first_run_without_a_usable_home(home, monkeypatch):
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(home.root / "absent"))
    assert config.ensure_user_config() is None
    assert not (home.root / "absent").exists()
    blocked = home.write(home.root / "file", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(blocked))
    assert config.ensure_user_config() is None
    assert config.load().merged == {}
    with pytest.raises(ConfigError, match="cannot be written"):
        config.set_value("a", 1)


def test_folders_follow_the_environment(home, monkeypatch):
    paths = config.paths
    assert paths.config_dir() == home.root / "config" / "hca"
    assert paths.state_dir() == home.root / "state" / "hca"
    for name in ("CONFIG", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", "relative/is/ignored")
    assert paths.config_dir() == home.root / ".config" / "hca"
    assert paths.state_dir() == home.root / ".local" / "state" / "hca"
    assert paths.cache_dir() == home.root / ".cache" / "hca"
    assert paths.data_dir() == home.root / ".local" / "share" / "hca"
    assert paths.config_dir({"HOME": "/elsewhere"}) == Path("/elsewhere/.config/hca")


def test_what_must_be_written_goes_elsewhere_without_a_home(home, monkeypatch):
    """A home that is a file stands for an unwritable one: permissions do not apply to root."""
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(home.write(home.root / "file", "")))
    folder = config.paths.cache_dir()
    assert home.root not in folder.parents
    assert folder.parent.stat().st_mode & 0o077 == 0
    folder.mkdir(exist_ok=True)
    monkeypatch.delenv("HOME")
    assert isinstance(config.paths.config_dir(), Path)
