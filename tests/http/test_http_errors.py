"""Errors of services, gateways and networks, and unexpected responses."""

from __future__ import annotations

import gzip
import json
import threading
import time

import pytest

from hca_base.errors import ExitCode, HCAError, ServiceError, TimedOutError, UnreachableError, UsageError
from hca_base.http import RetryPolicy, Session, iter_body, json_of

NEVER = RetryPolicy.never()


def failing(server, answer, **kwargs):
    server.answers(answer)
    with pytest.raises(ServiceError) as caught:
        Session().get(server.url, policy=NEVER, **kwargs)
    return caught.value


def test_the_dss_shape(server, kit):
    body = {"status": 404, "code": "not_found", "title": "Cannot find file!", "stacktrace": "Traceback ..."}
    error = failing(server, kit.json(body, 404, X_AWS_REQUEST_ID="7c4bd6c5"))
    assert str(error) == "404 not_found: Cannot find file!"
    assert (error.status, error.code, error.reason, error.title) == (404, 404, "not_found", "Cannot find file!")
    assert error.details == body
    assert error.request_id == "7c4bd6c5"
    assert error.exit_code == ExitCode.NOT_FOUND
    assert error.response.json() == body


def test_only_the_first_line_of_a_schema_failure(server, kit):
    title = "'azure' is not one of ['aws', 'gcp']\n\nFailed validating 'enum' in schema:\n    {'type': ..."
    error = failing(server, kit.json({"status": 400, "code": "illegal_arguments", "title": title}, 400))
    assert str(error) == "400 illegal_arguments: 'azure' is not one of ['aws', 'gcp']"
    assert error.title == title
    assert error.exit_code == ExitCode.REFUSED


def test_the_connexion_shape(server, kit):
    body = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "Request body is not valid JSON"}
    error = failing(server, kit.json(body, 400, X_Request_Id="r-1"))
    assert str(error) == "400 Bad Request: Request body is not valid JSON"
    assert error.request_id == "r-1"


@pytest.mark.parametrize("status", [405, 415, 404, 410])
def test_the_shape_of_chalice_and_azul(server, kit, status):
    error = failing(server, kit.json({"Code": "BadRequestError", "Message": "Must be one of dcp1"}, status))
    assert str(error) == f"{status} BadRequestError: Must be one of dcp1"


def test_the_gateway_shape(server, kit):
    body = {"message": "Missing Authentication Token"}
    error = failing(server, kit.json(body, 403, x_amzn_RequestId="a-b"))
    assert str(error) == "403 Forbidden: Missing Authentication Token"
    assert error.request_id == "a-b"
    assert "unknown paths" in error.hint


def test_other_shapes(server, kit):
    error = failing(server, kit.json({"error": "invalid_grant", "error_description": "expired"}, 400))
    assert str(error) == "400 invalid_grant: expired"
    error = failing(server, kit.json({"error": {"code": 403, "message": "no such scope"}}, 403))
    assert "no such scope" in str(error)
    error = failing(
        server, kit.Answer(403, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>No</Message></Error>")
    )
    assert str(error) == "403 AccessDenied: No"
    error = failing(server, kit.Answer(502, b"<html><title>502 Bad Gateway</title>...", {"Content-Type": "text/html"}))
    assert str(error) == "502 Bad Gateway"
    for body in (b"", b"[]", b"null", b"7", b'"text"', b"\xff\xfe\x00", b"plain words", b"[" * 100_000):
        error = failing(server, kit.Answer(500, body))
        assert str(error).startswith("500 Internal Server Error")
        assert "\n" not in str(error)


def test_nothing_of_a_server_drives_the_terminal(server, kit):
    title = "\x1b]0;owned\x07\x1b[31mred\x00‮ evil"
    error = failing(server, kit.json({"code": "x\x1b[2J", "title": title}, 400))
    assert str(error).isprintable()


def test_an_error_that_repeats_the_token_hides_it(server, kit):
    error = failing(server, kit.json({"code": "Unauthorized", "title": "bad token: Bearer canary-1234567890"}, 401))
    assert "canary" not in str(error)


def test_hints_for_credentials(server, kit, credentials):
    assert "Log in" in failing(server, kit.Answer(401)).hint
    assert "not accepted" in failing(server, kit.Answer(401), credentials=credentials).hint
    assert "not allowed to do that" in failing(server, kit.Answer(403), credentials=credentials).hint


def test_errors_of_streamed_answers_are_read(server, kit):
    error = failing(server, kit.json({"code": "not_found", "title": "gone"}, 404), stream=True)
    assert str(error) == "404 not_found: gone"


def test_errors_can_be_left_to_the_caller(server, kit):
    server.answers(kit.json({"Status": 301}, 404))
    answer = Session().get(server.url, raise_for_status=False)
    assert (answer.status_code, json_of(answer)) == (404, {"Status": 301})


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"<!doctype html><p>Log in to the hotel's wifi", "text/html", "web page"),
        (b"  <html>", "application/json", "web page"),
        (b"", "application/json", "empty"),
        (b'{"a": ', "application/json", "not JSON"),
        (b"\xff\xfe{\x00", "application/json", "not text"),
        (b"[" * 100_000, "application/json", "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "application/json", "nested too deeply"),
    ],
)
def test_a_server_that_is_not_what_it_should_be(server, kit, body, kind, words):
    server.answers(kit.Answer(200, body, {"Content-Type": kind}))
    with pytest.raises(ServiceError, match=words) as caught:
        json_of(Session().get(server.url))
    assert "\n" not in str(caught.value)
    assert f"127.0.0.1:{server.port}" in str(caught.value)


def test_json_with_a_byte_order_mark(server, kit):
    server.answers(kit.Answer(200, b"\xef\xbb\xbf[1]"))
    assert json_of(Session().get(server.url)) == [1]


def test_an_answer_beyond_the_limit(server, kit):
    server.answers(kit.Answer(200, b"x" * 5000))
    with pytest.raises(UnreachableError, match="more than 1000 bytes"):
        Session({"http.max_body": 1000}).get(server.url)
    assert len(Session().get(server.url, max_body=5000).content) == 5000


def test_a_compressed_bomb(server, kit):
    bomb = gzip.compress(bytes(50 << 20))
    server.answers(kit.Answer(200, bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(UnreachableError, match="more than 1048576 bytes"):
        Session({"http.max_body": 1 << 20}).get(server.url)
    server.answers(kit.Answer(500, bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(ServiceError) as caught:
        Session().get(server.url, policy=NEVER)
    assert len(caught.value.response.content) <= 4 << 20


def test_a_chunked_answer_beyond_the_limit(server, kit):
    def endless(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                handler.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:
            handler.close_connection = True

    server.answers(kit.Answer(raw=endless))
    with pytest.raises(UnreachableError, match="more than"):
        Session({"http.max_body": 1 << 16}).get(server.url, policy=NEVER)


def dripping(stop, head, piece):
    """A response whose body arrives in pieces, without end."""

    def drip(handler):
        handler.wfile.write(f"{head}\r\n\r\n".encode())
        try:
            while not stop.wait(0.05):
                handler.wfile.write(piece)
        except OSError:
            pass
        handler.close_connection = True

    return drip


def test_an_answer_that_drips(server, kit):
    stop = threading.Event()
    server.answers(kit.Answer(raw=dripping(stop, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"1\r\nx\r\n")))
    started = time.monotonic()
    with pytest.raises(TimedOutError, match="did not finish"):
        Session({"http.answer_timeout": 0.5}).get(server.url, policy=NEVER)
    stop.set()
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Length: 6000000\r\n\r\n" + b"y" * 6_000_000,
        b"Content-Length: 100\r\n\r\ncut off",
        b"Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Content-Length: \xb2\r\n\r\n",
        b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_status_of_an_error_counts_whatever_its_body_is(server, kit, raw, stream):
    def send(handler):
        handler.wfile.write(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n" + raw)
        handler.close_connection = True

    server.answers(kit.Answer(raw=send))
    with pytest.raises(ServiceError) as caught:
        Session().get(server.url, stream=stream)
    assert (caught.value.status, caught.value.exit_code) == (404, ExitCode.NOT_FOUND)
    assert len(server.asked) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [404, 302])
def test_what_nobody_wants_to_read_drips(server, other_server, kit, monkeypatch, status, stream):
    """Bodies of errors and redirects of a streamed call: hca reads them, so it must limit them."""
    stop = threading.Event()
    head = f"HTTP/1.1 {status} So\r\nLocation: {other_server.url}/there\r\nContent-Length: 60000"
    server.answers(kit.Answer(raw=dripping(stop, head, b"x")))
    other_server.answers(kit.Answer(200, b"there"))
    monkeypatch.setattr("hca_base.http._exchange._body.DISCARD_TIME", 0.3)
    started = time.monotonic()
    session = Session({"http.answer_timeout": 0.5})
    try:
        if status == 302:
            with session.get(server.url, policy=NEVER, stream=stream) as answer:
                assert answer.content == b"there"
        else:
            with pytest.raises(TimedOutError):
                session.get(server.url, policy=NEVER, stream=stream)
    finally:
        stop.set()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: y\r\n" * 500 + b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnot a size\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"",
    ],
)
def test_answers_that_break_http(server, kit, raw):
    def send(handler):
        handler.wfile.write(raw)
        handler.wfile.flush()
        kit.cut_off(handler)

    server.answers(kit.Answer(raw=send))
    with pytest.raises(UnreachableError) as caught:
        Session().get(server.url, policy=NEVER)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 250


def test_a_stream_that_breaks(server, kit):
    def half(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345")
        kit.cut_off(handler)

    server.answers(kit.Answer(raw=half))
    with pytest.raises(UnreachableError, match="before the end"):
        b"".join(iter_body(Session().get(server.url, stream=True)))


def test_what_cannot_be_sent(server):
    session = Session()
    with pytest.raises(UsageError, match="header"):
        session.get(server.url, headers={"X-Name": "a\r\nX-Injected: b"})
    for name, value in (("X-Name", "\u65e5"), ("X-\u65e5", "a"), ("X-N\xe4me", "a"), ("Cookie", "\u65e5=1")):
        with pytest.raises(UsageError, match="header"):
            session.get(server.url, headers={name: value})
    with pytest.raises(UsageError, match="JSON"):
        session.call("POST", server.url, json={"a": float("nan")})
    with pytest.raises(HCAError):
        session.get(server.url, params={"a": "\udc80"})
    with pytest.raises(HCAError):
        session.get("http://" + "a" * 100 + ".example.invalid/")
    assert server.asked == []


def test_parameters_on_the_wire(server, kit):
    params = {"a": None, "b": True, "c": False, "d": [1, "x", None], "e": "ü /&=", "f": ""}
    Session().get(server.url + "/p?z=1", params=params)
    assert server.asked[0].query == [
        ("z", "1"), ("b", "true"), ("c", "false"), ("d", "1"), ("d", "x"), ("e", "ü /&="), ("f", ""),
    ]  # fmt: skip


def test_details_survive_for_old_programs(server, kit):
    error = failing(server, kit.json({"code": "bundle_already_exists", "title": "exists", "status": 409}, 409))
    assert (error.code, error.reason, json.dumps(error.details)) == (
        409,
        "bundle_already_exists",
        '{"code": "bundle_already_exists", "title": "exists", "status": 409}',
    )
