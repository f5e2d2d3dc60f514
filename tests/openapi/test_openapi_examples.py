"""The examples in command help: they run, as commands and in Python."""

from __future__ import annotations

import json
import random
import shlex
from pathlib import Path
from typing import Any

import pytest

from hca_base.openapi import Client, Document
from hca_base.plugins import Service
from hca_base.shell._generated._operation_help import epilog
from tests.openapi.in_process import BUNDLED, OWN, configured, outside, run
from tests.openapi.test_openapi_wire import unsecured

_MOST = 20


@pytest.mark.parametrize("path", [*OWN, *BUNDLED, *outside()], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_examples_in_help_run(
    path: Path, web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copied = unsecured(path, own_home)
    configured(own_home, copied, web.url, "operation")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_bytes(b"content")
    client = Client(swagger_url=str(copied), base_url=web.url)
    operations = Document.load(copied).operations
    for operation in random.Random(0).sample(operations, min(_MOST, len(operations))):
        lines = epilog(Service(name="x"), operation).splitlines()
        words = shlex.split(lines[lines.index("example:") + 1])
        assert words[:2] == ["hca", "x"]
        code, _, err = run(words[1:], monkeypatch)
        assert code == 0, (words, err)
        call = lines[lines.index("in Python:") + 2].strip()
        assert call.startswith("client.")
        eval(call, {"client": client})
        commanded, called = web.seen[-2:]
        assert (commanded.method, commanded.path) == (called.method, called.path), call


def test_branches_of_a_body_are_named(web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cat = {"type": "object", "properties": {"lives": {"type": "integer"}}}
    dog = {"type": "object", "title": "Dog", "properties": {"barks": {"type": "boolean"}}}
    schema = {"oneOf": [{"$ref": "#/components/schemas/Cat"}, dog]}
    member = {"type": "object", "properties": {"pet": schema}}
    paths = {
        path: {"post": {"requestBody": {"content": {"application/json": {"schema": each}}}, "responses": {}}}
        for path, each in (("/pets", schema), ("/owners", member))
    }
    document = Document.load({"openapi": "3.0.3", "paths": paths, "components": {"schemas": {"Cat": cat}}})
    path = own_home / "d.json"
    path.write_text(json.dumps(document.root))
    configured(own_home, path, web.url, "operation")
    for command in ("post-pet", "post-owner"):
        code, out, _ = run(["x", command, "--help"], monkeypatch)
        assert code == 0 and "Either Cat or Dog." in out
