"""A session used before a fork opens new connections in the child."""

from __future__ import annotations

import multiprocessing

import pytest

from hca_base.http import Session, json_of

pytestmark = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")


def test_forked_children_get_their_own_answers(server, kit):
    server.script = lambda asked: kit.json({"path": asked.path})
    session = Session()
    session.get(server.url + "/first")

    def ask(number: int, answers) -> None:
        got = [json_of(session.get(f"{server.url}/{number}/{turn}"))["path"] for turn in range(50)]
        answers.put((number, got))

    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    children = [context.Process(target=ask, args=(number, answers)) for number in range(4)]
    for child in children:
        child.start()
    own = [json_of(session.get(f"{server.url}/own/{turn}"))["path"] for turn in range(50)]
    got = dict(answers.get(timeout=60) for _ in children)
    for child in children:
        child.join(30)
    assert own == [f"/own/{turn}" for turn in range(50)]
    assert got == {number: [f"/{number}/{turn}" for turn in range(50)] for number in range(4)}


def test_a_lock_that_was_held_is_free_in_the_child(server, kit):
    server.answers(kit.json(1))
    session = Session()
    session.get(server.url)
    context = multiprocessing.get_context("fork")
    with session._sender._lock:
        child = context.Process(target=session.get, args=(server.url,))
        child.start()
    child.join(20)
    assert child.exitcode == 0
