"""Background work: it runs, repeatedly if requested, its failures are logged, and it stops."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from hca_local.server.background import Background


@pytest.fixture
def background():
    background = Background()
    yield background
    background.stop()


def test_work_is_done_now_later_and_again(background):
    done: list[str] = []
    three = threading.Event()

    def again() -> None:
        done.append("again")
        if done.count("again") == 3:
            three.set()

    background.later(0.05, done.append, "later")
    background.every(0.01, again)
    future = background.submit(done.append, "now")
    assert future is not None
    future.result(timeout=10)
    assert three.wait(10)
    deadline = time.monotonic() + 10
    while "later" not in done and time.monotonic() < deadline:
        time.sleep(0.01)
    assert {"now", "later", "again"} == set(done)


def test_a_failure_is_logged_and_ends_nothing_else(background, caplog):
    attempts = threading.Semaphore(0)

    def fail() -> None:
        attempts.release()
        raise ValueError("told")

    with caplog.at_level(logging.ERROR, "hca_local"):
        background.every(0.01, fail)
        for _ in range(3):
            assert attempts.acquire(timeout=10)
    assert "told" in caplog.text


def test_stopping_waits_for_what_runs_but_not_for_ever():
    background = Background()
    started, go_on = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        while not background.stopped:
            time.sleep(0.01)

    future = background.submit(work)
    assert started.wait(10)
    background.later(3600, started.clear)
    background.stop()
    assert future is not None and future.done()
    assert background.submit(work) is None

    stubborn = Background()
    started.clear()

    def wait() -> None:
        started.set()
        go_on.wait(60)

    future = stubborn.submit(wait)
    assert started.wait(10)
    stubborn.stop(timeout=0.05)
    assert future is not None and not future.done()
    go_on.set()
    future.result(timeout=10)
