"""Precedence of sources, how they merge, and the origin of a value."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap

import pytest

from hca_base import config
from hca_base.errors import ConfigError


def test_the_order_of_the_sources(home, monkeypatch):
    """Each source overrides those before it, and a value set in only one is always visible."""
    names = ["default", "site", "user", "profile", "first", "second", "option"]

    def settings(rank):
        return {"level": dict.fromkeys(names[: rank + 1], names[rank]), f"only_{names[rank]}": rank}

    home.write(home.site, settings(1))
    home.write(home.user, settings(2))
    home.profile("p", settings(3))
    first = home.write(home.root / "first.json", settings(4))
    second = home.write(home.root / "second.json", settings(5))
    monkeypatch.setenv("HCA_PROFILE", "p")
    monkeypatch.setenv("HCA_CONFIG_FILE", os.pathsep.join([str(first), "", str(second)]))
    found = config.load(defaults={"dss": settings(0)}, options=settings(6))
    assert found.section("level") == dict.fromkeys(names, "option")
    assert [found.get(f"only_{name}") for name in names] == list(range(7))
    assert found.profile == "p"

    without = config.load(defaults={"dss": settings(0)})
    # Each key has the value of the highest source that sets it.
    assert without.section("level") == dict.fromkeys(names[:6], "second")
    origin = without.origin("level.site")
    assert (origin.layer, origin.path, origin.key) == (f"HCA_CONFIG_FILE {second}", second, "level.site")


def test_an_explicit_profile_is_over_the_files_of_the_environment(home, monkeypatch):
    home.profile("active", {"a": "active", "leak": "active"})
    home.profile("explicit", {"a": "explicit"})
    extra = home.write(home.root / "extra.json", {"a": "extra", "b": "extra"})
    config.use_profile("active")
    monkeypatch.setenv("HCA_CONFIG_FILE", str(extra))
    assert config.load().get("a") == "extra"
    found = config.load(profile="explicit")
    assert (found.get("a"), found.get("b"), found.profile) == ("explicit", "extra", "explicit")
    # No setting of another profile, possibly for another deployment, applies.
    assert found.get("leak") is None
    assert config.load(profile="default").profile is None
    # Options override everything.
    assert config.load(profile="explicit", options={"a": "option"}).get("a") == "option"


def test_origin_names_layer_file_key_and_line(home):
    home.write(home.user, '{\n  "DSSClient": {\n    "swagger_url": "https://x",\n    "list": [\n      1]\n  }\n}\n')
    found = config.load(defaults={"dss": {"DSSClient": {"swagger_url": "default", "timeout": 3}}})
    origin = found.origin("DSSClient.swagger_url")
    assert (origin.layer, origin.path, origin.key, origin.line) == ("user", home.user, "DSSClient.swagger_url", 3)
    assert str(origin) == f"{home.user}:3"
    assert found.origin("DSSClient.list").line == 4
    assert str(found.origin("DSSClient.timeout")) == "defaults of dss"
    assert found.origin("DSSClient.missing") is None
    assert {key: str(origin) for key, _, origin in found.items()} == {
        "DSSClient.swagger_url": f"{home.user}:3",
        "DSSClient.list": f"{home.user}:4",
        "DSSClient.timeout": "defaults of dss",
    }


def test_lines_are_found_in_any_layout(home):
    text = '{"a":{"b":[{"c":1},\n{"c":"}\\"]"}]\n,"d.e" :\n{}},\n"a2":null}'
    layer = config.Layer("user", "user", {}, home.user, text)
    assert layer.line_of(("a", "b", 1, "c")) == 2
    assert layer.line_of(("a", "d.e")) == 3
    assert layer.line_of(("a2",)) == 5
    assert layer.line_of(("a", "b", "missing")) == 1
    assert config.Layer("user", "user", {}, None, "{" * 3).line_of(("a",)) == 1


@pytest.mark.parametrize(
    ("below", "operation", "result"),
    [
        ([1, 2], {"$append": 3}, [1, 2, 3]),
        ([1, 2], {"$append": [3]}, [1, 2, [3]]),
        ([1], {"$extend": [2, 3]}, [1, 2, 3]),
        ([3], {"$extendleft": [1, 2]}, [1, 2, 3]),
        ([1, 3], {"$insert": {"1": 2}}, [1, 2, 3]),
        ([1, 3], {"$insert": {"-1": 2, "+0": 0}}, [0, 1, 2, 3]),
        ([1, 2, 1], {"$remove": 1}, [2, 1]),
        ([1], {"$remove": 7}, [1]),
        (None, {"$append": 3}, [3]),
        (None, {"$remove": 3}, []),
        (None, {"$insert": {"5": 3}}, [3]),
    ],
)
def test_list_operators(stack, below, operation, result):
    lowest = {"s": {"list": below, "other": 1}} if below is not None else {"t": 1}
    found = stack(lowest, {"s": {"list": operation}})
    assert found.get("s.list") == result
    assert found.section("s")["list"] == result
    assert found.merged["s"]["list"] == result
    # The source is unchanged: merging created no alias of it.
    found.merged["s"]["list"].append("x")
    assert found.get("s.list") == result
    if below is not None:
        assert found.get("s.other") == 1


def test_operators_of_several_layers_add_up(stack):
    found = stack({"l": ["a"]}, {"l": {"$append": "b"}}, {"x": 1}, {"l": {"$extendleft": ["c"]}})
    assert found.get("l") == found.merged["l"] == ["c", "a", "b"]
    assert [part.layer for part in found.origin("l").parts] == ["layer 1", "layer 2", "layer 4"]
    replaced = stack({"l": ["a"]}, {"l": {"$append": "b"}}, {"l": ["z"]})
    assert replaced.get("l") == ["z"]
    assert replaced.origin("l").parts == ()


@pytest.mark.parametrize(
    ("below", "operation", "words"),
    [
        ("text", {"$append": 1}, "edits a list, but the value in the lower layers is text"),
        ({"a": 1}, {"$append": 1}, "the value in the lower layers is an object"),
        ([], {"$append": 1, "$extend": [2]}, "only key"),
        ([], {"$append": 1, "other": 2}, "only key"),
        ([], {"$extend": "abc"}, "$extend needs a list, not text"),
        ([], {"$insert": [1]}, "$insert needs an object"),
        ([], {"$insert": {"first": 1}}, "whole numbers as positions, not 'first'"),
    ],
)
def test_a_wrong_operator_names_file_line_and_key(home, below, operation, words):
    home.write(home.site, {"s": {"list": below}})
    home.write(home.user, {"a": 1, "s": {"list": operation}})
    found = config.load()
    assert found.get("a") == 1  # other keys are not affected
    with pytest.raises(ConfigError) as caught:
        found.get("s.list")
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{home.user}:4: s.list: ")
    with pytest.raises(ConfigError):
        _ = found.merged


def test_values_without_operators_merge_as_jsonmerge_does(stack):
    found = stack(
        {"o": {"a": 1, "b": {"c": 1, "d": [1, 2]}}, "scalar": 1, "over": {"x": 1}, "gone": 1},
        {"o": {"b": {"d": [3], "e": 2}}, "scalar": {"now": "object"}, "over": 5, "gone": None},
    )
    with pytest.raises(ConfigError, match="scalar"):
        _ = found.merged
    found = stack(found.layers[0].data, {**found.layers[1].data, "scalar": 2})
    assert found.merged == {
        "o": {"a": 1, "b": {"c": 1, "d": [3], "e": 2}},
        "scalar": 2,
        "over": 5,
        "gone": None,
    }
    assert found.get("over.x", "default") == "default"
    # Null means "not set": it restores the default.
    assert found.get("gone", "default") == "default"
    assert "gone" in found
    assert "never" not in found
    with pytest.raises(ConfigError, match=r"layer 2: over: must be an object, not a number"):
        found.section("over")


def test_an_object_over_a_plain_value_is_an_error_that_names_both(home):
    home.write(home.site, {"http": "text"})
    home.write(home.user, {"http": {"timeout": 3}})
    found = config.load()
    for read in (lambda: found.get("http.timeout"), lambda: found.section("http"), lambda: found.merged):
        with pytest.raises(ConfigError) as caught:
            read()
        assert f"{home.user}:2: http: " in str(caught.value)
    # A null in a lower source is not a conflict.
    home.write(home.site, {"http": None})
    assert config.load().get("http.timeout") == 3
    assert config.load().merged == {"http": {"timeout": 3}}


STRATEGIES = {
    "properties": {
        "s": {
            "properties": {
                "hosts": {"mergeStrategy": "append"},
                "fixed": {"mergeStrategy": "discard"},
                "people": {"mergeStrategy": "arrayMergeById", "mergeOptions": {"idRef": "name"}},
                "whole": {"mergeStrategy": "overwrite"},
            }
        }
    }
}


def test_merge_strategies_of_a_schema(stack):
    found = stack(
        {"s": {"hosts": ["a"], "fixed": 1, "people": [{"name": "x", "v": 1}], "whole": {"a": 1}}},
        {"s": {"hosts": ["b"], "fixed": 2, "people": [{"name": "x", "w": 2}, {"name": "y"}], "whole": {"b": 1}}},
        {"s": {"hosts": {"$remove": "a"}}},
        schema=STRATEGIES,
    )
    wanted = {
        "hosts": ["b"],
        "fixed": 1,
        "people": [{"name": "x", "v": 1, "w": 2}, {"name": "y"}],
        "whole": {"b": 1},
    }
    assert found.section("s") == found.merged["s"] == wanted
    assert {key: found.get(f"s.{key}") for key in wanted} == wanted
    assert found.get("s.whole.a") is None
    assert found.origin("s.fixed").layer == "layer 1"
    assert [part.layer for part in found.origin("s.hosts").parts] == ["layer 1", "layer 2", "layer 3"]
    one = stack({"s": {"hosts": ["a"]}}, schema=STRATEGIES)
    assert one.get("s.hosts") == ["a"]


def test_a_plugins_strategies_come_with_its_defaults(home):
    home.write(home.user, {"s": {"hosts": ["b"]}})
    found = config.load()
    found.add_defaults("plugin", {"s.hosts": ["a"]}, STRATEGIES)
    found.add_defaults("plugin", {"s.hosts": ["twice"]}, STRATEGIES)
    found.add_defaults("other", {"s": {"hosts": ["c"]}})
    assert found.get("s.hosts") == ["a", "c", "b"]


def test_what_was_read_before_is_no_longer_true_with_other_defaults(home):
    """Values are cached: a client reads the same few for each call."""
    found = config.load()
    assert found.get("s.size") is None and found.get("s.size", 3) == 3
    found.add_defaults("plugin", {"s": {"size": 5, "hosts": ["a"], "inner": {"b": 1}}})
    assert (found.get("s.size"), found.get(("s", "size"))) == (5, 5)
    found.get("s.hosts").append("mine")
    found.get("s")["inner"]["b"] = 2
    assert (found.get("s.hosts"), found.get("s.inner")) == (["a"], {"b": 1})
    assert found.with_options({"s.size": 6}).get("s.size") == 6 and found.get("s.size") == 5


def test_options_and_copies(stack):
    found = stack({"http": {"timeout": 1, "retries": 2}})
    other = found.with_options({"http.timeout": 5, 'services."a.b".url': "u"})
    assert (found.get("http.timeout"), other.get("http.timeout")) == (1, 5)
    assert other.get(("services", "a.b", "url")) == other.get('services."a.b".url') == "u"
    assert other.origin("http.timeout").layer == "option"
    assert other.section("http") == {"timeout": 5, "retries": 2}


def test_defaults_of_a_commands_options(stack):
    found = stack({"dss_download": {"replica": "aws", "no-data": True, "unset": None}})
    assert found.command_defaults("dss_download") == {"replica": "aws", "no_data": True}
    assert found.command_defaults("dss download") == found.command_defaults("dss-download") != {}
    assert found.command_defaults("dss_upload") == {}


def test_comments_are_no_settings(home):
    home.write(home.user, {"//": "text", "// a": 1, "http": {"// timeout": "seconds"}, "s": {"//": 1, "x": {}}})
    found = config.load()
    assert found.merged == {"s": {"x": {}}}


def test_jsonmerge_is_not_imported_without_a_strategy(home):
    home.write(home.site, {"http": {"retries": 3, "proxy": {"http": "a"}}, "list": [1], "upload": {"x": {"y": 2}}})
    user = {"http": {"timeout": 3, "proxy": {"https": "b"}}, "list": {"$append": 2}, "DSSClient": {"a": {"b": 1}}}
    home.write(home.user, user)
    script = """
        import sys
        from hca_base import config
        defaults = {"dss": {"upload": {"x": {"z": 3}}, "s3": {"region": 1}}}
        found = config.load(defaults=defaults, options={"s3.region": 2})
        assert found.get("http.timeout") == 3 and found.get("http.retries") == 3
        assert found.get("list") == [1, 2]
        assert found.section("DSSClient") == {"a": {"b": 1}}
        assert found.section("http") == {"retries": 3, "timeout": 3, "proxy": {"http": "a", "https": "b"}}
        assert found.section("upload") == {"x": {"y": 2, "z": 3}}
        assert found.section("s3") == {"region": 2}
        assert "jsonmerge" not in sys.modules and "jsonschema" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=60)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_objects_merge_as_jsonmerge_does(stack):
    import jsonmerge

    def objects(depth):
        values = (1, None, [1, {"a": 1}], "text", {})
        return {
            number.choice("abcdef"): objects(depth - 1) if depth and number.random() < 0.6 else number.choice(values)
            for _ in range(number.randint(1, 3))
        }

    number, merged, refused = random.Random(1), 0, 0
    for _ in range(1000):
        below, above = objects(2), objects(2)
        found = stack({"o": below}, {"o": above})
        try:
            expected = jsonmerge.merge(below, above)
        except jsonmerge.exceptions.JSONMergeError:
            if None not in _values(below):
                refused += 1
                with pytest.raises(config.ConfigFileError):
                    found.get("o")
            continue
        merged += bool(below.keys() & above.keys())
        assert found.get("o") == expected
    assert merged > 200 and refused > 20


def _values(value):
    for inner in value.values():
        yield inner
        if isinstance(inner, dict):
            yield from _values(inner)


def test_a_configuration_shows_no_values(stack):
    found = stack({"a": {"token": "hunter2"}})
    assert "hunter2" not in repr(found) + str(found)


@pytest.mark.parametrize(
    "key", ["a/b", "a%20b", "%", "a#b", "~1", "", "ä b", "a.b", '"', "\\", "http://x:1/y?z#q", "0"]
)
def test_any_key_merges(stack, key):
    found = stack({key: {"x": 0, key: {"z": 1}}}, {key: {"x": 1, "y": 2, key: {"w": [{key: 1}]}}})
    assert found.merged == {key: {"x": 1, "y": 2, key: {"z": 1, "w": [{key: 1}]}}}
    assert [name for name, _, _ in found.items()] == [
        config.join_key(path) for path in ((key, "x"), (key, key, "z"), (key, key, "w"), (key, "y"))
    ]
    assert found.get(config.join_key((key, key, "z"))) == 1
