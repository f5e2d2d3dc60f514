"""Retries: which requests, after which errors, how often, with which delays."""

from __future__ import annotations

import email.utils
import io
import socket
import threading
import time

import pytest

from hca_base.errors import AuthError, ExitCode, ServiceError, TimedOutError, UnreachableError
from hca_base.http import RetryPolicy, Session, json_of, parse_retry_after

QUICK = RetryPolicy(backoff=0.01)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_idempotent_requests_are_repeated(server, kit, status, method):
    server.answers(kit.Answer(status), kit.Answer(status), kit.Answer(200))
    assert Session().call(method, server.url, policy=QUICK).status_code == 200
    assert len(server.asked) == 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_post_and_patch_are_never_repeated(server, kit, method):
    server.answers(kit.json({"code": "x"}, 503, Retry_After="0"), kit.Answer(200))
    with pytest.raises(ServiceError) as caught:
        Session().call(method, server.url, json={})
    assert len(server.asked) == 1
    assert caught.value.exit_code == ExitCode.UNREACHABLE


def test_post_and_patch_are_not_repeated_after_a_drop_either(server, kit):
    server.answers(kit.Answer(raw=kit.cut_off), kit.Answer(200))
    with pytest.raises(UnreachableError, match="without a response"):
        Session().call("POST", server.url, json={})
    assert len(server.asked) == 1


def test_a_safe_post_is_repeated_with_its_body(server, kit):
    server.answers(kit.Answer(503), kit.Answer(raw=kit.cut_off), kit.json([1]))
    policy = RetryPolicy.for_operation("POST", safe=True, backoff=0.01)
    answer = Session().call("POST", server.url + "/search", json={"es_query": {}}, policy=policy)
    assert json_of(answer) == [1]
    assert [asked.body for asked in server.asked] == [b'{"es_query": {}}'] * 3


def test_other_statuses_are_not_repeated(server, kit):
    for status in (400, 401, 403, 404, 409, 410, 422, 501):
        server.asked.clear()
        server.answers(kit.Answer(status))
        with pytest.raises(ServiceError):
            Session().get(server.url, policy=QUICK)
        assert len(server.asked) == 1, status


def test_attempts_are_bounded(server, kit):
    server.answers(kit.Answer(500))
    with pytest.raises(ServiceError):
        Session({"http.retries": 3}).get(server.url, policy=QUICK)
    assert len(server.asked) == 4


def test_no_retries_by_configuration(server, kit):
    server.answers(kit.Answer(500))
    with pytest.raises(ServiceError):
        Session({"http.retries": 0}).get(server.url)
    assert len(server.asked) == 1


def test_retry_after_is_the_least_pause(server, kit):
    server.answers(kit.Answer(503, headers={"Retry-After": "0.3"}), kit.Answer(200))
    started = time.monotonic()
    Session().get(server.url, policy=QUICK)
    assert time.monotonic() - started >= 0.3


def test_a_retry_after_beyond_the_budget_ends_it_at_once(server, kit):
    server.answers(kit.Answer(503, headers={"Retry-After": "3600"}), kit.Answer(200))
    with pytest.raises(ServiceError):
        Session().get(server.url)
    assert len(server.asked) == 1


def test_after_429_no_thread_asks_too_early(server, kit):
    server.answers(kit.Answer(429, headers={"Retry-After": "0.4"}), kit.Answer(200))
    session = Session()
    started = time.monotonic()
    threads = [threading.Thread(target=session.get, args=(server.url,))]
    threads[0].start()
    while not server.asked:
        time.sleep(0.01)
    time.sleep(0.1)
    session.get(server.url)
    assert time.monotonic() - started >= 0.4
    threads[0].join()


def test_closing_the_session_wakes_who_waits(server, kit):
    server.answers(kit.Answer(503, headers={"Retry-After": "100"}))
    session = Session()
    failures = []

    def ask():
        try:
            session.get(server.url)
        except UnreachableError as error:
            failures.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    while not server.asked:
        time.sleep(0.01)
    time.sleep(0.05)
    session.close()
    thread.join(10)
    assert failures == ["the session was closed while waiting for the server"]


def test_a_cut_off_body_is_fetched_again(server, kit):
    def half(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1, 2")
        kit.cut_off(handler)

    server.answers(kit.Answer(raw=half), kit.json([1, 2, 3]))
    assert json_of(Session().get(server.url, policy=QUICK)) == [1, 2, 3]


def test_a_file_body_is_rewound(server, kit):
    server.answers(kit.Answer(503), kit.Answer(200))
    body = io.BytesIO(b"..the body")
    body.seek(2)
    Session().call("PUT", server.url, data=body, policy=QUICK)
    assert [asked.body for asked in server.asked] == [b"the body"] * 2


def test_a_body_that_cannot_be_had_again_is_sent_once(server, kit):
    server.answers(kit.Answer(503), kit.Answer(200))
    with pytest.raises(ServiceError):
        Session().call("PUT", server.url, data=iter([b"a", b"b"]), policy=QUICK)
    assert [asked.body for asked in server.asked] == [b"ab"]


def test_nobody_listens(server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(UnreachableError, match=f"cannot connect to 127.0.0.1:{port}: Connection refused"):
        Session().get(f"http://127.0.0.1:{port}/x", policy=QUICK)


def test_unknown_name():
    with pytest.raises(UnreachableError, match=r"cannot connect to no\.such\.host\.invalid: "):
        Session({"http.retries": 0}).get("http://no.such.host.invalid/x")


def test_a_silent_server_is_a_time_out(server, kit):
    release = threading.Event()

    def script(asked):
        release.wait(20)
        return kit.Answer()

    server.script = script
    with pytest.raises(TimedOutError, match="timed out waiting for"):
        Session({"http.retries": 1}).get(server.url, timeout=0.2, policy=RetryPolicy(backoff=0.01))
    assert len(server.asked) == 2
    policy = RetryPolicy(backoff=0.01, longest_attempt=0.1)
    with pytest.raises(TimedOutError, match="timed out waiting for"):
        Session().get(server.url, timeout=0.2, policy=policy)
    release.set()
    assert len(server.asked) == 3


def test_401_asks_for_a_new_token_once(server, kit, credentials):
    def script(asked):
        good = asked.headers.get("Authorization") == "Bearer canary-token-2"
        return kit.json({}) if good else kit.json({"code": "Unauthorized"}, 401)

    server.script = script
    session = Session(credentials=credentials)
    assert session.call("POST", server.url, json={"a": 1}).status_code == 200
    assert [asked.body for asked in server.asked] == [b'{"a": 1}'] * 2
    assert credentials.refreshed == 1


def test_401_for_good(server, kit, credentials):
    server.answers(kit.json({"code": "Unauthorized", "title": "Authorization token is invalid"}, 401))
    with pytest.raises(ServiceError) as caught:
        Session(credentials=credentials).get(server.url)
    assert len(server.asked) == 2
    assert caught.value.exit_code == ExitCode.AUTH
    assert "hca login" in caught.value.hint


def test_required_credentials_fail_before_sending(server, kit):
    with pytest.raises(AuthError) as caught:
        Session(credentials=kit.Credentials()).get(server.url, auth="required")
    assert server.asked == []
    assert caught.value.hint == "hca auth status"


def test_no_credentials_where_none_are_wanted(server, kit, credentials):
    Session(credentials=credentials).get(server.url, auth="no")
    assert "Authorization" not in server.asked[0].headers


def test_pauses_have_full_jitter_and_a_cap():
    policy = RetryPolicy(backoff=1, cap=8)
    for repeat, most in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (400, 8)]:
        pauses = [policy.pause(repeat) for _ in range(200)]
        assert 0 <= min(pauses) < most * 0.2
        assert most * 0.8 < max(pauses) <= most
    assert all(10 <= policy.pause(1, 10) <= 11 for _ in range(50))


def test_retry_after_values():
    assert parse_retry_after("10") == 10
    assert parse_retry_after(" 2.5 ") == 2.5
    assert parse_retry_after("-3") == 0
    in_a_minute = parse_retry_after(email.utils.formatdate(time.time() + 60, usegmt=True))
    assert 55 < in_a_minute <= 60
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    for nonsense in (None, "", "soon", "nan", "Wed, 99 Oct 2015"):
        assert parse_retry_after(nonsense) is None


def test_policy_of_methods():
    assert RetryPolicy.for_operation("get").idempotent
    assert RetryPolicy.for_operation("PUT").idempotent
    assert not RetryPolicy.for_operation("PATCH").idempotent
    assert not RetryPolicy.for_operation("POST").idempotent
    assert RetryPolicy.for_operation("POST", safe=True).idempotent


def test_threads_share_a_session(server, kit):
    server.script = lambda asked: kit.json({"n": asked.query[0][1]}, Set_Cookie="a=b")
    session = Session()
    results = {}

    def work(number):
        results[number] = [json_of(session.get(server.url, params={"n": number}))["n"] for _ in range(10)]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [str(n)] * 10 for n in range(16)}
    assert not any("Cookie" in asked.headers for asked in server.asked)
