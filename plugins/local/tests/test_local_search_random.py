"""The index agrees with the evaluator on random queries over metadata: the same documents, pages, totals."""

from __future__ import annotations

import copy
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from hca_local.search import BadQuery, SearchIndex, compile_query, values
from hca_local.search.sql import Untranslatable, translate
from hca_local.store import Store

from .search_queries import QueryMaker

OWN = [
    {
        "uuid": f"{number:08x}-0000-4000-8000-000000000000",
        "manifest": {
            "version": f"2019-0{number % 9 + 1}-01T000000.000000Z",
            "files": [{"name": f"R{number}.fastq.gz", "size": number * 1000, "indexed": number % 2 == 0}],
        },
        "files": {
            "donor_organism_json": [
                {
                    "organ": {"text": organ, "ontology": f"UBERON:000{number}"},
                    "age": age,
                    "weight": number / 4,
                    "alive": number % 3 == 0,
                    "note": note,
                }
            ],
            "project_json": {"project_core": {"project_title": f"A study of the {organ} in {number} mice"}},
        },
    }
    for number, (organ, age, note) in enumerate(
        [
            ("brain", "20", "x" * 300 + " end"),
            ("Brain of a mouse", 20, "2018-11-02T10:02:59.000Z"),
            ("Herz-Kreislauf", "20-25", "2018-11-02"),
            ("brain", None, "İstanbul ß \u0000 end"),
            ("blood", 1e300, ""),
            ("blood vessel of the brain", True, "[brackets] and * stars?"),
            ("brain text", "text", ["a", "A", "b c", 1, "1", 1.0]),
        ]
    )
]
OWN.append({"uuid": 5, "text": "own", "organ": "brain", "organ.text": "odd"})


def sample_documents(folder: Path) -> list[dict[str, Any]]:
    """The JSON objects in the files of a folder, and variants with some values changed or removed."""
    found: list[Any] = []
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        found += content if isinstance(content, list) else [content]
    documents = [document for document in found if isinstance(document, dict)]
    dice = random.Random(7)
    return documents + [_changed(copy.deepcopy(document), dice) for document in documents]


def _changed(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: _changed(each, dice) for key, each in value.items() if dice.random() > 0.1}
    if isinstance(value, list):
        return [_changed(each, dice) for each in value if dice.random() > 0.1]
    if dice.random() < 0.1:
        return dice.choice([None, 3, 3.5, True, "", "changed", "2018-01-01", str(value)[:5]])
    return value


def is_translated(db: Any, query: Any) -> bool:
    try:
        translate(db, query.root)
    except Untranslatable:
        return False
    return True


def compare(folder: Path, documents: list[dict[str, Any]], count: int, seed: int, *, by_index: bool = False) -> None:
    """Compare pages of random queries.

    :param by_index: skip those that the index delegates to the evaluator anyway
    """
    flat = [values.flatten(document) for document in documents]
    maker = QueryMaker(seed, flat)
    with Store(folder) as store:
        index = SearchIndex(store)
        with store.write() as db:
            for number, document in enumerate(documents):
                index.add(db, "aws", f"{number:05}", "v", document)
        found_some = asked = 0
        while asked < count:
            query = {"query": maker.query()}
            try:
                compiled = compile_query(query)
            except BadQuery:
                continue
            if by_index:
                with store.read() as db:
                    if not is_translated(db, compiled):
                        continue
            asked += 1
            expected = [f"{number:05}" for number in reversed(range(len(flat))) if compiled.root.matches(flat[number])]
            found_some += bool(expected)
            with store.read() as db:
                page = index.search(db, "aws", compiled, None, 10, documents=False)
                assert ([hit.uuid for hit in page.hits], page.total) == (expected[:10], len(expected)), query
                if len(expected) > 10:
                    after = (expected[9], "v")
                    following = index.search(db, "aws", compiled, after, 1000, documents=False)
                    assert ([hit.uuid for hit in following.hits], following.total) == (expected[10:], len(expected))
    assert found_some > count / 4, "most queries say nothing about these documents"


def test_random_queries_over_odd_documents(tmp_path):
    compare(tmp_path, OWN, 600, seed=1)


# In ten parts, because of the timeout for a test.
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(2, 12))
def test_10_000_random_queries_over_metadata(tmp_path, seed):
    folder = os.environ.get("HCA_TEST_METADATA")
    if not folder:
        pytest.skip("HCA_TEST_METADATA names no folder of metadata")
    compare(tmp_path, [*sample_documents(Path(folder)), *OWN], 1000, seed=seed, by_index=True)


@pytest.mark.parametrize("minimum", [1, 2, 3, "50%", -1])
def test_enough_of_several_clauses(tmp_path, minimum):
    """Clauses with all kinds of conditions, counted: terms, a negation, and one that matches every document."""
    is_brain, is_blood = ({"term": {"files.donor_organism_json.organ.text": organ}} for organ in ("brain", "blood"))
    should = [is_brain, {"bool": {"must_not": [is_blood]}}, {"match_all": {}}, {"exists": {"field": "organ.text"}}]
    query = compile_query({"query": {"bool": {"should": should, "minimum_should_match": minimum}}})
    flat = [values.flatten(document) for document in OWN]
    expected = [f"{number}" for number in reversed(range(len(flat))) if query.root.matches(flat[number])]
    assert expected
    with Store(tmp_path) as store:
        index = SearchIndex(store)
        with store.write() as db:
            for number, document in enumerate(OWN):
                index.add(db, "aws", f"{number}", "v", document)
        with store.read() as db:
            assert [hit.uuid for hit in index.search(db, "aws", query, None, 100).hits] == expected


def test_the_total_of_a_later_page_counts_what_came_meanwhile(tmp_path):
    with Store(tmp_path) as store:
        index = SearchIndex(store)
        query = compile_query({"query": {"exists": {"field": "uuid"}}})

        def total() -> int:
            with store.read() as db:
                return index.search(db, "aws", query, None, 1).total

        for number in range(3):
            with store.write() as db:
                index.add(db, "aws", f"u{number}", "v", {"uuid": f"u{number}"})
            assert total() == number + 1
        with pytest.raises(RuntimeError), store.write() as db:
            index.remove(db, "aws", "u0")
            raise RuntimeError
        assert total() == 3
        with store.write() as db:
            index.remove(db, "aws", "u0")
        assert total() == 2


@pytest.mark.parametrize(
    "query",
    [
        {"terms": {"n": list(range(40_000))}},
        {"terms": {"uuid": [f"u{number}" for number in range(40_000)]}},
        {"bool": {"should": [{"term": {"n": number}} for number in range(1000)]}},
        {"bool": {"should": [{"wildcard": {"uuid": f"u{number}*"}} for number in range(1000)]}},
        {"wildcard": {"uuid": "*" * 200 + "u"}},
        {"wildcard": {"uuid": "u" + "?" * 60_000}},
        {"match_phrase": {"t.text": "word " * 5000}},
    ],
    ids=["numbers", "texts", "clauses", "patterns", "stars", "long", "phrase"],
)
def test_the_largest_queries_are_answered(tmp_path, query):
    documents = [{"uuid": f"u{number}", "n": number, "t": "word " * number} for number in range(20)]
    with Store(tmp_path) as store:
        index = SearchIndex(store)
        with store.write() as db:
            for document in documents:
                index.add(db, "aws", document["uuid"], "v", document)
        compiled = compile_query({"query": query})
        expected = sorted((d["uuid"] for d in documents if compiled.matches(d)), reverse=True)
        with store.read() as db:
            assert [hit.uuid for hit in index.search(db, "aws", compiled, None, 100).hits] == expected


def test_documents_of_an_earlier_version_are_indexed_again(tmp_path):
    from hca_local.search.index import STEPS

    with Store(tmp_path) as store:
        store.migrate("search", STEPS[:1])
        with store.write() as db:
            db.execute(
                "INSERT INTO search_documents VALUES (1, 'aws', 'u', 'v', ?)", (json.dumps({"a": {"b": "c d"}}),)
            )
            db.execute("INSERT INTO search_values VALUES (1, 'a.b', 'c d', NULL)")
        index = SearchIndex(store)
        with store.write() as db:
            index.complete(db)
        with store.read() as db:
            for clause in ({"match": {"a.b.text": "d"}}, {"term": {"a.b": "c d"}}, {"exists": {"field": "a"}}):
                assert index.search(db, "aws", compile_query({"query": clause}), None, 9).total == 1


def test_an_index_without_tables_for_ranges_gets_them(tmp_path):
    document = {"n": [1, 2.5], "when": "2018-05-01T00:00:00Z", "word": "x"}
    queries = [
        {"range": {"n": {"gt": 2}}},
        {"range": {"when": {"gte": "2018-05", "lt": "2018-06"}}},
        {"range": {"word": {"gte": "w"}}},
    ]
    with Store(tmp_path) as store:
        index = SearchIndex(store)
        with store.write() as db:
            index.add(db, "aws", "u", "v", document)
            db.execute("DROP TABLE search_numbers")
            db.execute("DROP TABLE search_moments")
            db.execute("UPDATE schema_steps SET steps = 2 WHERE component = 'search'")
        index = SearchIndex(store)
        for query in queries:
            with store.read() as db:
                assert index.search(db, "aws", compile_query({"query": query}), None, 9).total == 1
        with store.write() as db:
            index.remove(db, "aws", "u")
            assert not db.execute("SELECT 1 FROM search_numbers UNION ALL SELECT 1 FROM search_moments").fetchall()
