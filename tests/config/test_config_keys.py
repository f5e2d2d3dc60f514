"""Key paths, values as typed by users, and secret keys."""

from __future__ import annotations

import pytest

from hca_base.config import is_secret, join_key, masked, parse_value, split_key
from hca_base.errors import UsageError


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("http.timeout", ("http", "timeout")),
        ("log_level", ("log_level",)),
        ('services."my.api".url', ("services", "my.api", "url")),
        ("services.'my.api'.url", ("services", "my.api", "url")),
        (r'"say \"hi\""', ('say "hi"',)),
        ('""', ("",)),
        ("a b.c-d", ("a b", "c-d")),
    ],
)
def test_key_paths(text, path):
    assert split_key(text) == path
    assert split_key(join_key(path)) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", 'a."b', "a.'b", 'a"b"', '"a"b', r'"\x"'])
def test_what_is_no_key_path(text):
    with pytest.raises(UsageError, match="not a key path"):
        split_key(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30", 30),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ('{"$append": "x"}', {"$append": "x"}),
        ('"30"', "30"),
        ("aws", "aws"),
        ("", ""),
        ("2018-01-01", "2018-01-01"),
        ("https://x/y", "https://x/y"),
        ("NaN", "NaN"),
        ("1e999", "1e999"),
        ("{broken", "{broken"),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_values_as_typed(text, value):
    assert parse_value(text) == value


def test_a_setting_that_is_text_takes_text():
    assert parse_value("20180101", {"type": "string"}) == "20180101"
    assert parse_value('"x"', {"type": "string"}) == "x"
    assert parse_value("5", {"type": ["string", "number"]}) == 5


@pytest.mark.parametrize(
    "key",
    [
        "azul.api_key",
        "auth.client_secret",
        "x.oauth2_token",
        "password",
        "s3.secretAccessKey",
        "a.token.value",
        "passwd",
    ],
)
def test_secret_keys(key):
    assert is_secret(key)
    assert masked(key, "hunter2") == "********"


@pytest.mark.parametrize(
    "key",
    [
        "http.timeout",
        "auth.store",
        "auth.token_url",
        "services.x.credentials.api_key_header",
        "services.x.credentials.kind",
        "DSSClient.swagger_url",
        "upload.areas",
    ],
)
def test_other_keys(key):
    assert not is_secret(key)
    assert masked(key, "shown") == "shown"


def test_listings_hide_secrets_at_any_depth():
    assert masked("", {"a": {"api_key": "k", "n": 1}, "list": [{"token": "t", "x": "y"}], "tokens": ["a"]}) == {
        "a": {"api_key": "********", "n": 1},
        "list": [{"token": "********", "x": "y"}],
        "tokens": "********",
    }
    assert masked("http.proxy", "http://user:pw@proxy:3128/") == "http://user:********@proxy:3128/"
    assert masked("http.proxy", "see http://a:b@c and https://d:e@f/") == (
        "see http://a:********@c and https://d:********@f/"
    )
    assert masked("auth.token", None) is None
