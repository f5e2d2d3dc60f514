from __future__ import annotations

import pytest

from hca_base import config
from hca_base.errors import ConfigError, RefusedError, UsageError


def test_the_life_of_a_profile(home, monkeypatch):
    assert config.list_profiles() == []
    path = config.create_profile("local", {"http": {"timeout": 5}})
    assert path == config.profile_path("local")
    assert path.stat().st_mode & 0o777 == 0o600
    config.create_profile("empty")
    assert config.list_profiles() == ["empty", "local"]
    assert config.load().get("http.timeout") is None
    config.use_profile("local")
    assert config.active_profile() == "local"
    assert config.load().get("http.timeout") == 5
    monkeypatch.setenv("HCA_PROFILE", "empty")
    assert config.load().profile == "empty"
    assert config.load(profile="local").get("http.timeout") == 5
    monkeypatch.setenv("HCA_PROFILE", "default")
    assert config.load().profile is None
    monkeypatch.delenv("HCA_PROFILE")
    config.delete_profile("local")
    assert config.active_profile() is None
    config.use_profile("empty")
    config.use_profile(None)
    assert config.load().profile is None


def test_settings_of_a_profile_are_set_in_its_file(home):
    config.create_profile("p")
    assert config.set_value("http.timeout", 7, profile="p") == config.profile_path("p")
    assert home.read(config.profile_path("p")) == {"http": {"timeout": 7}}
    assert config.unset_value("http.timeout", profile="p")
    assert home.read(config.profile_path("p")) == {}
    assert not home.user.exists()
    with pytest.raises(UsageError):
        config.set_value("a", 1, profile="p", file="x.json")


def test_a_profile_that_does_not_exist(home, monkeypatch):
    config.create_profile("staging")
    for use in (
        lambda: config.load(profile="stagin"),
        lambda: config.use_profile("stagin"),
        lambda: config.delete_profile("stagin"),
        lambda: config.set_value("a", 1, profile="stagin"),
    ):
        with pytest.raises(ConfigError, match="unknown profile stagin") as caught:
            use()
        assert "did you mean staging?" in caught.value.hint
    monkeypatch.setenv("HCA_PROFILE", "absent")
    with pytest.raises(ConfigError, match="unknown profile absent"):
        config.load()
    assert len(config.load(tolerant=True).errors) == 1


def test_a_profile_is_not_overwritten_unless_asked(home):
    config.create_profile("p", {"a": 1})
    with pytest.raises(RefusedError, match="profile p already exists"):
        config.create_profile("p", {"b": 1})
    assert home.read(config.profile_path("p")) == {"a": 1}
    config.create_profile("p", {"b": 1}, replace=True)
    assert home.read(config.profile_path("p")) == {"b": 1}


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", ".hidden", "-x", "con", "NUL.txt", "a" * 65, "ä", "a\nb", "default"]
)
def test_names_that_a_profile_cannot_have(home, name):
    with pytest.raises(ConfigError):
        config.create_profile(name)
    assert config.list_profiles() == []


def test_a_spoilt_choice_is_an_error_not_another_profile(home):
    config.create_profile("p")
    config.use_profile("p")
    (home.root / "state" / "hca" / "profile").write_text("../../etc/x\n")
    with pytest.raises(ConfigError, match="not a profile name"):
        config.load()
