"""Output of generated commands for all kinds of responses: streams, texts, web pages, headers, nothing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.lib import Loopback, Runner


def operation(kind: str | None = None, **more: Any) -> dict[str, Any]:
    content = {"content": {kind: {"schema": {}}}} if kind else {}
    return {"responses": {"200": {"description": "it", **content}}, **more}


def parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}}


OURS = ("format", "query", "output", "sort", "column", "help", "include", "h", "f", "hca-format")
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Answers", "version": "1"},
    "servers": [{"url": "/"}],
    "paths": {
        "/data": {"get": operation("application/json")},
        "/events": {"get": operation("text/event-stream")},
        "/lines": {"get": operation("application/x-ndjson")},
        "/xml": {"get": operation("application/xml")},
        "/yaml": {"get": operation("application/yaml")},
        "/note": {"get": operation("text/plain")},
        "/file": {"get": operation()},
        "/jobs": {"post": operation()},
        "/taken": {"get": operation(parameters=[parameter(name) for name in OURS])},
    },
}


@pytest.fixture
def site(hca: Runner, loopback: Loopback) -> Any:
    loopback.route("GET", "/openapi.json", DOCUMENT)
    hca("service", "add", "site", f"{loopback.url}/openapi.json", check=0)
    return loopback


def at_a_terminal(hca: Runner, *words: str) -> bytes:
    """A command's output on a terminal."""
    reader, writer = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "hca_base", *words], env=hca.env, cwd=hca.cwd, stdin=subprocess.DEVNULL, stdout=writer
    ) as process:
        os.close(writer)
        seen = b""
        try:
            while piece := os.read(reader, 65536):
                seen += piece
        except OSError:  # the other end is closed
            pass
        os.close(reader)
        assert process.wait(60) == 0
    return seen.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    ("name", "kind", "body", "shown"),
    [
        ("xml", "application/xml", b"<runs><run id='R1'/></runs>", "<runs><run id='R1'/></runs>\n"),
        ("xml", "application/atom+xml", b"<feed/>\n", "<feed/>\n"),
        (
            "xml",
            "application/xml",
            "<?xml version='1.0' encoding='iso-8859-1'?><a>ü</a>".encode("latin-1"),
            "<?xml version='1.0' encoding='iso-8859-1'?><a>ü</a>\n",
        ),
        ("yaml", "application/yaml", b"runs:\n- R1\n", "runs:\n- R1\n"),
        ("lines", "application/x-ndjson", b'{"id": 1}\n{"id": 2}\n', '{"id": 1}\n{"id": 2}\n'),
        ("note", "text/plain; charset=iso-8859-1", "Zürich\n".encode("latin-1"), "Zürich\n"),
        ("note", "text/plain; charset=no-such", "Zürich\n".encode(), "Zürich\n"),
        ("note", "text/csv", b"a,b\r\n1,2\r\n", "a,b\n1,2\n"),
        ("note", "text/plain", b"\x1b[31mred\x1b]0;title\x07\xe2\x80\xaeevil", "redevil\n"),
        ("file", "", b"plain words", "plain words\n"),
    ],
)
def test_text_is_shown_at_a_terminal(hca: Runner, site: Any, name: str, kind: str, body: bytes, shown: str) -> None:
    site.route("GET", f"/{name}", (200, {"Content-Type": kind}, body))
    assert at_a_terminal(hca, "site", f"get-{name}").decode() == shown
    # A pipe gets the raw bytes.
    assert hca("site", f"get-{name}", text=False, check=0).stdout == body


def test_bytes_are_not_shown_at_a_terminal(hca: Runner, site: Any) -> None:
    for kind, body in (("", b"\x89PNG\0"), ("", b"\xff\xfe\xfd"), ("image/png", b"text")):
        site.route("GET", "/file", (200, {"Content-Type": kind}, body))
        reader, writer = pty.openpty()
        words = [sys.executable, "-m", "hca_base", "site", "get-file"]
        done = subprocess.run(words, env=hca.env, cwd=hca.cwd, stdout=writer, stderr=subprocess.PIPE, check=False)
        os.close(writer)
        os.close(reader)
        assert done.returncode == 2 and b"--output FILE" in done.stderr


def test_a_binary_answer_that_goes_to_a_file_shows_its_progress_at_a_terminal(hca: Runner, site: Any) -> None:
    seen = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        """Sends bytes until the progress was shown."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while not seen.wait(0.05):
                self.wfile.write(b"8\r\n\0\1\2\3\4\5\6\7\r\n")
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hca("config", "set", "services.site.base_url", f"http://127.0.0.1:{server.server_port}")
    reader, writer = pty.openpty()
    words = [sys.executable, "-m", "hca_base", "site", "get-file", "--output", "it.bin"]
    try:
        with subprocess.Popen(
            words, env={**hca.env, "TERM": "xterm"}, cwd=hca.cwd, stdin=subprocess.DEVNULL, stderr=writer
        ) as process:
            os.close(writer)
            shown = b""
            while b"it.bin" not in shown:
                shown += os.read(reader, 65536)
            assert b"0/1 files" in shown
            seen.set()
            assert process.wait(60) == 0
    finally:
        seen.set()
        server.shutdown()
        server.server_close()
        os.close(reader)
    assert (hca.cwd / "it.bin").read_bytes().startswith(bytes(range(8)))


@pytest.fixture(params=["chunked", "until the connection closes"])
def slow_stream(request: Any) -> Iterator[Any]:
    """A server that sends an event, and the next one on request."""
    go_on = threading.Event()
    chunked = request.param == "chunked"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/openapi.json":
                body = json.dumps(DOCUMENT).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if "events" in self.path else "application/x-ndjson")
            self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Connection", "close")))
            self.end_headers()
            for number in (1, 2):
                data = f'{{"id": {number}}}\n'.encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
                self.wfile.flush()
                assert go_on.wait(60)
            self.wfile.write(b"0\r\n\r\n" if chunked else b"")
            self.close_connection = True

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    server.go_on = go_on  # type: ignore[attr-defined]
    yield server
    go_on.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("words", [["get-events"], ["get-lines"], ["get-lines", "-f", "jsonl"]])
def test_a_stream_is_shown_as_it_arrives(hca: Runner, slow_stream: Any, words: list[str]) -> None:
    hca("service", "add", "site", f"http://127.0.0.1:{slow_stream.server_port}/openapi.json", check=0)
    command = [sys.executable, "-m", "hca_base", "site", *words]
    with subprocess.Popen(command, env=hca.env, cwd=hca.cwd, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == '{"id": 1}\n'
        slow_stream.go_on.set()
        assert process.stdout.read() == '{"id": 2}\n'
        assert process.wait(60) == 0


def test_json_lines_in_other_formats(hca: Runner, site: Any) -> None:
    site.route("GET", "/lines", (200, {"Content-Type": "application/x-ndjson"}, b'{"id": 1}\n\n{"id": 2}'))
    assert hca("site", "get-lines", "-f", "csv", check=0).stdout == "id\n1\n2\n"
    assert json.loads(hca("site", "get-lines", "--query", "[].id", check=0).stdout) == [1, 2]
    site.route("GET", "/lines", (200, {"Content-Type": "application/x-ndjson"}, b'{"id": 1}\n{"id": '))
    assert "not JSON" in hca("site", "get-lines", "-f", "csv", check=1).stderr


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "application/xhtml+xml", "application/json"])
def test_a_web_page_where_data_was_declared(hca: Runner, site: Any, kind: str) -> None:
    page = b"<!doctype html><title>Sign in</title><p>Sign in"
    site.route("GET", "/data", (200, {"Content-Type": kind}, page))
    for words in ([], ["--output", "data.json"]):
        done = hca("site", "get-data", *words, check=1)
        assert done.stdout == "" and "web page" in done.stderr and site.url.removeprefix("http://") in done.stderr
    assert not (hca.cwd / "data.json").exists()
    code = "import hca_base; hca_base.client('site').get_data()"
    done = subprocess.run([sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, check=False)
    assert "ServiceError" in done.stderr and "web page" in done.stderr
    if kind != "application/json":
        # Without a declared response, a web page may be the result.
        site.route("GET", "/file", (200, {"Content-Type": kind}, page))
        assert hca("site", "get-file", text=False, check=0).stdout == page


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream"])
def test_declared_json_that_comes_under_another_name(hca: Runner, site: Any, kind: str) -> None:
    site.route("GET", "/data", (200, {"Content-Type": kind}, b'{"a": [1]}'))
    assert hca("site", "get-data", "--query", "a[0]", check=0).stdout == "1\n"
    site.route("GET", "/data", (200, {"Content-Type": "application/json; charset=iso-8859-1"}, '"é"'.encode("latin-1")))
    assert hca("site", "get-data", check=0).stdout == '"é"\n'


def test_results_in_python(hca: Runner, site: Any) -> None:
    site.route("GET", "/note", (200, {"Content-Type": "text/plain; charset=iso-8859-1"}, "ü".encode("latin-1")))
    site.route("GET", "/file", (200, {"Content-Type": "text/plain"}, b"file"))
    site.route("GET", "/data", (200, {"Content-Type": "text/plain"}, b'{"a": 1}'))
    code = "import hca_base; c = hca_base.client('site'); print(ascii([c.get_note(), c.get_file(), c.get_data()]))"
    done = subprocess.run([sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, check=True)
    assert done.stdout == "['\\xfc', b'file', {'a': 1}]\n"


def test_where_a_new_thing_is(hca: Runner, site: Any) -> None:
    site.route("POST", "/jobs", (202, {"Location": "/jobs/7", "Retry-After": "5"}, b""))
    done = hca("site", "post-job", check=0)
    assert done.stdout == "" and "Location: /jobs/7" in done.stderr and "Retry-After: 5" in done.stderr


def test_headers_on_request(hca: Runner, site: Any) -> None:
    headers = {"ETag": '"7"', "X-Odd": "a\x1b[31m", "Set-Cookie": "s=canary-0123456789"}
    site.route("GET", "/data", (200, headers, b'{"a": 1}'))
    shown, _, body = hca("site", "get-data", "-i", check=0).stdout.partition("\n\n")
    assert shown.startswith("HTTP/1.1 200 OK\n") and 'ETag: "7"' in shown and "X-Odd: a" in shown
    assert "\x1b" not in shown and "canary" not in shown
    assert json.loads(body) == {"a": 1}
    shown = hca("site", "get-data", "--include", "etag", "-f", "value", check=0).stdout
    assert shown == 'HTTP/1.1 200 OK\nETag: "7"\n\n1\n'
    # An error keeps its message and its exit code.
    site.route("GET", "/data", (404, headers, b"{}"))
    assert hca("site", "get-data", "-i", check=4).stdout == ""


def test_our_options_have_a_name_that_no_document_takes(hca: Runner, site: Any) -> None:
    site.route("GET", "/taken", lambda query, body: [{"target": sorted(query), "a": 2}, {"target": [], "a": 1}])
    words = [word for name in OURS[:-1] for word in (f"--{name}", "x")]
    done = hca("site", "get-taken", *words, "--query-hca-format", "x", "-c", "target", "--hca-query", "[0]", check=0)
    assert json.loads(done.stdout) == {"target": sorted(OURS)}
    done = hca("site", "get-taken", "--hca-format", "csv", "--hca-sort", "a", "--hca-column", "a", check=0)
    assert done.stdout == "a\n1\n2\n"
    assert hca("site", "get-taken", "-f", "csv", "-c", "a", check=0).stdout == "a\n2\n1\n"
    hca("site", "get-taken", "--hca-output", "x.json", check=0)
    assert len(json.loads((hca.cwd / "x.json").read_text())) == 2
    text = hca("site", "get-taken", "--hca-help", check=0).stdout
    assert "--hca-query JMESPATH" in text and "--hca-sort COLUMN" in text
    # If the short names are free, both spellings work.
    site.route("GET", "/data", {"a": 1})
    assert hca("site", "get-data", "--hca-format", "value", check=0).stdout == "1\n"
    assert "--hca-" not in hca("site", "get-data", "--help", check=0).stdout
