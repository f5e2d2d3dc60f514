"""Fixtures for transfer tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from hca_base.transfer import Item, Source
from tests.lib.fault_server import FaultServer


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A fault server, without faults at first."""
    made = FaultServer()
    yield made
    made.close()


@pytest.fixture
def item_of(server: FaultServer) -> Callable[..., Item]:
    """Creates a file on the server, and an item for it."""

    def make(name: str, body: bytes, *, service: bool = True, **more: Any) -> Item:
        server.files[name] = body
        source = Source(f"{server.base}/{'api' if service else 'data'}/{quote(name)}")
        source.redirects = "service" if service else "follow"
        fields: dict[str, Any] = {
            "size": len(body), "checksums": {"sha256": hashlib.sha256(body).hexdigest()}, "source": source,
        }  # fmt: skip
        return Item(name, **{**fields, **more})

    return make


@pytest.fixture(params=["fast", "plain"])
def fast(request: pytest.FixtureRequest) -> bool:
    """Both ways to download small files: libcurl, and the standard library."""
    if request.param == "fast":
        from hca_base.transfer._network._curl_options import available

        assert available(), "the tests of the fast path need pycurl"
    return bool(request.param == "fast")
