"""Omitted arguments never change or delete anything: shared names, missing and empty path parameters, None.

Real commands and clients against a server that counts requests.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import UsageError
from hca_base.openapi import Alias, Client, Document, Index, Operation
from tests.openapi.in_process import BUNDLED, HERE, OWN, configured, outside, run

#: Operations to test in each document.
_MOST = 25


def subsets(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All proper subsets of some names."""
    for count in range(len(names)):
        yield from itertools.islice(itertools.combinations(names, count), 6)


def entries(index: Index) -> list[Operation | Alias]:
    """All names of operations that are not safe."""
    found = [index.lookup(command) for command, _ in index.summaries(aliases=True)]
    return [each for each in found if each is not None and not each.safe and each.path_names]


@pytest.mark.parametrize("naming", ["operation", "path"])
@pytest.mark.parametrize("path", [*OWN, *BUNDLED, *outside()], ids=lambda path: path.name)
def test_no_request_leaves_without_every_path_parameter(
    path: Path, naming: str, web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(own_home, path, web.url, naming)
    index = Index.of(Document.load(path, naming=naming))
    client = Client(swagger_url=str(path), base_url=web.url)
    chosen = entries(index)
    for entry in random.Random(0).sample(chosen, min(len(chosen), _MOST)):
        required = {each.python_name for each in entry.parameters if each.required}
        values = dict.fromkeys(required.difference(entry.path_names), "1")
        options = {each.python_name: each.option for each in entry.parameters}
        for given in subsets(entry.path_names):
            arguments = values | dict.fromkeys(given, "1")
            for missing in (None, "", ".", ".."):
                tried = dict(arguments)
                if missing is not None or isinstance(entry, Operation):
                    tried |= dict.fromkeys(set(entry.path_names) - set(given), missing)
                with pytest.raises(UsageError):
                    client.invoke(entry, tried)
            words = ["x", *entry.command.split(" ")]
            for name, value in arguments.items():
                words += [options[name], value]
            code, out, err = run(words, monkeypatch)
            assert code == 2 and not out and err.startswith("hca: error:"), (words, err)
    assert not web.seen


@pytest.fixture
def samples(web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Runs a command of a service where samples are deleted, one or all."""
    configured(own_home, HERE / "documents" / "delete-all.json", web.url, "operation")
    return lambda *words: run(["x", *words], monkeypatch)


def test_delete_one_or_all(samples: Callable[..., tuple[int, str, str]], web: Any) -> None:
    code, _, err = samples("delete-samples")
    assert code == 2 and not web.seen
    assert "delete-samples is ambiguous: it needs id" in err
    assert "'hca x delete-samples-all' (DELETE /samples)" in err and "'hca x delete-samples-by-id'" in err
    for words in (("--id",), ("--id", ""), ("--id=",), ("--id", ".."), ("--i", "5"), ("--", "--id", "5")):
        assert samples("delete-samples", *words)[0] == 2
    assert not web.seen
    assert samples("delete-samples", "--id", "5")[0] == 0
    assert samples("delete-samples-by-id", "--id=6")[0] == 0
    assert samples("delete-samples-all")[0] == 0
    assert [str(each) for each in web.seen] == ["DELETE /samples/5", "DELETE /samples/6", "DELETE /samples"]


def test_a_safe_name_picks_by_what_is_given(samples: Callable[..., tuple[int, str, str]], web: Any) -> None:
    assert samples("get-samples")[0] == 0
    assert samples("get-samples", "--id", "5")[0] == 0
    assert [str(each) for each in web.seen] == ["GET /samples", "GET /samples/5"]


def test_help_of_a_shared_name(samples: Callable[..., tuple[int, str, str]], web: Any) -> None:
    code, out, _ = samples("delete-samples", "--help")
    assert code == 0 and "all of them are required" in out
    assert "delete-samples-all\n" in out and "--id: DELETE /samples/{id}" in out
    listed = samples("--help")[1]
    assert "Delete all samples" in listed and "Delete a sample" in listed and "  delete-samples  " not in listed
    assert not web.seen


def test_defaults_of_the_settings_count_as_given(web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(own_home, HERE / "documents" / "delete-all.json", web.url, "operation")
    file = own_home / ".config" / "hca" / "config.json"
    settings = json.loads(file.read_text())
    file.write_text(json.dumps({**settings, "x_delete_samples": {"id": "7"}}))
    assert run(["x", "delete-samples"], monkeypatch)[0] == 0
    file.write_text(json.dumps({**settings, "x_delete_samples": {"id": None}}))
    assert run(["x", "delete-samples"], monkeypatch)[0] == 2
    assert [str(each) for each in web.seen] == ["DELETE /samples/7"]


def test_python_takes_no_none_for_a_path_parameter(web: Any) -> None:
    client = Client(swagger_url=str(HERE / "documents" / "delete-all.json"), base_url=web.url)
    for call in (client.delete_samples, client.delete_samples_by_id):
        with pytest.raises(UsageError, match="id must not be None"):
            call(id=None)
    with pytest.raises(UsageError, match="ambiguous"):
        client.delete_samples()
    with pytest.raises(UsageError, match="id must not be None"):
        client.get_samples(id=None)
    assert not web.seen
    client.delete_samples(id="5")
    assert [str(each) for each in web.seen] == ["DELETE /samples/5"]


def test_each_operation_has_its_own_types_and_body(web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sent(document: str, *words: str) -> tuple[str, Any]:
        configured(own_home, HERE / "documents" / document, web.url, "operation")
        web.seen.clear()
        code, _, err = run(["x", *words], monkeypatch)
        assert code == 0, err
        (request,) = web.seen
        return str(request), json.loads(request.body or b"null")

    query = "union-query-named-like-path-parameter.yaml"
    assert sent(query, "get-things-all", "--id", "X", "--name", "n") == ("GET /things?id=X&name=n", None)
    assert sent(query, "get-things-by-id", "--id", "X") == ("GET /things/X", None)
    types = "union-type-of-the-other-path.yaml"
    assert sent(types, "get-things-all", "--id", "5", "6") == ("GET /things?id=5&id=6", None)
    assert sent(types, "get-things-by-id", "--id", "5") == ("GET /things/5", None)
    assert sent(types, "get-things", "--id", "5") == ("GET /things/5", None)
    bodies = "union-body-member-named-like-path-parameter.yaml"
    assert sent(bodies, "post-thing-by-thingId", "--thingId", "x") == ("POST /things/x", None)
    whole = {"thingId": "x", "size": 3}
    assert sent(bodies, "post-thing-all", "--thingId", "x", "--size", "3") == ("POST /things", whole)
    members = "union-body-types.yaml"
    many = sent(members, "put-groups-member-by-group", "--group", "g", "--body", '["a"]')
    assert many == ("PUT /groups/g/members", ["a"])
    one = sent(members, "put-groups-member-by-email", "--group", "g", "--email", "e", "--body", "{}")
    assert one == ("PUT /groups/g/members/e", {})
