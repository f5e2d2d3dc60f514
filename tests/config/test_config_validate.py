"""The report of `hca config validate`: file, line, key, the error and valid values."""

from __future__ import annotations

import pytest

from hca_base import config

DSS = {
    "DSSClient": {
        "type": "object",
        "properties": {
            "swagger_url": {"type": "string", "description": "URL of the document"},
            "hosts": {"type": "array", "items": {"type": "string"}},
        },
    }
}


def told(home, data, schemas=(DSS,), **options):
    home.write(home.user, data)
    return config.validate(config.load(tolerant=True), schemas, **options)


def test_right_settings_are_right(home):
    assert (
        told(
            home,
            {
                "//": "comment",
                "log_level": "INFO",
                "http": {"timeout": 2.5, "retries": 0, "proxy": None, "insecure_hosts": {"$append": "host"}},
                "DSSClient": {"swagger_url": "https://x", "hosts": {"$insert": {"0": "a"}}},
                "dss_download": {"replica": "aws", "anything": 1},
                "services": {"petstore": {"url": "x"}},
                "$schema": "x",
            },
        )
        == []
    )


@pytest.mark.parametrize(
    ("data", "key", "words"),
    [
        (
            {"http": {"timeout": "abc"}},
            "http.timeout",
            'must be a number or a list or an object, not "abc" (Seconds to wait',
        ),
        ({"http": {"timeout": 0}}, "http.timeout", "must be more than 0, not 0"),
        ({"http": {"retries": 1.5}}, "http.retries", "must be a whole number, not 1.5"),
        ({"http": {"retries": True}}, "http.retries", "must be a whole number, not true"),
        ({"http": []}, "http", "must be an object, not a list"),
        ({"log_level": "info"}, "log_level", 'did you mean "INFO"?'),
        ({"services": {"x": {"safe_operations": "h"}}}, "services.x.safe_operations", 'must be a list, not "h"'),
        ({"http": {"insecure_hosts": [1]}}, "http.insecure_hosts[0]", "must be text, not 1"),
        ({"DSSClient": {"hosts": {"$append": 5}}}, "DSSClient.hosts[0]", "must be text, not 5"),
        ({"DSSClient": {"hosts": {"$extend": "a"}}}, "DSSClient.hosts", "$extend needs a list"),
        ({"auth": {"client_secret": 12345}}, "auth.client_secret", "must be text, not ********"),
    ],
)
def test_wrong_values(home, data, key, words):
    [problem] = told(home, data)
    assert (problem.severity, problem.key, problem.path) == ("error", key, home.user)
    assert words in problem.message
    assert problem.line >= 2
    assert str(problem).startswith(f"{home.user}:{problem.line}: {key}: ")


@pytest.mark.parametrize(
    ("data", "key", "words"),
    [
        ({"http": {"timeot": 1}}, "http.timeot", "did you mean http.timeout?"),
        ({"DSSclient": {}, "a": 1}, "DSSclient", "did you mean DSSClient?"),
        ({"timeout": 1}, "timeout", "did you mean http.timeout?"),
        ({"log_levl": "INFO"}, "log_levl", "did you mean log_level?"),
        ({"DSSClient": {"swager_url": "x"}}, "DSSClient.swager_url", "did you mean DSSClient.swagger_url?"),
        ({"output": {"colour": 1}}, "output.colour", "known here: format"),
    ],
)
def test_unknown_settings(home, data, key, words):
    problem = told(home, data)[0]
    assert (problem.severity, problem.key) == ("warning", key)
    assert problem.message.startswith("unknown setting")
    assert words in problem.message


def test_sections_of_commands(home):
    data = {"dss_downlod": {"replica": "aws"}}
    assert told(home, data) == []
    [problem] = told(home, data, commands=["dss download", "dss-upload"])
    assert "did you mean dss_download?" in problem.message
    assert told(home, {"dss_download": {}, "dss-upload": {}}, commands=["dss download", "dss-upload"]) == []


def test_a_plugins_section_is_unknown_without_the_plugin(home):
    [problem] = told(home, {"DSSClient": {"swagger_url": 5}}, schemas=())
    assert problem.severity == "warning"


def test_removing_what_is_not_there(home):
    home.write(home.site, {"http": {"insecure_hosts": ["a"]}})
    assert told(home, {"http": {"insecure_hosts": {"$remove": "a"}}}) == []
    [problem] = told(home, {"http": {"insecure_hosts": {"$remove": "b"}}})
    assert (problem.severity, problem.key) == ("warning", "http.insecure_hosts")
    [problem] = told(home, {"http": {"insecure_hosts": {"$apend": "b"}}})[:1]
    assert "did you mean $append?" in problem.message


def test_broken_files_and_conflicts_are_problems_too(home, monkeypatch):
    broken = home.write(home.root / "broken.json", '{\n"a": \n')
    monkeypatch.setenv("HCA_CONFIG_FILE", str(broken))
    home.write(home.site, {"http": {"proxy": "x"}, "upload_x": "y"})
    problems = told(home, {"http": {"retries": -1}})
    assert [(problem.path, problem.severity) for problem in problems] == [
        (broken, "error"),
        (home.site, "warning"),
        (home.user, "error"),
    ]
    assert str(problems[0]) == f"{broken}:3: not valid JSON: Expecting value"

    monkeypatch.delenv("HCA_CONFIG_FILE")
    home.write(home.site, {"s3": "text"})
    problems = told(home, {"s3": {"region": "x"}})
    assert any(problem.path == home.user and "cannot be merged with text" in problem.message for problem in problems)


def test_a_key_that_stands_twice(home):
    [problem] = told(home, '{"http": {"retries": 1, "retries": 2}}')
    assert (problem.severity, problem.path) == ("warning", home.user)
    assert "'retries' twice" in problem.message


def test_checking_a_value_before_it_is_set():
    assert config.check_value("http.timeout", 30) == []
    [problem] = config.check_value("http.timeout", "x")
    assert problem.severity == "error"
    [problem] = config.check_value("http.timeot", 3)
    assert problem.severity == "warning"
    assert config.check_value("DSSClient.swagger_url", "x", [DSS]) == []


def test_the_schema_is_one():
    whole = config.schema([DSS, {"properties": {"http": {"properties": {"extra": {"type": "string"}}}}}])
    assert whole["properties"]["DSSClient"]["properties"].items() >= DSS["DSSClient"]["properties"].items()
    # A login can be configured for a single service.
    assert config.schema_of("DSSClient.auth.client_id", [DSS]) == config.schema_of("auth.client_id")
    assert "auth" not in DSS["DSSClient"]["properties"]
    assert config.schema_of("DSSClient.absent", [DSS]) is None
    assert config.parse_value("123", config.schema_of("auth.client_id")) == "123"
    assert {"timeout", "extra"} <= set(whole["properties"]["http"]["properties"])
    assert "extra" not in config.schema()["properties"]["http"]["properties"]
