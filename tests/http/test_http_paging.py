"""Link headers as sent by services, and following pages to the end."""

from __future__ import annotations

import pytest

from hca_base.errors import ServiceError
from hca_base.http import Session, follow_pages, json_of, next_page, parse_link_header


@pytest.mark.parametrize(
    ("header", "links"),
    [
        ("<http://x/?a=1>; rel='next'", {"next": "http://x/?a=1"}),
        ('<http://x/?a=1>; rel="next"', {"next": "http://x/?a=1"}),
        ("<http://x/?a=1>;rel=next", {"next": "http://x/?a=1"}),
        ('<http://x/?a=1,2;b=3>; title="a, \\"b\\" <c>"; rel="next last"', {"next": "http://x/?a=1,2;b=3", "last": "http://x/?a=1,2;b=3"}),
        ("</p?2>; rel='next', </p?1>; rel='prev'", {"next": "/p?2", "prev": "/p?1"}),
        ("<a>; REL='Next', <b>; rel=next", {"next": "a"}),
        ("<a>; title='no relation'", {}),
        ("", {}),
        (None, {}),
        ("nonsense", {}),
        ("<unfinished", {}),
        ("<a>; rel=", {}),
        ("<>; rel=next", {"next": ""}),
        ("<a>" * 30_000 + "; rel=next", {}),
    ],
)  # fmt: skip
def test_link_headers(header, links):
    assert parse_link_header(header) == links


def test_a_hostile_link_header_takes_no_time():
    parse_link_header("<a>; " + "x='" * 20_000)
    parse_link_header("<a>" + "; x" * 20_000)


def page(kit, link, body=()):
    return kit.json(list(body), 206, Link=link)


def test_next_page_drops_the_literal_none(server, kit):
    server.answers(page(kit, f"<{server.url}/v1/bundles/u?start_at=10&version=V&token=None>; rel='next'"))
    answer = Session().get(server.url)
    assert next_page(answer) == f"{server.url}/v1/bundles/u?start_at=10&version=V"


def test_next_page_keeps_everything_else(server, kit):
    server.answers(page(kit, "</v1/bundles/all?token=&search_after=a%2Fb>; rel='next'"))
    assert next_page(Session().get(server.url)) == f"{server.url}/v1/bundles/all?token=&search_after=a%2Fb"
    server.answers(kit.json([]))
    assert next_page(Session().get(server.url)) is None


def test_pages_of_a_search_repeat_the_body(server, kit):
    def script(asked):
        start = int(dict(asked.query).get("start", 0))
        if start >= 4:
            return kit.json([start])
        return page(kit, f'<{server.url}/search?start={start + 2}>; rel="next"', [start, start + 1])

    server.script = script
    session = Session()
    body = {"es_query": {"query": {}}}
    first = session.call("POST", server.url + "/search", json=body)
    items = [item for answer in follow_pages(session, first, json=body) for item in json_of(answer)]
    assert items == [0, 1, 2, 3, 4]
    assert {(asked.method, asked.body) for asked in server.asked} == {("POST", b'{"es_query": {"query": {}}}')}


def test_pages_come_one_at_a_time(server, kit):
    server.script = lambda asked: page(kit, f"<{server.url}/?n={len(server.asked)}>; rel='next'")
    session = Session()
    pages = follow_pages(session, session.get(server.url))
    next(pages)
    assert len(server.asked) == 1
    next(pages)
    assert len(server.asked) == 2


def test_pages_in_a_circle_end(server, kit):
    server.script = lambda asked: page(kit, f"<{server.url}/?n={len(server.asked) % 3}>; rel='next'")
    session = Session()
    with pytest.raises(ServiceError, match="form a loop"):
        list(follow_pages(session, session.get(server.url)))
    assert len(server.asked) < 6


def test_pages_on_another_host_get_no_credentials(server, other_server, kit):
    """Credentials are bound to hosts: they are requested again for each page's URL."""

    class Bound(kit.Credentials):
        def headers_for(self, url):
            return super().headers_for(url) if url.startswith(server.url) else {}

    server.answers(page(kit, f"<{other_server.url}/p2>; rel='next'"))
    session = Session(credentials=Bound("canary"))
    assert len(list(follow_pages(session, session.get(server.url)))) == 2
    assert "Authorization" in server.asked[0].headers
    assert "Authorization" not in other_server.asked[0].headers
