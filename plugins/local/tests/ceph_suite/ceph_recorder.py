"""A pytest plugin for ceph's S3 suite that records the outcome of each test, and the store's refusals.

It is loaded into the suite's own process (``-p ceph_recorder``), which has no hca. Each test is a
line of JSON in the file ``CEPH_RECORD``.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.httpsession import URLLib3Session

_CODE = re.compile(rb"<Code>(\w+)</Code>")

#: Refusals during the current test: HTTP status, S3's code.
refusals: list[tuple[int, str]] = []


def _watch(owner: Any) -> None:
    send = owner.send

    def watched(self: Any, request: Any, **options: Any) -> Any:
        answer = send(self, request, **options)
        if answer.status_code >= 400:
            code = _CODE.search(answer.content or b"")
            refusals.append((answer.status_code, code[1].decode() if code else ""))
        return answer

    owner.send = watched


_watch(URLLib3Session)
_watch(requests.Session)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One test needs an account without buckets, and others leave some."""
    items.sort(key=lambda item: item.name != "test_list_buckets_paginated")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Skip the requests that clean up accounts which the store does not have."""
    import s3tests.functional as suite

    suite.setup = lambda: None
    suite.teardown = lambda: suite.nuke_prefixed_buckets(prefix=suite.prefix)


def pytest_runtest_setup(item: pytest.Item) -> None:
    refusals.clear()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.when == "call" or report.outcome != "passed":
        row = {
            "name": item.name,
            "when": report.when,
            "outcome": report.outcome,
            "refusals": list(refusals),
            "why": repr(call.excinfo.value)[:500] if call.excinfo else "",
        }
        with Path(os.environ["CEPH_RECORD"]).open("a") as file:
            file.write(json.dumps(row) + "\n")
