"""The inputs in ../shared/inputs with the results from its README, against the servers there.

The documents are examples of kinds that have tests of their own; here each is used as its row says.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Loopback, Runner

INPUTS = Path(__file__).resolve().parents[3] / "shared" / "inputs"
pytestmark = pytest.mark.skipif(not INPUTS.is_dir(), reason="the recorded contracts are not beside this checkout")


def port() -> int:
    """A free port whose next port is also free."""
    while True:
        with socket.socket() as probe, socket.socket() as other:
            probe.bind(("127.0.0.1", 0))
            found = int(probe.getsockname()[1])
            try:
                other.bind(("127.0.0.1", found + 1))
            except (OSError, OverflowError):
                continue
            return found


def started(words: list[str], where: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", where)) == 0:
                return process
        time.sleep(0.05)
    raise AssertionError(f"{words} does not listen")


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[str], int]]:
    """Returns the port of an input's server, started at first use; one of them also uses the next port."""
    running: dict[str, tuple[int, subprocess.Popen[bytes]]] = {}

    def of(name: str) -> int:
        if name not in running:
            where = port()
            words = [sys.executable, str(INPUTS / "servers" / f"{name}.py"), str(where)]
            more = [str(INPUTS / "openapi")] if name == "echo_server" else []
            running[name] = where, started([*words, *more], where)
        return running[name][0]

    yield of
    for _, process in running.values():
        process.kill()
        process.wait()


class Inputs:
    """Services for the inputs' documents, with the servers that run for this test."""

    def __init__(self, hca: Runner, servers: Callable[[str], int]) -> None:
        self.hca, self.servers = hca, servers

    def add(self, name: str, document: str, server: str = "echo_server", *words: str) -> str:
        """Add a service ``name`` from a document; return the command's result."""
        text = (INPUTS / document).read_text()
        text = re.sub(r"127\.0\.0\.1:[0-9]+", f"127.0.0.1:{self.servers(server)}", text)
        path = self.hca.cwd / f"{name}{Path(document).suffix}"
        path.write_text(text)
        done = self.hca("service", "add", name, path.name, *words)
        return str(done.stdout + done.stderr)

    def sent(self, *words: str, stdin: str | None = None) -> dict[str, Any]:
        """The request of a command, as recorded by the server: method, target, headers, body."""
        return dict(self.hca(*words, stdin=stdin).json)

    def target(self, *words: str) -> str:
        return str(self.sent(*words)["target"])

    def body(self, *words: str, stdin: str | None = None) -> Any:
        return json.loads(self.sent(*words, stdin=stdin)["body"])


@pytest.fixture
def inputs(hca: Runner, servers: Callable[[str], int]) -> Inputs:
    return Inputs(hca, servers)


def header(sent: dict[str, Any], name: str) -> str | None:
    return {key.lower(): value for key, value in sent["headers"].items()}.get(name.lower())


def test_39_nothing_is_deleted_by_omission(inputs: Inputs) -> None:
    said = inputs.add("t", "openapi/39-delete-all.json")
    assert "5 operations" in said
    done = inputs.hca("t", "delete-samples", check=2)
    assert "delete-samples-all" in done.hint
    sent = inputs.sent("t", "delete-samples", "--id", "7")
    assert (sent["method"], sent["target"]) == ("DELETE", "/samples/7")
    sent = inputs.sent("t", "delete-samples-all")
    assert (sent["method"], sent["target"]) == ("DELETE", "/samples")
    code = "import hca_base; hca_base.client('t').delete_samples(id=None)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=inputs.hca.env,
        cwd=inputs.hca.cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "UsageError" in done.stderr


def test_34_15_each_operation_has_its_own_credentials(inputs: Inputs) -> None:
    inputs.add("t", "openapi/34-unused-scheme.json")
    inputs.hca("auth", "set-key", "t", stdin="token-34\n")
    sent = inputs.sent("t", "get-samples")
    assert header(sent, "Authorization") == "Bearer token-34" and header(sent, "X-Partner-Key") is None
    inputs.add("u", "openapi/15-two-schemes.json")
    for scheme in ("admin", "reader", "partner"):
        inputs.hca("auth", "set-key", "u", scheme, stdin=f"{scheme}-key\n")
    read, admin, partner = (inputs.sent("u", f"get-{name}") for name in ("read", "admin", "partner"))
    assert header(read, "X-Read-Key") == "reader-key" and header(read, "Authorization") is None
    assert header(admin, "Authorization") == "Bearer admin-key" and header(admin, "X-Read-Key") is None
    assert partner["target"] == "/partner?pkey=partner-key" and header(partner, "Authorization") is None
    assert "pkey" not in read["target"] + admin["target"]


def test_02_keys_that_are_required_together(inputs: Inputs) -> None:
    inputs.add("t", "openapi/02-two-keys.json")
    inputs.hca("auth", "set-key", "t", "key", stdin="one\n")
    done = inputs.hca("t", "get-samples", check=None)
    assert done.returncode != 0 and "app" in done.stderr
    inputs.hca("auth", "set-key", "t", "app", stdin="two\n")
    sent = inputs.sent("t", "get-samples")
    assert (header(sent, "X-Lab-Key"), header(sent, "X-Lab-App")) == ("one", "two")


#: The message for each shape of an error.
REASONS = {
    "fastapi": "query n: value is not a valid integer",
    "fastapi-object": "the sample is locked",
    "drf": "This field is required.",
    "drf-non-field": "begin is after end",
    "rails": "can't be blank",
    "rails-list": "Organ is unknown",
    "jsonapi": "name is too short",
    "google": "Invalid value at 'page'",
    "graphql": "no such field",
    "spring": "Bad Request",
    "spring-violations": "must not be blank",
    "aspnet": "The Name field is required.",
    "hasura": "field 'x' not found",
    "nest": "n must be a number",
    "ga4gh": "no such object",
    "wes": "bad",
    "list": "second",
    "terra": "workspace not found",
    "sevenb": "bad",
    "elastic": "unknown query [foo]",
    "couch": "invalid UTF-8 JSON",
    "jsonrpc": "missing id",
    "errmsg": "bad thing",
    "errorMessage": "the lambda failed",
}


def test_30_the_reason_of_each_shape_of_an_error(inputs: Inputs) -> None:
    inputs.add("t", "openapi/30-error-shapes.json", "error_shapes")
    names = [path.strip("/") for path in json.loads((INPUTS / "openapi/30-error-shapes.json").read_text())["paths"]]
    assert set(names) == set(REASONS) and len(names) == 24
    wrong = {}
    for name in names:
        command = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
        done = inputs.hca("t", command, check=None)
        assert done.returncode != 0
        if REASONS[name] not in done.stderr:
            wrong[name] = done.stderr
    assert not wrong


def test_01_values_as_they_were_typed(inputs: Inputs) -> None:
    inputs.add("t", "openapi/01-untyped-values.json")
    words = ["--q", "1.10", "--tag", "1e5", "--tags", "007", "true", "--x-build", "3.20", "--label", "null"]
    sent = inputs.sent("t", "get-search", *words)
    assert sent["target"] == "/search?q=1.10&tag=1e5&tags=007&tags=true&label=null"
    assert header(sent, "X-Build") == "3.20"
    assert inputs.target("t", "get-tools", "--release", "3.20") == "/tools/3.20"
    sent = inputs.sent("t", "post-note", "--release", "1.10", "--name", "5", "--text", "x", "--inputs", "a")
    assert '"release": 1.10' in sent["body"] and json.loads(sent["body"])["name"] == "5"
    # If several types are allowed, text is a string, and a list or an object is JSON.
    assert json.loads(sent["body"])["text"] == "x" and json.loads(sent["body"])["inputs"] == "a"
    assert inputs.body("t", "post-note", "--text.x", "y", "--inputs", '["a"]') == {"text": {"x": "y"}, "inputs": ["a"]}
    assert inputs.body("t", "post-note", "--release", '"1.10"') == {"release": "1.10"}
    assert "quote it twice" in " ".join(inputs.hca("t", "post-note", "--help").stdout.split())


def test_31_a_web_page_is_no_data(inputs: Inputs) -> None:
    inputs.add("t", "openapi/31-declared-json.json", "odd_answers")
    done = inputs.hca("t", "get-html", check=1)
    assert "web page" in done.error and "/html" in done.error and not done.stdout


def test_20_28_09_lists_and_optional_bodies(inputs: Inputs) -> None:
    inputs.add("t", "openapi/20-form-deep-arrays.json")
    words = ["--url", "u", "--enabled-events", "a,b", "c", "--metadata", '{"k": {"l": 1}}']
    words += ["--line-items", '{"price": "p", "quantity": 2}', "--line-items", '{"price": "q"}']
    from urllib.parse import unquote

    body = unquote(inputs.sent("t", "post-hook", *words)["body"])
    assert body == (
        "url=u&enabled_events[]=a,b&enabled_events[]=c&line_items[0][price]=p&line_items[0][quantity]=2"
        "&line_items[1][price]=q&metadata[k][l]=1"
    )
    inputs.add("u", "openapi/28-lists.json")
    target = inputs.target("u", "get-find", "--c", "a,b", "c", "--id", "x,y", "--n", "1", "2", "--flag", "true")
    assert target == "/find?id=x%2Cy&n=1&n=2&flag=true&c=a%2Cb,c"
    inputs.add("v", "openapi/09-optional-body.json")
    for words in (["get-hits"], ["delete-jobs", "--job", "1"], ["post-jobs-restart", "--job", "1"]):
        assert not inputs.sent("v", *words).get("body"), words


def test_27_16_null_and_whole_bodies(inputs: Inputs) -> None:
    inputs.add("t", "openapi/27-null.json")
    words = ["t", "patch-tickets", "--id", "1"]
    assert inputs.body(*words, "--count", "null", "--place", "null", "--stage", "null") == {
        "count": None, "place": None, "stage": None,
    }  # fmt: skip
    for name in ("due", "owner", "count", "tags", "place", "stage"):
        assert inputs.body(*words, "--null", name) == {name: None}
    assert inputs.body(*words, "--tags", '["a", null]') == {"tags": ["a", None]}
    inputs.add("u", "openapi/16-closed-body.json")
    body = {"name": "n", "donor": {"age": 3}, "organs": [{"a": 1}]}
    (inputs.hca.cwd / "body.json").write_text(json.dumps(body))
    assert inputs.body("u", "post-sample", "--body", "@body.json") == body
    assert inputs.body("u", "post-sample", "--body", "-", stdin=json.dumps(body)) == body
    assert inputs.body("u", "post-sample", "--body", "@body.json", "--donor.age", "4")["donor"] == {"age": 4}


def test_04_05_several_media_types(inputs: Inputs) -> None:
    inputs.add("t", "openapi/04-json-or-multipart.json")
    (inputs.hca.cwd / "a.png").write_bytes(b"png")
    assert inputs.body("t", "post-image", "--address", "x") == {"address": "x"}
    sent = inputs.sent("t", "post-image", "--image", "a.png", "--caption", "c")
    assert str(header(sent, "Content-Type")).startswith("multipart/form-data") and 'filename="a.png"' in sent["body"]
    inputs.add("u", "openapi/05-csv-or-json.json")
    assert inputs.hca("u", "get-table").json["rows"] == [{"a": 1, "b": 2}]
    assert inputs.hca("u", "get-table", "--accept", "text/csv").stdout == "a,b\n1,2\n"


def test_06_07_10_texts_and_what_has_one_value(inputs: Inputs) -> None:
    inputs.add("t", "openapi/06-text-body.json")
    sent = inputs.sent("t", "post-note", "--body", "hello")
    assert (sent["body"], header(sent, "Content-Type")) == ("hello", "text/plain")
    sent = inputs.sent("t", "put-record", "--name", "x")
    assert header(sent, "Content-Type") == 'application/ld+json; profile="urn:lab:profile"'
    inputs.add("u", "openapi/07-parameter-content.json")
    target = inputs.target("u", "get-find", "--where", '{"a": 1}', "--word", "w", "--plain", "p q")
    assert target == "/find?where=%7B%22a%22%3A%201%7D&word=%22w%22&plain=p%20q"
    inputs.add("v", "openapi/10-constant-header.json")
    sent = inputs.sent("v", "get-pages")
    assert header(sent, "X-Api-Edition") == "2026-01" and header(sent, "Lab-Version") is None


def test_08_several_files(inputs: Inputs) -> None:
    root = INPUTS / "openapi" / "08-many-files" / "openapi.yaml"
    base = f"http://127.0.0.1:{inputs.servers('echo_server')}"
    assert "3 operations" in inputs.hca("service", "add", "t", root, "--base-url", base).stderr
    assert inputs.target("t", "get-runs", "--state", "open") == "/runs?state=open"
    sent = inputs.sent("t", "put-sample", "--sample", "s", "--organ", "liver")
    assert sent["target"] == "/samples/s" and json.loads(sent["body"]) == {"organ": "liver"}


def test_13_17_references_and_3_2(inputs: Inputs) -> None:
    inputs.add("t", "openapi/13-references.json")
    assert inputs.body("t", "post-anchored", "--city", "Z", "--zip", "1") == {"city": "Z", "zip": "1"}
    assert inputs.body("t", "post-named", "--maker", "m") == {"maker": "m"}
    text = inputs.hca("t", "post-sibling", "--help").stdout
    assert "--place.city" in text and "--state {open,shut}" in text
    assert inputs.hca("service", "list", "--problems", "t").stdout.strip() in ("", "[]")
    inputs.add("u", "openapi/17-openapi-3.2.json")
    sent = inputs.sent("u", "get-raw", "--selector", '{"a": "1", "b": "x y"}')
    assert sent["target"] == "/raw?a=1&b=x%20y"
    listed = inputs.hca("u").stdout
    assert "query-tasks" in listed and "copy-tasks" in listed


def test_14_server_variables(inputs: Inputs) -> None:
    inputs.add("t", "openapi/14-server-variables.json")
    assert inputs.target("t", "get-runs", "--server", "Europe") == "/eu/runs"
    assert inputs.target("t", "get-runs", "--server", "2") == "/eu/runs"
    inputs.hca("config", "set", "services.t.server_variables.tenant", "other")
    assert "other.lab.example" in inputs.hca("t", "get-runs", check=None, env={"no_proxy": "*"}).stderr


def test_11_streams_and_texts(inputs: Inputs) -> None:
    inputs.add("t", "openapi/11-streams.json")
    assert inputs.hca("t", "get-ndjson").stdout == '{"id": 1}\n{"id": 2}\n'
    assert inputs.hca("t", "get-ndjson", "-f", "json").json == [{"id": 1}, {"id": 2}]
    assert inputs.hca("t", "get-xml").stdout.endswith("</runs>\n")
    assert inputs.hca("t", "get-yaml").stdout == "runs:\n- R1\n"
    assert inputs.hca("t", "get-latin1", text=False).stdout == "Müller, Zürich\n".encode("latin-1")
    numbers = inputs.hca("t", "get-numbers").stdout
    for digits in ("9007199254740993", "1.10", "0.12345678901234567890", "1e400", "100.00"):
        assert digits in numbers
    with inputs.hca.running("t", "get-events") as process:
        assert process.stdout is not None
        # The first of five lines is printed while the others are still to come, one a second.
        begin = time.monotonic()
        assert process.stdout.readline() == "id: 0\n"
        assert "data: step 4\n" in process.stdout.read() and time.monotonic() - begin > 2


def test_18_options_that_the_service_has_too(inputs: Inputs) -> None:
    inputs.add("t", "openapi/18-shadowed-options.json")
    names = ("format", "query", "output", "sort", "column", "help", "h")
    words = [word for name in names for word in ([f"--{name}", "x"] if len(name) > 1 else ["--h", "x"])]
    done = inputs.hca(
        "t", "get-posts", *words, "--hca-format", "csv", "--hca-column", "method", "-f", "json", check=None
    )
    assert done.returncode == 0
    assert inputs.target("t", "get-posts", *words) == "/posts?" + "&".join(f"{name}=x" for name in names)
    assert inputs.hca("t", "get-posts", *words, "-f", "csv", "-c", "method").stdout == "method\nGET\n"


def test_21_logins_without_a_browser(inputs: Inputs) -> None:
    inputs.add("t", "openapi/21-client-credentials.json")
    done = inputs.hca("auth", "login", "t", check=None, stdin="")
    assert done.returncode != 0 and "login page" not in done.stderr
    assert "client" in done.stderr


def test_29_37_42_odd_and_busy_servers_and_pages(inputs: Inputs) -> None:
    inputs.add("t", "openapi/29-odd-answers.json", "odd_answers")
    inputs.hca("auth", "set-key", "t", stdin="secret\n")
    assert "/samples/9" in inputs.hca("t", "post-created").stderr
    told = inputs.hca("t", "post-accepted").stderr
    assert "/jobs/7" in told and "Retry-After: 1" in told
    assert "before the end" in inputs.hca("t", "get-short", check=6).error
    inputs.add("u", "openapi/37-busy.json", "busy_server")
    done = inputs.hca("u", "get-throttle", check=None)
    assert done.returncode != 0 and re.search(r"3600|hour|60 min", done.stderr)
    assert inputs.hca("u", "get-ms").json["n"] == 2
    done = inputs.hca("u", "get-eerror", check=None)
    assert "\x1b" not in done.stderr and "\nhca: all is well" not in done.stderr
    inputs.add("v", "openapi/42-pages.json", "odd_answers")
    inputs.hca("auth", "set-key", "v", stdin="secret\n")
    # Another port of loopback is the same service behind a proxy: its links are not followed elsewhere.
    assert inputs.hca.rows("v", "get-linked-away") == [{"id": 1}]
    assert [row["id"] for row in inputs.hca.rows("v", "get-linked-long", "--limit", "5")] == [1, 2, 3, 4, 5]
    done = inputs.hca("v", "get-linked-fail", "-f", "jsonl", check=None)
    assert "page 3 is broken" in done.stderr and len(done.stdout.splitlines()) == 2


KINDS = "openapi-kinds/"


def test_kinds_one_operation_is_one_command(inputs: Inputs) -> None:
    inputs.add("a", f"{KINDS}union-query-named-like-path-parameter.yaml")
    assert inputs.target("a", "get-things-all", "--id", "X", "--name", "n") == "/things?id=X&name=n"
    assert inputs.target("a", "get-things-by-id", "--id", "5") == "/things/5"
    inputs.add("b", f"{KINDS}union-type-of-the-other-path.yaml")
    assert inputs.target("b", "get-things-all", "--id", "1", "2") == "/things?id=1&id=2"
    assert inputs.target("b", "get-things-by-id", "--id", "5") == "/things/5"
    inputs.add("c", f"{KINDS}union-body-member-named-like-path-parameter.yaml")
    creation, update = sorted(
        line.split()[0] for line in inputs.hca("c").stdout.splitlines() if line.startswith("  ") and "thing" in line
    )[:2]
    sent = [
        inputs.sent("c", name, "--thingId", "x", *(["--size", "3"] if "--size" in text else []))
        for name in (creation, update)
        for text in [inputs.hca("c", name, "--help").stdout]
    ]
    assert sorted(each["target"] for each in sent) == ["/things", "/things/x"]
    assert json.loads(next(each for each in sent if each["target"] == "/things")["body"]) == {"thingId": "x", "size": 3}
    inputs.add("d", f"{KINDS}union-body-types.yaml")
    bodies = {}
    for line in inputs.hca("d").stdout.splitlines():
        name = line.split()[0] if line.startswith("  ") and "member" in line else ""
        if name:
            one = "--email" in inputs.hca("d", name, "--help").stdout
            words = ["--group", "g", *(["--email", "e"] if one else []), "--body", "{}" if one else '["a"]']
            sent_ = inputs.sent("d", name, *words)
            bodies[sent_["target"]] = json.loads(sent_["body"])
    assert bodies == {"/groups/g/members": ["a"], "/groups/g/members/e": {}}


def test_kinds_credentials_by_operation(inputs: Inputs) -> None:
    inputs.add("t", f"{KINDS}security-per-operation.yaml")
    for scheme in ("kh", "kh2", "kq", "kc", "be"):
        inputs.hca("auth", "set-key", "t", scheme, stdin=f"s-{scheme}\n")
    inputs.hca("auth", "set-key", "t", "ba", "--username", "user", stdin="s-ba\n")
    expected = {
        "kh": {"X-Api-Key": "s-kh"}, "kq": {}, "kc": {"Cookie": "sess=s-kc"},
        "basic": {"Authorization": "Basic dXNlcjpzLWJh"}, "bearer": {"Authorization": "Bearer s-be"},
        "and": {"X-Api-Key": "s-kh", "Authorization": "Bearer s-be"},
        "and2": {"X-Api-Key": "s-kh", "X-App-Key": "s-kh2"}, "or": {"X-Api-Key": "s-kh"}, "none": {},
    }  # fmt: skip
    for name, wanted in expected.items():
        sent = inputs.sent("t", f"get-{name}")
        names = ("X-Api-Key", "X-App-Key", "Authorization", "Cookie")
        assert {each: header(sent, each) for each in names if header(sent, each)} == wanted, name
        assert sent["target"] == ("/kq?key=s-kq" if name == "kq" else f"/{name}")
    # The document's first alternative is an empty body.
    assert header(inputs.sent("t", "get-opt"), "X-Api-Key") is None


@pytest.mark.parametrize(
    ("name", "command"),
    [("by-token", "get-token"), ("by-links", "get-jsonapi"), ("by-links", "get-do"), ("by-has-more", "get-cursor")],
)
def test_kinds_all_pages_by_command_and_python(inputs: Inputs, loopback: Loopback, name: str, command: str) -> None:
    rows = [{"id": number} for number in range(7)]

    def page(query: dict[str, list[str]], body: bytes) -> Any:
        start = int(next((query[key][0] for key in ("page_token", "cursor", "page") if key in query), "0"))
        items, end = rows[start : start + 3], start + 3
        url = f"{loopback.url}/{command.removeprefix('get-')}?page={end}"
        more = end < len(rows)
        return {
            "get-token": {"tasks": items, **({"next_page_token": str(end)} if more else {})},
            "get-jsonapi": {"data": items, "links": {"next": url if more else None}},
            "get-do": {"things": items, "links": {"pages": {"next": url} if more else {}}},
            "get-cursor": {"data": items, "has_more": more, **({"next_cursor": str(end)} if more else {})},
        }[command]

    loopback.route("GET", f"/{command.removeprefix('get-')}", page)
    text = (INPUTS / f"{KINDS}pages-{name}.yaml").read_text()
    (inputs.hca.cwd / "t.yaml").write_text(re.sub(r"http://127\.0\.0\.1:[0-9]+", loopback.url, text))
    inputs.hca("service", "add", "t", "t.yaml")
    assert inputs.hca.rows("t", command) == rows
    method = command.replace("-", "_")
    code = f"import hca_base, json; print(json.dumps(list(hca_base.client('t').{method}.iterate())))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=inputs.hca.env, cwd=inputs.hca.cwd, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == rows


def test_kinds_bodies_headers_and_reasons(inputs: Inputs, loopback: Loopback) -> None:
    inputs.add("a", f"{KINDS}optional-body-sent-empty.yaml")
    assert not inputs.sent("a", "put-lock").get("body")
    inputs.add("b", f"{KINDS}content-type-parameter.yaml")
    (inputs.hca.cwd / "f.tar").write_bytes(b"tar")
    sent = inputs.sent("b", "post-build", "--content-type", "application/x-tar", "--body", "f.tar")
    assert [value for name, value in sent["headers"].items() if name.lower() == "content-type"] == ["application/x-tar"]
    inputs.add("c", f"{KINDS}multipart-any-member.yaml")
    body = inputs.sent("c", "post-up", "--any", "hello", "--f", "f.tar")["body"]
    assert "Content-Type: text/plain\r\n\r\nhello" in body
    loopback.route(
        "GET", "/fastapi", (422, {}, b'{"detail": [{"loc": ["query", "x"], "msg": "field required", "type": "m"}]}')
    )
    text = (INPUTS / f"{KINDS}fastapi-422.yaml").read_text()
    (inputs.hca.cwd / "d.yaml").write_text(re.sub(r"http://127\.0\.0\.1:[0-9]+", loopback.url, text))
    inputs.hca("service", "add", "d", "d.yaml")
    assert "query x: field required" in inputs.hca("d", "get-fastapi", check=5).error


def test_kinds_3_2_split_and_written_twice(inputs: Inputs) -> None:
    inputs.add("a", f"{KINDS}openapi-3.2.yaml")
    assert inputs.body("a", "post-anchor", "--k", "v") == {"k": "v"}
    commands = inputs.hca("a").stdout
    assert "query-items" in commands and "copy-items" in commands
    base = f"http://127.0.0.1:{inputs.servers('echo_server')}"
    inputs.hca("service", "add", "b", INPUTS / KINDS / "split" / "openapi.yaml", "--base-url", base)
    assert inputs.target("b", "get-things") == "/things"
    twice = '{"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, '
    twice += '"paths": {"/a": {"get": {"responses": {}}}, "/a": {"post": {"responses": {}}}}}'
    (inputs.hca.cwd / "twice.json").write_text(twice)
    inputs.hca("service", "add", "c", "twice.json", "--base-url", base)
    assert "get-a" in inputs.hca("c").stdout and "post-a" in inputs.hca("c").stdout


def test_every_input_is_used_here() -> None:
    text = Path(__file__).read_text()
    files = [path.name for folder in ("openapi", "openapi-kinds") for path in sorted((INPUTS / folder).iterdir())]
    used = re.sub(r"pages-\{name\}", "pages-by-token pages-by-links pages-by-has-more", text)
    assert not [name for name in files if name.partition(".yaml")[0].partition(".json")[0] not in used]
