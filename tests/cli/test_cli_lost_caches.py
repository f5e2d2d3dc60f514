"""Missing or damaged document caches: a command downloads them again, help and completion use no network."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Things", "version": "1"},
    "servers": [{"url": "/"}],
    "paths": {"/things": {"get": {"responses": {"200": {"description": "it"}}}}},
}


@pytest.fixture
def site(hca: Any, loopback: Any) -> Any:
    loopback.route("GET", "/openapi.json", DOCUMENT)
    loopback.route("GET", "/things", [1])
    hca("service", "add", "site", f"{loopback.url}/openapi.json", check=0)
    return loopback


def cache(hca: Any) -> Path:
    return Path(hca.home) / ".cache" / "hca"


def lose(hca: Any) -> None:
    shutil.rmtree(cache(hca))


def damage(hca: Any) -> None:
    files = [path for path in (cache(hca) / "openapi").iterdir() if path.suffix in (".doc", ".idx")]
    assert files
    for path in files:
        path.write_bytes(b"\0damaged")


@pytest.mark.parametrize("harm", [lose, damage])
def test_a_command_fetches_the_document_again(hca: Any, site: Any, harm: Any) -> None:
    harm(hca)
    done = hca("site", "get-things", check=0)
    assert json.loads(done.stdout) == [1]
    assert "the document of site was missing" in done.stderr
    done = hca("site", "get-things", check=0)
    assert done.stderr == ""
    harm(hca)
    assert json.loads(hca("-q", "site", "get-things", check=0).stdout) == [1]


@pytest.mark.parametrize("words", [["site"], ["help", "site"], ["site", "get-things", "--help"], ["site", "--help"]])
def test_help_asks_no_network_and_names_the_way_out(hca: Any, site: Any, words: list[str]) -> None:
    lose(hca)
    before = len(site.requests)
    done = hca(*words, check=1 if "get-things" in words else 0)
    assert "hca service refresh site" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr and len(site.requests) == before


def test_completion_asks_no_network(hca: Any, site: Any) -> None:
    lose(hca)
    before = len(site.requests)
    for words in (["site", ""], ["site", "get-things", "--"]):
        hca("__complete", "--", *words, check=0)
    assert len(site.requests) == before


def test_a_service_that_is_away(hca: Any, site: Any) -> None:
    lose(hca)
    site.close()
    done = hca("--config", "http.retries=0", "site", "get-things", check=6)
    assert done.stderr.startswith("hca: error: cannot connect")


def test_no_such_command_says_how_old_the_document_is(hca: Any, site: Any) -> None:
    assert "checked today: 'hca service refresh site'" in hca("site", "get-more", check=2).stderr
    then = time.time() - 12.5 * 86400
    for index in (cache(hca) / "openapi").glob("*.idx"):
        os.utime(index, (then, then))
    assert "12 days ago" in hca("site", "get-more", check=2).stderr
