"""The embedded search: a page of each kind of query over N bundles, by the index and by the evaluator, in one run.

``search.py [N]``: makes N bundles (default 2,000), asks for two pages of each query, and prints milliseconds of
processor time. The peer is the evaluator, which says what queries mean: it reads each document.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hca_local.search import Query, SearchIndex, compile_query
from hca_local.search.index import evaluated
from hca_local.store import Store

ORGANS = ("brain", "blood", "liver", "kidney")
PAGE = 100
QUERIES: dict[str, dict[str, Any]] = {
    "match": {"match": {"files.donor_json.organ.text": "brain"}},
    "range": {"range": {"files.donor_json.date": {"gte": "2018-03-01", "lt": "2018-09-01"}}},
    "wildcard": {"wildcard": {"manifest.files.name": "R1*"}},
    "exists": {"exists": {"field": "files.donor_json.organ"}},
    "words": {"query_string": {"query": "brain"}},
}


def document(number: int, dice: random.Random) -> dict[str, Any]:
    def name() -> str:
        return str(uuid.UUID(int=dice.getrandbits(128)))

    files = [{"name": f"R{part}.fastq.gz", "uuid": name(), "size": dice.randrange(10**9)} for part in range(3)]
    donors = [
        {"id": name(), "organ": {"text": ORGANS[number % 4]}, "date": f"2018-{number % 12 + 1:02}-{number % 28 + 1:02}"}
        for _ in range(5)
    ]
    version = f"2019-01-{number % 28 + 1:02}T000000.{number:06}Z"
    return {"uuid": name(), "manifest": {"version": version, "files": files}, "files": {"donor_json": donors}}


def milliseconds(ask: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    found = ask()
    return (time.process_time() - began) * 1000, found


def compare(store: Store, index: SearchIndex, query: Query) -> tuple[float, float, float]:
    with store.read() as db:
        first, page = milliseconds(lambda: index.search(db, "aws", query, None, PAGE, documents=False))
        last = page.hits[-1]
        after = (last.uuid, last.version)
        later, following = milliseconds(lambda: index.search(db, "aws", query, after, PAGE, documents=False))
        peer, expected = milliseconds(lambda: evaluated(db, "aws", query, after, PAGE))
    names = [[(hit.uuid, hit.version) for hit in each.hits] for each in (following, expected)]
    assert (names[0], following.total) == (names[1], expected.total), "the index differs from the evaluator"
    return first, later, peer


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        index = SearchIndex(store)
        began = time.process_time()
        for start in range(0, count, 200):
            with store.write() as db:
                for number in range(start, min(start + 200, count)):
                    made = document(number, dice)
                    index.add(db, "aws", made["uuid"], made["manifest"]["version"], made)
        print(f"{count} bundles, {(time.process_time() - began) * 1e3 / count:.2f} ms to index one")
        print(f"{'query':10} {'first page':>11} {'later page':>11} {'evaluator':>11}   (ms of processor time)")
        for name, query in QUERIES.items():
            times = compare(store, index, compile_query({"query": query}))
            print(f"{name:10} " + " ".join(f"{each:11.1f}" for each in times))


if __name__ == "__main__":
    main()
