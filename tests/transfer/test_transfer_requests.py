"""Invalid requests, sources that raise exceptions, hosts with endless Retry-After."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import ExitCode, HCAError
from hca_base.transfer import DirectoryDestination, Item, Report, Source, TransferOptions, download
from tests.lib.fault_server import Fault, FaultServer


def get(items: list[Item], root: Path, fast: bool, **more: Any) -> Report:
    options = TransferOptions(**{"fast": fast, "min_delay": 0.01, "retries": 2, **more})
    return download(items, DirectoryDestination(root), options=options)


def test_addresses_that_are_not_ascii(tmp_path: Path, server: FaultServer, fast: bool) -> None:
    bodies = {name: name.encode() * 10 for name in ("größe", "plain", "b c")}
    server.files.update(bodies)
    items = [
        Item(
            f"f{number}", len(body), {"sha256": hashlib.sha256(body).hexdigest()}, Source(f"{server.base}/data/{name}")
        )
        for number, (name, body) in enumerate(bodies.items())
    ]
    report = get(items, tmp_path, fast)
    assert report.ok, report.failed
    assert [(tmp_path / f"f{number}").read_bytes() for number in range(3)] == list(bodies.values())


@pytest.mark.parametrize("header", [{"X": "größe …"}, {"X": "a\nb: c"}, {"Ö": "x"}])
def test_headers_that_cannot_be_sent(
    tmp_path: Path, item_of: Callable[..., Item], fast: bool, header: dict[str, str], server: FaultServer
) -> None:
    wrong, right = item_of("wrong", b"x" * 100), item_of("right", b"y" * 100)
    assert isinstance(wrong.source, Source)
    wrong.source.headers = header
    report = get([wrong, right], tmp_path, fast, retries=10, min_delay=1.0)
    assert {row.name: row.outcome for row in report.rows} == {"wrong": "failed", "right": "downloaded"}
    assert report.seconds < 5
    with pytest.raises(HCAError, match="characters that HTTP does not allow") as raised:
        report.raise_for_failures()
    assert raised.value.exit_code == ExitCode.USAGE
    assert not any("b" in headers for headers in server.headers["/api/wrong"])


def test_a_redirect_to_an_address_that_is_not_ascii(tmp_path: Path, server: FaultServer, fast: bool) -> None:
    server.files.update({"x": b"first " * 9, "größe": b"content " * 10, "y": b"second " * 9})
    server._api = (  # type: ignore[method-assign]
        lambda connection, name, query, fault: (
            connection.sendall(
                (
                    f"HTTP/1.1 302 Found\r\nLocation: /data/{'größe' if name == 'x' else name}\r\n"
                    "Content-Length: 0\r\n\r\n"
                ).encode()
            )
            or True
        )
    )
    items = [
        Item(name, len(body), {"sha256": hashlib.sha256(body).hexdigest()}, Source(f"{server.base}/api/{name}"))
        for name, body in (("x", b"content " * 10), ("y", b"second " * 9))
    ]
    for item in items:
        assert isinstance(item.source, Source)
        item.source.redirects = "service"
    report = get(items, tmp_path, fast)
    assert {row.name: row.outcome for row in report.rows}["y"] == "downloaded"
    # Non-ASCII bytes in a Location are invalid; they may work, and must not end the run.
    assert len(report) == 2


def test_what_a_source_raises_costs_its_own_file(tmp_path: Path, item_of: Callable[..., Item], fast: bool) -> None:
    def source() -> Source:
        raise LookupError("no such thing")

    items = [Item("bad", 5, {}, source), item_of("good", b"y" * 100)]
    report = get(items, tmp_path, fast)
    assert {row.name: row.outcome for row in report.rows} == {"bad": "failed", "good": "downloaded"}
    assert "no such thing" in report.failed[0].error


@pytest.mark.parametrize("size", [300, 300_000])
@pytest.mark.parametrize("wait", ["99999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_host_that_wants_to_be_left_alone_for_years(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, fast: bool, size: int, wait: str
) -> None:
    items = [item_of(f"f{number}", bytes([number]) * size, service=False) for number in range(20)]
    for item in items:
        server.faults[f"/data/{item.name}"].extend([Fault("status", number=429, retry_after=wait)] * 3)
    report = get(items, tmp_path, fast, wait_budget=5.0)
    assert report.counts == {"failed": 20}
    assert all("still not ready" in row.error for row in report.failed)
    with pytest.raises(HCAError) as raised:
        report.raise_for_failures()
    assert raised.value.exit_code == ExitCode.UNREACHABLE


@pytest.mark.parametrize("size", [100, 300_000, 9_000_000])
@pytest.mark.parametrize("listed", [False, True])
def test_a_source_function_is_called_once_for_an_address(
    tmp_path: Path, item_of: Callable[..., Item], server: FaultServer, size: int, listed: bool, fast: bool
) -> None:
    item = item_of("file", b"x" * size, service=False)
    source, calls = item.source, []

    def fresh() -> Source:
        calls.append(1)
        assert isinstance(source, Source)
        return source

    item.source = [fresh] if listed else fresh
    report = get([item], tmp_path, fast)
    assert report.ok, report.failed
    assert len(calls) == 1
