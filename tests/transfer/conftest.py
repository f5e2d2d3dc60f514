"""What the tests of transfers share."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest

from hca_base.transfer import Item, Source


def _load(name: str) -> ModuleType:
    """A helper beside this file; the tests are not a package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_load("fault_server")
_load("flaky_relay")
_load("quick_downloads")


@pytest.fixture
def server() -> Iterator[Any]:
    """A fault server, faultless so far."""
    made = sys.modules["fault_server"].FaultServer()
    yield made
    made.close()


@pytest.fixture
def item_of(server: Any) -> Callable[..., Item]:
    """Makes an item of a file of the server; the file is made too."""

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
    """Both ways of fetching small files: libcurl, and the standard library."""
    if request.param == "fast":
        from hca_base.transfer._network._curl import available

        assert available(), "the tests of the fast path need pycurl"
    return bool(request.param == "fast")
