"""The search of the embedded deployment: the meaning of clauses, and the index as a mere prefilter."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hca_local.search import BadQuery, SearchIndex, compile_query
from hypothesis import given, settings
from hypothesis import strategies as st

PROJECT = "files.project_json.project_core.project_short_name"

TITLE = "A study of tumors"
TITLE_WORDS = "files.project_json.project_core.project_title.text"

DOCUMENT = {
    "uuid": "0a1B",
    "state": "new",
    "manifest": {
        "version": "2019-05-01T000000.000000Z",
        "creator_uid": 8008,
        "files": [{"name": "R1.fastq.gz", "size": 7}],
    },
    "files": {
        "project_json": [
            {"project_core": {"project_short_name": "Mouse Melanoma", "project_title": "A study of tumors"}}
        ],
        "donor_organism_json": [
            {"sex": "female", "organism_age": "20", "biomaterial_core": {"ncbi_taxon_id": [9606]}, "is_living": True},
            {"sex": "male", "weight": 71.5, "biomaterial_core": {"ncbi_taxon_id": [10090]}},
        ],
        "cell_suspension_json": [{"provenance": {"submission_date": "2018-11-02T10:02:59.000Z"}, "text": "own"}],
    },
}


class MemoryStore:
    """A minimal store: one connection."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:")

    def migrate(self, component: str, steps: list[str]) -> None:
        for step in steps:
            self.db.executescript(step)


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.db.close()


TAXON = "files.donor_organism_json.biomaterial_core.ncbi_taxon_id"
DATE = "files.cell_suspension_json.provenance.submission_date"

CLAUSES: list[tuple[dict[str, Any], bool]] = [
    ({"match_all": {}}, True),
    ({"match_none": {}}, False),
    ({}, True),
    ({"match": {PROJECT: "Mouse Melanoma"}}, True),
    ({"match": {PROJECT: "mouse melanoma"}}, True),
    # A keyword is compared as a whole: one of its words only matches on the analysed sub-field.
    ({"match": {PROJECT: "Mouse"}}, False),
    ({"match": {PROJECT + ".text": "mouse of course"}}, True),
    ({"match": {PROJECT + ".text": {"query": "mouse of course", "operator": "and"}}}, False),
    ({"match_phrase": {TITLE_WORDS: "of tumors"}}, True),
    ({"match_phrase": {TITLE_WORDS: "tumors of"}}, False),
    (
        {"match_phrase": {TITLE_WORDS: {"query": "study tumors", "slop": 1}}},
        True,
    ),
    ({"term": {TAXON: 9606}}, True),
    ({"term": {TAXON: "9606"}}, True),
    ({"term": {TAXON: {"value": 9607}}}, False),
    ({"terms": {TAXON: [1, 2, 10090]}}, True),
    ({"terms": {TAXON: []}}, False),
    ({"term": {"files.donor_organism_json.is_living": True}}, True),
    ({"term": {"files.donor_organism_json.is_living": False}}, False),
    ({"term": {"files.donor_organism_json.organism_age": 20}}, True),
    ({"term": {"uuid": "0a1B"}}, True),
    # uuid is mapped without the lower-case normaliser.
    ({"term": {"uuid": "0A1B"}}, False),
    ({"range": {"files.donor_organism_json.weight": {"gte": 70, "lt": 72}}}, True),
    ({"range": {"files.donor_organism_json.weight": {"gt": 71.5}}}, False),
    ({"range": {DATE: {"gte": "2018-11-01", "lte": "2018-11-03"}}}, True),
    ({"range": {DATE: {"gt": "2018-11-02T10:02:59Z"}}}, False),
    ({"range": {"manifest.version": {"gte": "2019-01-01", "lt": "2020"}}}, True),
    ({"exists": {"field": "files.project_json"}}, True),
    ({"exists": {"field": "files.project"}}, False),
    ({"prefix": {PROJECT: "mouse m"}}, True),
    ({"prefix": {PROJECT: "m*"}}, False),
    ({"wildcard": {PROJECT: "m?use*"}}, True),
    ({"wildcard": {PROJECT: "[m]*"}}, False),
    ({"wildcard": {"manifest.files.name": "*.fastq.gz"}}, True),
    ({"term": {"files.cell_suspension_json.text": "own"}}, True),
    ({"match": {"files.*.sex": "male"}}, True),
    ({"bool": {"must": [{"match": {PROJECT: "Mouse Melanoma"}}], "must_not": {"term": {TAXON: 9606}}}}, False),
    ({"bool": {"filter": {"term": {TAXON: 9606}}, "should": [{"match_none": {}}]}}, True),
    ({"bool": {"should": [{"match_none": {}}]}}, False),
    ({"bool": {"should": [{"match_all": {}}, {"match_none": {}}], "minimum_should_match": 2}}, False),
    ({"bool": {"should": [{"match_all": {}}, {"match_none": {}}], "minimum_should_match": "50%"}}, True),
    ({"bool": {}}, True),
    ({"constant_score": {"filter": {"term": {"state": "new"}}}}, True),
    ({"query_string": {"query": f'{PROJECT}:"mouse melanoma"'}}, True),
    ({"query_string": {"query": "state:new AND NOT state:old"}}, True),
    ({"query_string": {"query": "melanoma"}}, True),
    ({"query_string": {"query": "lymphoma"}}, False),
    ({"query_string": {"query": f"{TAXON}:[9000 TO 9700]"}}, True),
    ({"query_string": {"query": f"{TAXON}:[1 TO 5}}"}}, False),
    ({"query_string": {"query": "state:n* -state:old"}}, True),
    ({"query_string": {"query": "_exists_:manifest.version"}}, True),
    ({"query_string": {"query": "(male OR nobody) AND new"}}, True),
    ({"query_string": {"query": "male nobody", "default_operator": "AND"}}, False),
    ({"ids": {"values": ["0a1B.2019-05-01T000000.000000Z"]}}, True),
]


@pytest.mark.parametrize(("clause", "expected"), CLAUSES, ids=[str(clause)[:70] for clause, _ in CLAUSES])
def test_clause(clause: dict[str, Any], expected: bool, store: MemoryStore) -> None:
    query = compile_query({"query": clause})
    assert query.matches(DOCUMENT) is expected
    index = SearchIndex(store)
    index.add(store.db, "aws", "0a1B", "2019-05-01T000000.000000Z", DOCUMENT)
    assert index.search(store.db, "aws", query, None, 10).total == int(expected)


@pytest.mark.parametrize(
    ("es_query", "named"),
    [
        ([], "es_query"),
        ({"query": []}, "clause"),
        ({"query": {"nested": {}}}, "nested"),
        ({"query": {"regexp": {"a": "b"}}}, "regexp"),
        ({"query": {"__init__": {}}}, "__init__"),
        ({"query": {"compile": {}}}, "compile"),
        ({"sort": []}, "sort"),
        ({"query": {"match": {"a": {"query": "b", "fuzziness": 1}}}}, "fuzziness"),
        ({"query": {"match": {"a": "b", "c": "d"}}}, "match"),
        ({"query": {"term": {"a": ["b"]}}}, "term"),
        ({"query": {"range": {"a": {"from": 1}}}}, "from"),
        ({"query": {"bool": {"musst": []}}}, "musst"),
        ({"query": {"bool": {"should": [], "minimum_should_match": "x"}}}, "minimum_should_match"),
        ({"query": {"query_string": {"query": "a:("}}}, "query_string"),
        ({"query": {"query_string": {"query": "a~2"}}}, "Fuzzy"),
        ({"query": {"query_string": {"query": '"a b"~2.5'}}}, "cannot read"),
        ({"query": {"bool": {"should": [{}], "minimum_should_match": "inf%"}}}, "minimum_should_match"),
        ({"query": {"query_string": {"query": "("*5000 + "a" + ")"*5000}}}, "query_string"),
        ({"query": {"bool": {"must": [{"match_all": {}}] * 2000}}}, "1024"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named(es_query: Any, named: str) -> None:
    with pytest.raises(BadQuery, match=named):
        compile_query(es_query)


def test_a_query_nested_too_deep_is_refused() -> None:
    clause: dict[str, Any] = {"match_all": {}}
    for _ in range(60):
        clause = {"bool": {"must": [clause]}}
    with pytest.raises(BadQuery, match="deep"):
        compile_query({"query": clause})


def test_pages_cover_everything_once_in_descending_order(store: MemoryStore) -> None:
    index = SearchIndex(store)
    names = [(f"{uuid:08x}", f"2019-01-0{day}") for uuid in range(7) for day in (1, 2, 3)]
    random.Random(1).shuffle(names)
    for uuid, version in names:
        index.add(store.db, "aws", uuid, version, {"uuid": uuid})
    index.add(store.db, "gcp", "other", "v", {})
    seen: list[tuple[str, str]] = []
    after = None
    while True:
        page = index.search(store.db, "aws", compile_query({}), after, 4)
        assert page.total == 21
        seen += [(hit.uuid, hit.version) for hit in page.hits]
        if len(page.hits) < 4:
            break
        after = seen[-1]
    assert seen == sorted(names, reverse=True)


def test_what_is_removed_is_not_found_and_leaves_no_rows(store: MemoryStore) -> None:
    index = SearchIndex(store)
    for version in ("1", "2"):
        index.add(store.db, "aws", "u", version, DOCUMENT)
    index.remove(store.db, "aws", "u", "1")
    assert [hit.version for hit in index.search(store.db, "aws", compile_query({}), None, 9).hits] == ["2"]
    index.remove(store.db, "aws", "u")
    assert store.db.execute("SELECT count(*) FROM search_postings").fetchone() == (0,)


SCALARS = st.one_of(
    st.sampled_from(["a", "A", "b c", "1", "01", "2018-01-01", "true", ""]),
    st.integers(-3, 3),
    st.sampled_from([1.5, 1e300, True, False]),
)
FIELDS = st.sampled_from(["f", "g", "g.h", "f.text", "*", "missing"])
LEAVES = st.one_of(
    st.builds(lambda path, value: {"term": {path: value}}, FIELDS, SCALARS),
    st.builds(lambda path, value: {"match": {path: value}}, FIELDS, SCALARS),
    st.builds(lambda path, some: {"terms": {path: some}}, FIELDS, st.lists(SCALARS, max_size=3)),
    st.builds(lambda path, low: {"range": {path: {"gte": low}}}, FIELDS, SCALARS),
    st.builds(lambda path: {"exists": {"field": path}}, FIELDS),
    st.builds(lambda path, start: {"prefix": {path: start}}, FIELDS, st.sampled_from(["a", "b", "1", ""])),
)
QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {
            "bool": st.fixed_dictionaries(
                {},
                optional={name: st.lists(inner, max_size=3) for name in ("must", "should", "must_not", "filter")},
            )
        }
    ),
    max_leaves=8,
)
DOCUMENTS = st.fixed_dictionaries(
    {}, optional={"f": st.lists(SCALARS, max_size=3), "g": st.one_of(SCALARS, st.fixed_dictionaries({"h": SCALARS}))}
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(query=QUERIES, documents=st.lists(DOCUMENTS, min_size=1, max_size=6))
def test_the_index_and_the_evaluator_agree(query: dict[str, Any], documents: list[dict[str, Any]]) -> None:
    store = MemoryStore()
    index = SearchIndex(store)
    compiled = compile_query({"query": query})
    for number, document in enumerate(documents):
        index.add(store.db, "aws", f"{number:02}", "v", document)
    expected = {f"{number:02}" for number, document in enumerate(documents) if compiled.matches(document)}
    assert {hit.uuid for hit in index.search(store.db, "aws", compiled, None, 100).hits} == expected
    store.db.close()


def test_tables_of_the_parser_that_another_process_is_writing(tmp_path: Path) -> None:
    """luqum's file of parser tables is incomplete, and complete a moment later."""
    import luqum

    package = tmp_path / "luqum"
    shutil.copytree(Path(luqum.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    whole = (package / "parsetab.py").read_text()
    (package / "parsetab.py").write_text("")
    script = """if True:
        import sys, threading
        from pathlib import Path
        from hca_local.search import compile_query
        tables = Path(sys.argv[1])
        threading.Timer(0.5, tables.write_text, [tables.with_name("whole").read_text()]).start()
        compile_query({"query": {"query_string": {"query": "a AND b"}}})
    """
    (package / "whole").write_text(whole)
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, package / "parsetab.py"], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
