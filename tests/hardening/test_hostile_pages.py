"""Endless pages, and unreachable hosts, through the installed command."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.lib import Runner


def page(url: str, number: int, following: str | None) -> bytes:
    """One page of a listing, with its Link header."""
    body = json.dumps([{"number": number}]).encode()
    link = f'Link: <{following}>; rel="next"\r\n' if following else ""
    head = f"HTTP/1.1 206 Partial\r\nContent-Type: application/json\r\n{link}Content-Length: {len(body)}\r\n"
    return (head + "Connection: close\r\n\r\n").encode() + body


def test_a_next_page_that_is_the_same_one_ends(victim: Any, limited: Any) -> None:
    victim.attacks["/pages"] = lambda c, h: c.sendall(page(victim.url, 1, f"{victim.url}/pages"))
    done = limited("evil", "get-pages", "-f", "jsonl")
    assert len(victim.seen) <= 3
    assert done.out.count("number") <= 3


def test_a_circle_of_pages_ends(victim: Any, limited: Any) -> None:
    count = itertools.count(1)
    where = itertools.cycle(["/pages?a", "/pages?b", "/pages?c"])
    victim.attacks["/pages"] = lambda c, h: c.sendall(page(victim.url, next(count), victim.url + next(where)))
    limited("evil", "get-pages", "-f", "jsonl")
    assert len(victim.seen) <= 8


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "http://169.254.169.254/x", "http://metadata/x", "javascript:1"]
)
def test_a_next_page_that_is_elsewhere(victim: Any, limited: Any, where: str) -> None:
    victim.attacks["/pages"] = lambda c, h: c.sendall(page(victim.url, 1, where))
    done = limited("evil", "get-pages", "-f", "jsonl", env={"HCA_ACCESS_TOKEN": "canary"})
    assert done.code in (0, 1, 2, 5, 6), done
    assert "root:" not in done.out and len(victim.seen) == 1


def test_pages_without_end_cost_no_memory_and_stop_when_the_reader_has_enough(victim: Any, hca: Runner) -> None:
    count = itertools.count(1)
    victim.attacks["/pages"] = lambda c, h: c.sendall(page("", n := next(count), f"{victim.url}/pages?p={n}"))
    process = subprocess.Popen(
        [sys.executable, "-m", "hca_base", "evil", "get-pages", "-f", "jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=hca.env,
        cwd=hca.cwd,
    )
    assert process.stdout is not None and process.stderr is not None
    lines = [json.loads(process.stdout.readline()) for _ in range(150)]
    assert [line["number"] for line in lines] == list(range(1, 151))
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr.read() == b""
    process.stderr.close()
