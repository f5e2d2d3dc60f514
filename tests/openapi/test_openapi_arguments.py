"""Arguments: parsing of numbers, booleans and JSON; missing, unknown and invalid ones."""

from __future__ import annotations

import datetime
import decimal
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import UsageError
from hca_base.openapi import Operation, Parameter, bind, coerce

UUID_PATTERN = "[A-Za-z0-9]{8}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{12}"
UUID = "a9b1b33e-5b8c-4d1c-9a1e-0f7c1d2e3f40"


def parameter(type_: str, **more: Any) -> Parameter:
    return Parameter("x", "x", "--x", "query", type_, **more)


@pytest.mark.parametrize(
    ("type_", "given", "taken"),
    [
        ("integer", "12", 12),
        ("integer", " -3 ", -3),
        ("integer", 12, 12),
        ("integer", 12.0, 12),
        ("number", "1.5", 1.5),
        ("number", "2", 2),
        ("number", "1e3", 1000.0),
        ("number", decimal.Decimal("1.5"), 1.5),
        ("boolean", "true", True),
        ("boolean", "No", False),
        ("boolean", "0", False),
        ("boolean", 1, True),
        ("boolean", False, False),
        ("object", '{"a": 1}', {"a": 1}),
        ("object", {"a": 1}, {"a": 1}),
        ("string", "x", "x"),
        ("string", 5, "5"),
        ("string", True, "true"),
        ("string", {"a": 1}, '{"a": 1}'),
        ("string", b"bytes", "bytes"),
        ("string", datetime.date(2019, 5, 14), "2019-05-14"),
        ("any", "[1]", [1]),
        ("any", "text", "text"),
        ("any", "5", "5"),
        ("any", "true", "true"),
        ("any", ' {"a": 1}', {"a": 1}),
        ("any", "[not JSON", "[not JSON"),
        ("any", "", ""),
        ("any", {"a"}, {"a"}),
    ],
)
def test_values_are_taken_for_their_type(type_: str, given: Any, taken: Any) -> None:
    found = coerce(parameter(type_), given)
    assert found == taken and isinstance(found, type(taken))


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (["1", 2], [1, 2]),
        ((1, 2), [1, 2]),
        ("[1, 2]", [1, 2]),
        ("7", [7]),
        (range(3), [0, 1, 2]),
        ([], []),
    ],
)
def test_arrays(given: Any, taken: list[int]) -> None:
    assert coerce(parameter("array", items="integer"), given) == taken


@pytest.mark.parametrize(
    ("type_", "given", "message"),
    [
        ("integer", "1.5", "must be an integer, not '1.5'"),
        ("integer", "x" * 500, "must be an integer"),
        ("integer", True, "must be an integer, not True"),
        ("integer", "9" * 5000, "must be an integer"),
        ("integer", [1], "must be an integer"),
        ("number", "nan", "finite number"),
        ("number", float("inf"), "finite number"),
        ("number", "one", "must be a number"),
        ("boolean", "maybe", "true or false"),
        ("object", "{", "not valid JSON"),
        ("object", "[1]", "must be a JSON object"),
        ("object", '{"a":' * 100_000, "nested too deeply"),
        ("array", {"a": 1}, "must be an array"),
        ("array", 5, "must be an array"),
        ("array", "[1", "not valid JSON"),
        ("file", 5, "a path, bytes or an open file"),
        ("string", b"\xff", "must be text"),
        ("string", "caf\udce9", "must be valid text"),
    ],
)
def test_values_that_cannot_be_taken(type_: str, given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        coerce(parameter(type_), given)
    assert str(caught.value).startswith("x ") and len(str(caught.value)) < 200 and "\n" not in str(caught.value)


OPERATION = Operation(
    name="get_bundle",
    method="GET",
    path="/bundles/{uuid}",
    parameters=(
        Parameter("uuid", "uuid", "--uuid", "path", required=True, pattern=UUID_PATTERN),
        Parameter("replica", "replica", "--replica", "query", required=True, enum=("aws", "gcp")),
        Parameter("Api-Key", "api_key", "--api-key", "header"),
        Parameter("form", "form", "--form", "query", enum=("short", "long")),
        Parameter("levels", "levels", "--levels", "query", type="array", items="integer", items_enum=(1, 2)),
    ),
)


def bound(**arguments: Any) -> dict[str, Any]:
    return {each.name: value for each, value in bind(OPERATION, arguments)}


def test_arguments_are_bound_by_python_or_api_name() -> None:
    assert bound(uuid=UUID, replica="aws", api_key="k", form=None) == {"uuid": UUID, "replica": "aws", "Api-Key": "k"}
    assert bound(uuid=UUID, replica="aws", **{"Api-Key": "k"})["Api-Key"] == "k"
    with pytest.raises(UsageError, match="given twice"):
        bound(uuid=UUID, replica="aws", api_key="a", **{"Api-Key": "b"})


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ({}, "the arguments uuid and replica are missing", "replica is one of: aws, gcp"),
        ({"uuid": UUID}, "the argument replica is missing", "replica is one of: aws, gcp"),
        ({"uuid": None, "replica": "aws"}, "uuid must not be None", None),
        (
            {"uuid": UUID, "replca": "aws"},
            "takes no argument 'replca'; did you mean replica",
            "it takes: uuid, replica",
        ),
        ({"uuid": UUID, "replica": "azure"}, "replica must be one of aws, gcp, not 'azure'", None),
        ({"uuid": "not-a-uuid", "replica": "aws"}, "uuid must be a UUID, not 'not-a-uuid'", None),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        bound(**arguments)
    assert message in str(caught.value)
    assert (caught.value.hint or "").startswith(hint or "")


def test_a_pattern_that_is_not_anchored_is_not_anchored_here() -> None:
    assert bound(uuid=f"xx{UUID}yy", replica="aws")["uuid"] == f"xx{UUID}yy"
    assert bound(uuid="zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz", replica="aws")


def test_other_listed_values_may_be_outdated(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="hca.openapi"):
        assert bound(uuid=UUID, replica="aws", form="newest", levels=["1", 3])["form"] == "newest"
    assert [record.getMessage() for record in caplog.records] == [
        "form is 'newest', which is not one of short, long; sent anyway",
        "levels is 3, which is not one of 1, 2; sent anyway",
    ]


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)*b", r"(.*)*x", "a*a*a*a*b", "(", r"\p{L}", "a{1,999999}", "(?=x)", "[a"]
)
def test_a_pattern_can_neither_hang_nor_fail(pattern: str) -> None:
    started = time.monotonic()
    one = Operation("x", "GET", "/", parameters=(Parameter("a", "a", "--a", "query", pattern=pattern),))
    bind(one, {"a": "a" * 900})
    assert time.monotonic() - started < 30


def test_files_are_paths_bytes_or_open_files(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with (tmp_path / "x").open("rb") as file:
        for value in ("name", tmp_path, b"bytes", file):
            assert coerce(parameter("file"), value) is value
