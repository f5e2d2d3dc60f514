"""The settings file of hca 7."""

from __future__ import annotations

import pytest

from hca_base import config

TOKEN = {"access_token": "canary-access", "refresh_token": "canary-refresh", "expires_at": "-1", "token_type": "Bearer"}

# As written by hca 7.0.1 at exit: one line, with its own defaults merged in.
OLD = {
    "log_level": "INFO",
    "client_id": "foo",
    "DSSClient": {"swagger_url": "https://dss.data.humancellatlas.org/v1/swagger.json"},
    "AuthClient": {"swagger_url": "https://auth.data.humancellatlas.org/swagger.json"},
    "oauth2_token": TOKEN,
    "upload": {
        "areas": {"b0b": {"uri": "s3://org-humancellatlas-upload-prod/b0b/"}},
        "current_area": "b0b",
        "production_api_url": "https://upload.data.humancellatlas.org/v1",
    },
    "dss_download": {"replica": "aws"},
}


def test_frozen_defaults_are_no_choice_of_the_user(home):
    home.write(home.user, OLD)
    found = config.load(defaults={"dss": {"DSSClient": {"swagger_url": "new"}}})
    assert found.get("DSSClient.swagger_url") == "new"
    assert found.get("log_level") is None
    assert found.get("upload.current_area") == "b0b"
    assert found.section("upload.areas") == {"b0b": {"uri": "s3://org-humancellatlas-upload-prod/b0b/"}}
    assert found.command_defaults("dss_download") == {"replica": "aws"}
    assert {problem.key for problem in config.validate(found)} <= {"upload", "DSSClient"}  # sections of plugins


def test_chosen_values_stay(home):
    home.write(home.user, {**OLD, "log_level": "DEBUG", "DSSClient": {"swagger_url": "https://mine/swagger.json"}})
    found = config.load()
    assert (found.get("log_level"), found.get("DSSClient.swagger_url")) == ("DEBUG", "https://mine/swagger.json")
    # Without the marker of hca 7 the same values are the user's choice.
    home.write(home.user, {"log_level": "INFO"})
    assert config.load().get("log_level") == "INFO"


def test_setting_a_value_that_was_frozen(home):
    home.write(home.user, OLD)
    config.set_value("log_level", "INFO")
    assert config.load().get("log_level") == "INFO"
    assert home.read()["oauth2_token"] == TOKEN
    assert home.read()["upload"]["areas"] == OLD["upload"]["areas"]


def test_the_token_is_seen_by_the_one_who_asks_only(home):
    home.write(home.user, OLD)
    found = config.load()
    [legacy] = found.legacy_tokens()
    assert (legacy.path, dict(legacy.token)) == (home.user, TOKEN)
    shown = repr(legacy) + repr(found) + repr(found.merged) + repr(list(found.items())) + repr(found.layers)
    assert "canary" not in shown
    assert found.with_options({"a": 1}).legacy_tokens() == (legacy,)


def test_taking_the_token_removes_it_once_it_is_stored(home):
    home.write(home.user, OLD)
    home.user.chmod(0o640)

    def fail(token):
        raise RuntimeError("no keyring")

    with pytest.raises(RuntimeError):
        config.take_legacy_token(fail)
    assert home.read() == OLD
    kept = []
    assert config.take_legacy_token(kept.append) == TOKEN
    assert kept == [TOKEN]
    left = {key: value for key, value in OLD.items() if key != "oauth2_token"}
    assert home.read() == left
    assert list(home.read()) == list(left)
    assert home.user.stat().st_mode & 0o777 == 0o640
    assert config.take_legacy_token(kept.append) is None
    assert config.load().legacy_tokens() == ()


def test_without_a_file_there_is_no_token(home):
    assert config.take_legacy_token() is None
    assert not home.user.parent.exists()
