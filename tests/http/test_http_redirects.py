"""Redirects: targets, methods and headers, and the 301s that mean "not ready"."""

from __future__ import annotations

import time

import pytest

from hca_base.errors import RefusedError, TimedOutError, UnreachableError, UsageError
from hca_base.http import RetryPolicy, Session, json_of
from hca_base.http._addresses import address_of, check_redirect, is_loopback, origin_of


def wait_answer(kit, location, seconds="0.01", status=301):
    return kit.Answer(status, b"", {"Location": location, "Retry-After": seconds})


def test_301_to_itself_with_a_changing_token(server, kit):
    """Like the DSS's GET file during a copy: the token changes, and the Location must be sent unchanged."""
    tokens = iter(["a%2Fb%7Ec", "eyJ=", "last"])

    def script(asked):
        token = next(tokens, None)
        if token is None:
            return kit.json({"done": True})
        return wait_answer(kit, f"{server.url}/v1/files/u?replica=aws&token={token}")

    server.script = script
    answer = Session().get(server.url + "/v1/files/u", params={"replica": "aws"})
    assert json_of(answer) == {"done": True}
    assert [asked.target for asked in server.asked] == [
        "/v1/files/u?replica=aws",
        "/v1/files/u?replica=aws&token=a%2Fb%7Ec",
        "/v1/files/u?replica=aws&token=eyJ=",
        "/v1/files/u?replica=aws&token=last",
    ]
    assert [one.status_code for one in answer.history] == [301, 301, 301]


def test_a_put_that_must_wait_goes_on_as_get(server, kit):
    """Like Azul's manifests: PUT, then GET of another path for each response."""
    steps = iter([wait_answer(kit, "/manifest/files/t1"), wait_answer(kit, "/manifest/files/t2"), kit.json("ready")])
    server.script = lambda asked: next(steps)
    answer = Session().call("PUT", server.url + "/manifest/files", json={"filters": "{}"})
    assert json_of(answer) == "ready"
    assert [(asked.method, asked.path, asked.body) for asked in server.asked] == [
        ("PUT", "/manifest/files", b'{"filters": "{}"}'),
        ("GET", "/manifest/files/t1", b""),
        ("GET", "/manifest/files/t2", b""),
    ]
    assert "Content-Type" not in server.asked[1].headers


def test_head_stays_head_while_waiting(server, kit):
    server.answers(wait_answer(kit, "/x?token=1"), kit.Answer(200))
    Session().call("HEAD", server.url + "/x")
    assert [asked.method for asked in server.asked] == ["HEAD", "HEAD"]


def test_the_server_is_given_the_time_it_asks_for(server, kit):
    server.answers(wait_answer(kit, "/x?token=1", "0.3"), kit.Answer(200))
    started = time.monotonic()
    Session().get(server.url + "/x")
    assert time.monotonic() - started >= 0.3


def test_a_failure_on_the_way_of_a_wait_is_repeated(server, kit):
    server.answers(wait_answer(kit, "/x?token=1"), kit.Answer(503), kit.Answer(raw=kit.cut_off), kit.json(1))
    assert json_of(Session().get(server.url + "/x", policy=RetryPolicy(backoff=0.01))) == 1


@pytest.mark.parametrize("seconds", ["0", "0.001", "5"])
def test_endless_waits_meet_the_budget(server, kit, seconds):
    server.script = lambda asked: wait_answer(kit, f"/x?token={len(server.asked)}", seconds)
    with pytest.raises(TimedOutError, match="still not ready"):
        Session().get(server.url + "/x", wait_budget=1)
    assert len(server.asked) < 30


def test_waits_can_be_left_to_the_caller(server, kit):
    server.answers(wait_answer(kit, "/x?token=1", "10"))
    answer = Session().get(server.url + "/x", follow_waits=False)
    assert answer.status_code == 301
    assert answer.headers["Location"] == "/x?token=1"


def test_redirect_no_still_waits(server, other_server, kit):
    server.answers(
        wait_answer(kit, "/x?token=1"),
        kit.Answer(302, b"<html>", {"Location": other_server.url + "/object", "X-DSS-SIZE": "7"}),
    )
    answer = Session().get(server.url + "/x", redirect="no")
    assert answer.status_code == 302
    assert answer.headers["X-DSS-SIZE"] == "7"
    assert other_server.asked == []


def test_redirect_same_host_stops_at_the_border(server, other_server, kit):
    server.answers(
        kit.Answer(302, b"", {"Location": "/y"}), kit.Answer(302, b"", {"Location": other_server.url + "/object"})
    )
    answer = Session().get(server.url + "/x", redirect="same-host")
    assert (answer.status_code, len(answer.history)) == (302, 1)
    assert other_server.asked == []


def test_no_credentials_to_another_host(server, other_server, kit, credentials):
    server.answers(kit.Answer(302, b"", {"Location": other_server.url + "/object?X-Amz-Signature=s%2Ft"}))
    headers = {"Api-Key": "canary-key", "Cookie": "c=canary", "X-Custom": "canary", "Range": "bytes=0-3"}
    Session(credentials=credentials).get(server.url + "/file", headers=headers)
    assert server.asked[0].headers["Authorization"] == "Bearer canary-token-1"
    (there,) = other_server.asked
    assert there.target == "/object?X-Amz-Signature=s%2Ft"
    assert "canary" not in repr(there)
    assert there.headers["Range"] == "bytes=0-3"
    assert set(there.headers) <= {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Range"}


def test_no_credentials_on_the_way_back_either(server, other_server, kit, credentials):
    server.script = lambda asked: (
        kit.Answer(302, b"", {"Location": other_server.url}) if asked.path == "/x" else kit.json({})
    )
    other_server.answers(kit.Answer(302, b"", {"Location": server.url + "/back"}))
    Session(credentials=credentials).get(server.url + "/x")
    assert "Authorization" in server.asked[0].headers
    assert server.asked[1].path == "/back"
    assert "Authorization" not in server.asked[1].headers


def test_credentials_go_along_within_the_host(server, kit, credentials):
    server.answers(wait_answer(kit, "/x?token=1"), kit.Answer(302, b"", {"Location": "/y"}), kit.json({}))
    Session(credentials=credentials).get(server.url + "/x")
    assert [asked.headers.get("Authorization") for asked in server.asked] == ["Bearer canary-token-1"] * 3


def test_a_key_in_a_cookie_goes_beside_other_cookies(server, kit):
    class Key(kit.Credentials):
        def headers_for(self, url):
            return {"Cookie": "sid=key"}

    session = Session(credentials=Key())
    session.get(server.url, headers={"Cookie": "lang=en"})
    session.get(server.url)
    assert [asked.headers["Cookie"] for asked in server.asked] == ["lang=en; sid=key", "sid=key"]


def test_a_301_elsewhere_is_no_wait(server, other_server, kit, credentials):
    server.answers(wait_answer(kit, other_server.url + "/x", "1000"))
    Session(credentials=credentials).get(server.url)
    assert "Authorization" not in other_server.asked[0].headers


@pytest.mark.parametrize("status", [302, 303])
def test_the_result_of_a_post_is_fetched_with_get(server, other_server, kit, status):
    server.answers(kit.Answer(status, b"", {"Location": other_server.url + "/result"}))
    Session().call("POST", server.url, json={"secret": "canary"})
    assert [(asked.method, asked.body) for asked in other_server.asked] == [("GET", b"")]


def test_a_moved_put_is_not_silently_a_get(server, kit):
    server.answers(kit.Answer(301, b"", {"Location": "/elsewhere"}))
    with pytest.raises(RefusedError, match="permanently"):
        Session().call("PUT", server.url, json={})
    assert len(server.asked) == 1


def test_307_repeats_the_body_within_the_host_only(server, other_server, kit):
    server.script = lambda asked: kit.Answer(307, b"", {"Location": "/b"}) if asked.path == "/a" else kit.json({})
    Session().call("POST", server.url + "/a", json={"x": 1})
    assert [(asked.method, asked.body) for asked in server.asked] == [("POST", b'{"x": 1}')] * 2
    server.answers(kit.Answer(308, b"", {"Location": other_server.url}))
    with pytest.raises(RefusedError, match="with its body"):
        Session().call("POST", server.url, json={"x": 1})
    assert other_server.asked == []


def test_a_circle_of_redirects_ends(server, kit):
    server.script = lambda asked: kit.Answer(302, b"", {"Location": "/b" if asked.path == "/a" else "/a"})
    with pytest.raises(UnreachableError, match="more than 20 times"):
        Session().get(server.url)


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1:70/1",
        "javascript:alert(1)",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/latest/",
        "http://0xA9FEA9FE/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/latest/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://100.100.100.200/latest/",
        "http://0.0.0.0:80/",
        "http://user:pass@example.org/",
        "http://[::1",
        "http://exa mple.org:port/",
    ],
)
def test_places_that_no_service_may_send_us_to(server, kit, target):
    server.answers(kit.Answer(302, b"", {"Location": target}))
    with pytest.raises((RefusedError, UnreachableError)) as caught:
        Session({"http.retries": 0}).get(server.url)
    assert "pass@" not in str(caught.value)
    assert len(server.asked) == 1


def test_redirects_between_kinds_of_hosts():
    public, loopback = origin_of("https://service.example"), origin_of("http://127.0.0.1:8765")
    with pytest.raises(RefusedError, match="plain http") as raised:
        check_redirect(public, public, origin_of("http://bucket.example"), resolve=False)
    assert "https address" in (raised.value.hint or "")
    with pytest.raises(RefusedError, match="plain http"):
        check_redirect(public, public, origin_of("http://service.example"), resolve=False)
    with pytest.raises(RefusedError, match="this machine") as raised:
        check_redirect(public, public, origin_of("https://localhost:1"), resolve=False)
    assert "use localhost in its URL" in (raised.value.hint or "")
    with pytest.raises(RefusedError, match="this machine"):
        check_redirect(public, public, origin_of("https://127.1:1"), resolve=False)
    plain = origin_of("http://service.example")
    with pytest.raises(RefusedError, match="this machine"):
        check_redirect(plain, plain, origin_of("http://localhost:1"), resolve=True)
    check_redirect(public, public, origin_of("https://bucket.example"), resolve=False)
    check_redirect(loopback, loopback, origin_of("http://127.0.0.1:8766"))
    check_redirect(plain, plain, origin_of("https://service.example"), resolve=False)
    link_local = origin_of("http://169.254.1.1")
    check_redirect(link_local, link_local, origin_of("http://169.254.1.2"))


def test_what_is_this_machine():
    for host in ("localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "127.1"):
        assert is_loopback(host), host
    for host in ("localhost.example", "128.0.0.1", "example.org", "::2", "127.0.0.1.example.org", ""):
        assert not is_loopback(host), host
    assert address_of("::ffff:10.0.0.1") == address_of("10.0.0.1")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "/no/scheme", "http://", "http://a:b@host/", "http://host:port/", "ftp://x/"]
)
def test_urls_that_are_not_asked(url):
    with pytest.raises(UsageError) as caught:
        Session().get(url)
    assert "a:b" not in str(caught.value)


def test_a_long_wait_outlives_its_token(server, kit):
    credentials = kit.Credentials("one", "two")

    def script(asked):
        if len(server.asked) < 3:
            credentials.tokens[:] = [f"fresh-{len(server.asked)}"]
            return wait_answer(kit, f"/x?token={len(server.asked)}")
        return kit.json({})

    server.script = script
    Session(credentials=credentials).get(server.url + "/x")
    assert [asked.headers["Authorization"] for asked in server.asked] == [
        "Bearer one",
        "Bearer fresh-1",
        "Bearer fresh-2",
    ]


# A redirect to the same URL with Retry-After: the request was not processed and must be repeated.


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE"])
def test_a_wait_at_the_same_url_sends_the_same_request_again(server, kit, credentials, status, method):
    """Azul's response since 2026 if the repository behind it is slow."""
    target = "/index/files?filters=%7B%22a%22%3A+1%7D&size=7"
    again = wait_answer(kit, f"{server.url}/index/files?size=7&filters={{%22a%22:%201}}", status=status)
    server.answers(again, again, kit.json({"done": True}))
    body = None if method == "GET" else {"name": "x"}
    answer = Session(credentials=credentials).call(method, server.url + target, json=body)
    assert json_of(answer) == {"done": True}
    assert len({(asked.method, asked.target, asked.body) for asked in server.asked}) == 1
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer canary-token-1"] * 3
    assert [one.status_code for one in answer.history] == [status, status]


def test_a_303_to_the_same_url_asks_for_the_result(server, kit):
    server.answers(wait_answer(kit, "/job", status=303), kit.json({}))
    Session().call("POST", server.url + "/job", json={})
    assert [asked.method for asked in server.asked] == ["POST", "GET"]


def test_a_key_in_the_query_does_not_make_another_url(server, kit):
    class Key(kit.Credentials):
        def params_for(self, url):
            return {"key": "canary"}

    server.answers(wait_answer(kit, f"{server.url}/x?a=1", status=307), kit.json({}))
    Session(credentials=Key()).call("PUT", server.url + "/x", params={"a": 1}, json={})
    assert [asked.target for asked in server.asked] == ["/x?a=1&key=canary"] * 2


def test_waits_at_the_same_url_meet_the_budget(server, kit):
    server.answers(wait_answer(kit, "/x", "0", status=307))
    with pytest.raises(TimedOutError, match="still not ready"):
        Session().call("POST", server.url + "/x", json={}, wait_budget=0.5)
    assert len(server.asked) < 20


def test_a_body_that_can_be_sent_once_is_not_sent_again(server, kit):
    server.answers(wait_answer(kit, "/x", status=307))
    with pytest.raises(RefusedError, match="asks to repeat"):
        Session().call("PUT", server.url + "/x", data=iter([b"one"]))
    assert len(server.asked) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_redirect_to_itself_without_a_time_is_a_loop(server, kit, method):
    server.answers(kit.Answer(302, b"", {"Location": "/x?a=1"}))
    with pytest.raises(UnreachableError, match="its own URL"):
        Session().call(method, server.url + "/x", params={"a": 1})
    assert len(server.asked) == 1


def test_waits_at_the_same_url_can_be_left_to_the_caller(server, kit):
    server.answers(wait_answer(kit, "/x", "10", status=307))
    assert Session().get(server.url + "/x", follow_waits=False).status_code == 307
