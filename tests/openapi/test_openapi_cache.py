"""Cached documents: bundled, downloaded, revalidated, and validated before use."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hca_base import config
from hca_base.errors import DocumentError, UnreachableError
from hca_base.http import Session
from hca_base.openapi import Client, Document, DocumentCache, Index
from hca_base.plugins import Service

DAY = 86400


def document(*paths: str, **more: Any) -> dict[str, Any]:
    return {"openapi": "3.0.0", "paths": {path: {"get": {"summary": f"Of {path}"}} for path in paths}, **more}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service with a bundled document, at a default URL where nothing responds."""
    package = tmp_path / "plugins" / "bundling_plugin"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('must not be imported')")
    (package / "document.json").write_text(json.dumps(document("/bundled", servers=[{"url": "http://127.0.0.1:9/v1"}])))
    monkeypatch.syspath_prepend(str(package.parent))
    return Service(
        "bundling",
        client_section="Bundling",
        document_url_key="Bundling.swagger_url",
        bundled_document=("bundling_plugin", "document.json"),
        config_defaults={"Bundling": {"swagger_url": "http://127.0.0.1:9/swagger.json"}},
    )


def cache_of(url: str | None = None) -> DocumentCache:
    return DocumentCache(config.load(options={"Bundling.swagger_url": url} if url else None))


def commands(index: Index) -> list[str]:
    return [command for command, _ in index.summaries()]


def set_age(index: Index, days: float) -> None:
    assert index.path is not None
    os.utime(index.path, (time.time() - days * DAY,) * 2)


@pytest.mark.parametrize("target", ["http://169.254.169.254/login", "ftp://a.example/", "http://" + "a" * 300 + "/"])
def test_a_gateway_that_leads_astray_leaves_the_stale_document(
    service: Service, web: Any, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    web.documents["/swagger.json"] = document("/one")
    cache = cache_of(f"{web.url}/swagger.json")
    set_age(cache.refresh(service, Session()), days=8)
    del web.documents["/swagger.json"]
    web.answer = lambda request: (302, {"Location": target}, b"")
    assert commands(cache.current(service, Session())) == ["get-one"]
    assert "using the old one" in capsys.readouterr().err


def test_without_network_and_cache_the_bundled_document_serves(service: Service) -> None:
    index = DocumentCache(config.load()).get(service)
    assert commands(index) == ["get-bundled"]
    assert index.base_url == "http://127.0.0.1:9/v1"
    assert "bundling_plugin" not in sys.modules
    # The second time it is read from the index.
    again = DocumentCache(config.load()).get(service)
    assert again.path is not None and again.head == index.head


def test_a_new_bundled_document_replaces_the_old_ones_index(service: Service, tmp_path: Path) -> None:
    assert commands(DocumentCache(config.load()).get(service)) == ["get-bundled"]
    path = tmp_path / "plugins" / "bundling_plugin" / "document.json"
    path.write_text(json.dumps(document("/newer")))
    assert commands(DocumentCache(config.load()).get(service)) == ["get-newer"]


def test_help_of_a_url_that_was_never_fetched_is_the_bundled_documents(service: Service, web: Any) -> None:
    url = f"{web.url}/swagger.json"
    web.documents["/swagger.json"] = document("/served")
    assert commands(cache_of(url).get(service)) == ["get-bundled"]
    assert not web.fetched
    with Session() as session:
        assert commands(cache_of(url).current(service, session)) == ["get-served"]
    assert commands(cache_of(url).get(service)) == ["get-served"]
    assert len(web.fetched) == 1


def test_a_fetched_document_is_revalidated_after_seven_days(service: Service, web: Any) -> None:
    cache = cache_of(f"{web.url}/swagger.json")
    web.documents["/swagger.json"] = document("/one")
    with Session() as session:
        index = cache.current(service, session)
        set_age(index, 6.9)
        assert commands(cache.current(service, session)) == ["get-one"]
        assert [status for _, status in web.fetched] == [200]
        set_age(index, 7.1)
        assert commands(cache.current(service, session)) == ["get-one"]
        assert [status for _, status in web.fetched] == [200, 304]
        # It was revalidated.
        cache.current(service, session)
        assert len(web.fetched) == 2
        web.documents["/swagger.json"] = document("/two")
        assert commands(cache.current(service, session)) == ["get-one"]
        set_age(cache.get(service), 8)
        assert commands(cache.current(service, session)) == ["get-two"]
        assert [status for _, status in web.fetched] == [200, 304, 200]
        # Setting the clock back does not extend the cache lifetime.
        set_age(cache.get(service), -30)
        cache.current(service, session)
        assert len(web.fetched) == 4


def test_refresh_asks_at_once(service: Service, web: Any) -> None:
    cache = cache_of(f"{web.url}/swagger.json")
    web.documents["/swagger.json"] = document("/one")
    assert commands(cache.refresh(service)) == ["get-one"]
    web.documents["/swagger.json"] = document("/two")
    assert commands(cache.refresh(service)) == ["get-two"]
    assert cache.age(cache.get(service)) < 60


def test_an_unreachable_server_leaves_the_stale_document(
    service: Service, web: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = cache_of(f"{web.url}/swagger.json")
    web.documents["/swagger.json"] = document("/one")
    with Session() as session:
        set_age(cache.current(service, session), 30)
    web.stop()
    with Session() as session:
        assert commands(cache.current(service, session)) == ["get-one"]
    said = capsys.readouterr()
    assert said.out == ""
    assert "could not be refreshed" in said.err and said.err.count("\n") == 1


@pytest.mark.parametrize("answer", [b"<html>Log in</html>", b"{}", b'{"openapi": "3.0.0", "paths": {', b""])
def test_what_is_not_a_document_is_never_kept(
    service: Service, web: Any, answer: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = cache_of(f"{web.url}/swagger.json")
    web.documents["/swagger.json"] = answer
    with Session() as session:
        with pytest.raises(DocumentError) as caught:
            cache.current(service, session)
        assert str(caught.value).startswith(f"{web.url}/swagger.json: not")
        assert cache.cached(f"{web.url}/swagger.json") is None
        web.documents["/swagger.json"] = document("/one")
        set_age(cache.current(service, session), 30)
        web.documents["/swagger.json"] = answer
        assert commands(cache.current(service, session)) == ["get-one"]
    assert "using the old one" in capsys.readouterr().err


def test_a_url_without_document(service: Service, web: Any) -> None:
    web.answer = lambda request: (404, {}, b"nothing")
    with Session() as session, pytest.raises(DocumentError, match="no OpenAPI document at this URL"):
        cache_of(f"{web.url}/none").current(service, session)


def test_the_bundled_document_stands_for_the_default_url_alone(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    with Session() as session:
        # Using it for another URL might send calls to the public service.
        with pytest.raises(UnreachableError):
            cache_of("http://127.0.0.1:9/other.json").current(service, session)
        assert commands(cache_of().current(service, session)) == ["get-bundled"]
    assert capsys.readouterr().err == ""


def test_a_command_is_not_held_up_by_a_document_that_it_can_do_without(service: Service, web: Any) -> None:
    asked = []
    web.documents["/swagger.json"] = document("/one")
    cache = cache_of(f"{web.url}/swagger.json")
    set_age(cache.refresh(service, Session()), days=8)
    del web.documents["/swagger.json"]
    web.answer = lambda request: asked.append(request) or (503, {}, b"")
    assert commands(cache.current(service, Session())) == ["get-one"]
    assert len(asked) == 1
    with pytest.raises(DocumentError):
        cache_of(f"{web.url}/never-fetched").current(service, Session())
    assert len(asked) == 3  # a temporary failure is retried


def test_documents_are_kept_by_url(service: Service, web: Any) -> None:
    for name in "ab":
        web.documents[f"/{name}"] = document(f"/{name}")
    with Session() as session:
        for _ in range(2):
            for name in "ab":
                assert commands(cache_of(f"{web.url}/{name}").current(service, session)) == [f"get-{name}"]
    assert len(web.fetched) == 2
    assert cache_of().forget(f"{web.url}/a")
    assert not cache_of().forget(f"{web.url}/a")
    assert commands(cache_of(f"{web.url}/b").get(service)) == ["get-b"]
    assert commands(cache_of(f"{web.url}/a").get(service)) == ["get-bundled"]
    assert cache_of().clear() == 3  # two of /b, and the index of the bundled document
    assert cache_of().cached(f"{web.url}/b") is None
    assert cache_of().clear() == 0


@pytest.mark.parametrize("damage", [b"", b"hca-openapi-index-0 1 1 1 1\n", b"\x00" * 5000, None])
def test_a_damaged_index_is_made_again(service: Service, web: Any, damage: bytes | None) -> None:
    cache = cache_of(f"{web.url}/swagger.json")
    web.documents["/swagger.json"] = document("/one")
    with Session() as session:
        index = cache.current(service, session)
    assert index.path is not None
    index.path.write_bytes(index.data[:-10] if damage is None else damage)
    again = cache.get(service)
    assert commands(again) == ["get-one"] and again.find("get_one") is not None
    # Its source may be of any age.
    assert cache.age(again) > 7 * DAY
    assert len(web.fetched) == 1


def test_nothing_is_left_half_written(service: Service, web: Any) -> None:
    cache = cache_of(f"{web.url}/swagger.json")
    web.documents["/swagger.json"] = document("/one")
    with Session() as session:
        cache.current(service, session)
    assert sorted(path.suffix for path in cache.directory.iterdir()) == [".doc", ".idx"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="running as root")
def test_a_cache_that_cannot_be_written_costs_nothing(service: Service, web: Any, own_home: Path) -> None:
    own_home.chmod(0o500)
    try:
        assert commands(DocumentCache(config.load()).get(service)) == ["get-bundled"]
    finally:
        own_home.chmod(0o700)


def test_a_cache_in_the_place_of_a_file_costs_nothing(service: Service, web: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    cache = DocumentCache(config.load(), directory=tmp_path / "file" / "openapi")
    assert commands(cache.get(service)) == ["get-bundled"]
    web.documents["/d"] = document("/one")
    with Session() as session:
        assert commands(cache.current(None, session, f"{web.url}/d")) == ["get-one"]


def test_a_document_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my api.yaml"
    path.write_text("openapi: 3.0.0\nservers: [{url: 'http://127.0.0.1:9/v1'}]\npaths: {/one: {get: {summary: One}}}\n")
    cache = DocumentCache(config.load())
    for address in (str(path), path.as_uri()):
        index = cache.get(None, address)
        assert (commands(index), index.base_url) == (["get-one"], "http://127.0.0.1:9/v1")
    path.write_text(path.read_text().replace("/one", "/twofold"))
    assert commands(cache.get(None, str(path))) == ["get-twofold"]
    assert Client(swagger_url=str(path)).document.operations[0].name == "get_twofold"
    path.unlink()
    with pytest.raises(DocumentError, match="No such file"):
        cache.get(None, str(path))


def test_a_service_without_any_document_says_what_to_do() -> None:
    service = Service("mine", config_defaults={"services": {"mine": {"url": "http://127.0.0.1:9/d.json"}}})
    with pytest.raises(DocumentError, match="the document of mine is not cached yet") as caught:
        DocumentCache(config.load()).get(service)
    assert caught.value.hint == "fetch it: hca service refresh mine"


def test_the_whole_document_is_there_for_a_client(service: Service, web: Any) -> None:
    web.documents["/swagger.json"] = document("/one", info={"title": "Mine"})
    client = Client(service, config=config.load(options={"Bundling.swagger_url": f"{web.url}/swagger.json"}))
    assert client.document.title == "Mine"
    assert client.document.url == f"{web.url}/swagger.json"
    assert Client(service, config=config.load()).document.operation("get_bundled").path == "/bundled"


def test_a_client_looks_names_up_offline_and_calls_by_the_current_document(service: Service, web: Any) -> None:
    settings = config.load(options={"Bundling.swagger_url": f"{web.url}/swagger.json"})
    web.documents["/swagger.json"] = document("/bundled", "/new")
    web.answer = lambda request: {"path": request.path}
    client = Client(service, config=settings)
    assert "Of /bundled" in (client.get_bundled.__doc__ or "")
    assert not web.fetched
    assert client.get_bundled() == {"path": "/bundled"}
    assert client.get_new() == {"path": "/new"}
    assert len(web.fetched) == 1


def test_refresh_and_clear_cache_of_a_client(service: Service, web: Any) -> None:
    web.documents["/d"] = document("/one")
    client = Client(swagger_url=f"{web.url}/d")
    client.get_one()
    web.documents["/d"] = document("/two")
    assert not hasattr(client, "get_two")
    client.refresh()
    assert hasattr(client, "get_two") and not hasattr(client, "get_one")
    web.documents["/d"] = document("/three")
    client.clear_cache()
    assert hasattr(client, "get_three")


def test_loading_a_document_from_a_url(web: Any) -> None:
    web.documents["/v1/openapi.json"] = document("/one")
    loaded = Document.load(f"{web.url}/v1/openapi.json")
    assert loaded.base_url == web.url and loaded.operations[0].name == "get_one"
