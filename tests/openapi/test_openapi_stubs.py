"""Type stubs: they cover exactly the operations, and mypy reports exactly the mistakes of a script."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hca_base.openapi import Client, Document, stub
from tests.lib import Runner
from tests.openapi.in_process import BUNDLED, OWN, ROOT

TASK = {
    "type": "object",
    "required": ["executors", "id"],
    "properties": {
        "id": {"type": "string", "readOnly": True},
        "state": {"type": "string", "enum": ["QUEUED", "DONE"]},
        "executors": {"type": "array", "items": {"$ref": "#/components/schemas/executor"}},
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        "parent": {"$ref": "#/components/schemas/task"},
        "x-note": {"type": "string"},
        "int": {"type": "integer"},
        "class": {"type": "integer", "nullable": True},
    },
}
EXECUTOR = {"type": "object", "required": ["image"], "properties": {"image": {"type": "string"}}}
LISTED = {"type": "object", "required": ["tasks"], "properties": {"tasks": {"type": "array"}, "next_page_token": {}}}
LISTED["properties"] = {
    "tasks": {"type": "array", "items": {"$ref": "#/components/schemas/task"}},
    "next_page_token": {"type": "string"},
}


def answer(schema: Any, kind: str = "application/json") -> dict[str, Any]:
    return {"200": {"description": "Found", "content": {kind: {"schema": schema}}}}


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


NAMES = {"type": "array", "items": {"type": "string"}}
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Tasks", "version": '1"\\'},
    "servers": [{"url": "http://127.0.0.1:9"}],
    "paths": {
        "/tasks": {
            "get": {
                "operationId": "ListTasks",
                "parameters": [
                    {"name": "page_size", "in": "query", "schema": {"type": "integer"}},
                    {"name": "page_token", "in": "query", "schema": {"type": "string"}},
                    {"name": "view", "in": "query", "schema": {"type": "string", "enum": ["MINIMAL", "FULL"]}},
                ],
                "responses": answer(reference("listed")),
            },
            "post": {
                "operationId": "CreateTask",
                "requestBody": {"required": True, "content": {"application/json": {"schema": reference("task")}}},
                "responses": answer(reference("task")),
            },
        },
        "/tasks/{id}": {
            "get": {"operationId": "GetTask", "responses": answer(reference("task"))},
            "delete": {"operationId": "DeleteTask", "responses": {"204": {"description": "Gone"}}},
        },
        "/log": {"get": {"operationId": "list", "responses": answer({"type": "string"}, "text/plain")}},
        "/names": {
            "get": {"operationId": "names", "responses": answer({"type": "array", "items": {"type": "string"}})}
        },
        "/table": {
            "put": {
                "operationId": "putTable",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": reference("executor")}, "text/csv": {"schema": {}}},
                },
                "responses": {
                    "200": {
                        "description": "It",
                        "content": {"application/json": {"schema": reference("executor")}, "text/csv": {"schema": {}}},
                    }
                },
            }
        },
        "/file": {
            "put": {
                "operationId": "putFile",
                "requestBody": {
                    "required": True,
                    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
                },
                "responses": answer({}, "application/octet-stream"),
            }
        },
    },
    "components": {"schemas": {"task": TASK, "executor": EXECUTOR, "listed": LISTED}},
}
#: A line with a mistake ends in "# error".
SCRIPT = """\
from __future__ import annotations

from typing import TYPE_CHECKING, cast

import hca_base
from hca_base.openapi import NULL

if TYPE_CHECKING:
    from tes_client import Executor, Task, TesClient

client = cast("TesClient", hca_base.client("tes"))
found = client.list_tasks(page_size=5, view="FULL")
for task in found["tasks"]:
    print(task["id"].upper(), task.get("state"), task["x-note"], task["int"] + 1)
    print(task["stat"])  # error
for each in client.list_tasks.iterate(page_token="x"):
    print(each["executors"][0]["image"])
    print(each["nme"])  # error
for page in client.list_tasks.paginate():
    print(page["next_page_token"])
print(client.list_tasks.iterate().to_pandas(), client.names().to_pandas())
client.list_tasks(page_sze=5)  # error
client.list_tasks("5")  # error
client.list_tasks(view="ALL")  # error
client.list_tsks()  # error
client.get_task()  # error
client.get_task(id=5)  # error
client.get_task("a")["parent"]["parent"]["tags"]["x"].upper()
client.get_task("a")["parent"]["tag"]  # error
executor: Executor = {"image": "debian"}
made: Task = client.create_task(executors=[executor], state="QUEUED", class_=NULL)
client.create_task(body={"executors": [{"image": "debian"}]})
client.create_task(state="QUEUED")  # error
client.create_task(executors=[{"imge": "debian"}])  # error
client.delete_task("a")
print(client.list().upper(), client.base_url, [name.upper() for name in client.names()])
print(client.put_file(b"x").hex(), client.put_file("path"))
client.put_file(5)  # error
table = client.put_table("debian", hca_accept="text/csv")
print(table if isinstance(table, str) else table["image"])
client.put_table(body="a,b", hca_content_type="text/csv")
client.put_table(body={"image": "debian"}, hca_content_type=None)
client.put_table("debian", hca_accept="text/html")  # error
client.put_table(body="a,b", hca_content_type="text")  # error
client.put_file(b"x", hca_accept="text/csv")  # error
with client.list_tasks.stream(page_size=1) as response:
    print(response.headers["Link"])
"""

PLUGIN = """\
from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hca_tes.operations import Task, View
    from hca_tes.operations import TesOperations as Operations
else:
    from hca_base.openapi import Client as Operations


class TesClient(Operations):
    def mine(self, view: View) -> list[Task]:
        return list(self.list_tasks.iterate(view=view))


client = TesClient()
print(client.mine("FULL")[0]["id"], client.get_tasks_all(page_size=5)["tasks"])
client.mine("ALL")  # error
client.list_tsks()  # error
"""


def mypy(folder: Path, *files: str) -> list[str]:
    """mypy's messages about some files."""
    pytest.importorskip("mypy")
    words = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary"]
    words += ["--hide-error-context", "--no-pretty", "--cache-dir", str(folder / ".mypy"), *files]
    env = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_mypy_finds_the_mistakes_and_nothing_else(own_home: Path, tmp_path: Path) -> None:
    hca = Runner.here()
    (own_home / "d.json").write_text(json.dumps(DOCUMENT))
    hca("service", "add", "tes", own_home / "d.json")
    assert "8 operations" in hca("service", "stubs", "tes", "--output", tmp_path / "tes_client.pyi").stderr
    (tmp_path / "use.py").write_text(SCRIPT)
    others = []
    for path in [*OWN, *BUNDLED]:
        name = f"{path.parent.name}_{path.stem}".replace("-", "_")
        (tmp_path / f"{name}.pyi").write_text(stub(Document.load(path), name))
        others.append(f"{name}.pyi")
    errors = mypy(tmp_path, "use.py", "tes_client.pyi", *others)
    lines = {int(error.split(":")[1]) for error in errors if error.startswith("use.py:")}
    planted = {number for number, line in enumerate(SCRIPT.splitlines(), 1) if line.endswith("# error")}
    assert lines == planted, "\n".join(errors)
    assert not [error for error in errors if not error.startswith("use.py:")]


@pytest.mark.parametrize("naming", ["operation", "path"])
@pytest.mark.parametrize("path", [*OWN, *BUNDLED], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_stub_covers_exactly_the_operations_and_their_aliases(path: Path, naming: str) -> None:
    document = Document.load(path, naming=naming)
    tree = ast.parse(stub(document, "lab"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    client = classes["LabClient"]
    methods = {node.name: node for node in client.body if isinstance(node, ast.FunctionDef)}
    annotated = {
        node.target.id: node.annotation.id
        for node in client.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.annotation, ast.Name)
    }
    overloaded = {name: classes[kind] for name, kind in annotated.items() if kind != "Method"}
    aliases = {name: "" for name, kind in annotated.items() if kind == "Method"} | {
        node.targets[0].id: node.value.id
        for node in client.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Name)
    }
    for alias in document.aliases:
        (method, *others) = [each.method_name for each in alias.operations]
        name = next(each for each in (alias.name, f"{alias.name}_") if each in aliases)
        assert aliases.pop(name) == ("" if others else method)
    assert not aliases
    assert methods.keys() | overloaded.keys() == {each.method_name for each in document.operations}
    for operation in document.operations:
        function = methods.get(operation.method_name)
        if function is None:
            (function, *_) = [
                node for node in overloaded[operation.method_name].body if isinstance(node, ast.FunctionDef)
            ]
        names = [argument.arg for argument in function.args.args[1:]]
        assert names == [each.python_name for each in (*operation.required, *operation.optional)]
        assert len(function.args.defaults) == len(operation.optional)


def test_the_file_is_not_overwritten(own_home: Path) -> None:
    hca = Runner.here()
    (own_home / "d.json").write_text(json.dumps(DOCUMENT))
    hca("service", "add", "tes", own_home / "d.json")
    assert "class TesClient" in hca("service", "stubs", "tes").stdout
    target = own_home / "x.pyi"
    target.write_text("mine")
    refused = hca("service", "stubs", "tes", "--output", target, check=5)
    assert "exists" in refused.error and target.read_text() == "mine"
    hca("service", "stubs", "tes", "--output", target, "--replace")
    assert "class TesClient" in target.read_text()
    assert hca("service", "stubs", "none", check=2).error
    assert "not a valid class name" in hca("service", "stubs", "tes", "--base-class", "a b", check=2).error


def test_the_base_class_of_a_plugin(own_home: Path, tmp_path: Path) -> None:
    """A client of another document, whose class has a method and a name of its own."""
    pytest.importorskip("mypy")
    hca = Runner.here()
    (own_home / "d.json").write_text(json.dumps(DOCUMENT))
    hca("service", "add", "tes", own_home / "d.json")
    package = tmp_path / "hca_tes"
    package.mkdir()
    (package / "__init__.py").touch()
    hca("service", "stubs", "tes", "--base-class", "TesOperations", "--output", package / "operations.pyi")
    assert "from hca_tes.operations import TesOperations as Operations" in (package / "operations.pyi").read_text()
    (tmp_path / "use.py").write_text(PLUGIN)
    errors = mypy(tmp_path, "use.py")
    planted = [number for number, line in enumerate(PLUGIN.splitlines(), 1) if line.endswith("# error")]
    assert [int(error.split(":")[1]) for error in errors] == planted, "\n".join(errors)
    script = [sys.executable, "-c", PLUGIN.partition("client =")[0] + "print(TesClient.__mro__)"]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert "hca_base.openapi._client._client.Client" in done.stdout


def test_help_has_the_shape_of_a_result(own_home: Path) -> None:
    (own_home / "d.json").write_text(json.dumps(DOCUMENT))
    client = Client(swagger_url=str(own_home / "d.json"))
    text = str(client.list_tasks.__doc__)
    expected = ["tasks: list of dict", "    id: str", "    state: one of QUEUED, DONE", "next_page_token: str"]
    at = [text.index(line) for line in expected]
    assert at == sorted(at) and "class: int or None" in text
    assert "The result" not in str(client.delete_task.__doc__)
