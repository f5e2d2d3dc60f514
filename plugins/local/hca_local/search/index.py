"""The search documents of the bundles in SQLite: adds, removes, and queries them, page by page."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hca_local.search import rows
from hca_local.search.conditions import Condition
from hca_local.search.query import Query
from hca_local.search.sql import Untranslatable, translate

_FIRST = """
CREATE TABLE search_documents (
    id INTEGER PRIMARY KEY,
    replica TEXT NOT NULL,
    uuid TEXT NOT NULL,
    version TEXT NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (replica, uuid, version)
);
CREATE TABLE search_values (
    document INTEGER NOT NULL REFERENCES search_documents (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    text TEXT,
    number REAL
);
CREATE INDEX search_values_by_text ON search_values (path, text, document);
CREATE INDEX search_values_by_number ON search_values (path, number, document);
CREATE INDEX search_values_by_document ON search_values (document);
"""
#: Released steps never change; new ones are appended.
STEPS = [_FIRST, rows.SCHEMA, rows.RANGES]
#: Number of queries whose totals are cached for their further pages.
_REMEMBERED = 1000


class Migrating(Protocol):
    """The parts of the store that the index uses."""

    def migrate(self, component: str, steps: list[str]) -> None: ...


@dataclass(frozen=True)
class Hit:
    """A matching bundle.

    :ivar document: its search document, if requested
    """

    uuid: str
    version: str
    document: dict[str, Any] | None


@dataclass(frozen=True)
class SearchPage:
    """A page of hits, and the total number of matching documents."""

    hits: list[Hit]
    total: int


class SearchIndex:
    """Adds, removes and finds the search documents of bundles, in a separate space for each replica."""

    def __init__(self, store: Migrating) -> None:
        store.migrate("search", STEPS)
        self._totals: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def complete(self, db: sqlite3.Connection) -> None:
        """Index the documents stored by an earlier version of hca-local, in the caller's transaction."""
        for number, text in db.execute("SELECT id, document FROM search_documents WHERE shape IS NULL").fetchall():
            rows.write(db, number, json.loads(text))

    def add(self, db: sqlite3.Connection, replica: str, uuid: str, version: str, document: Mapping[str, Any]) -> None:
        """Add a document to the index, in the caller's transaction; one with the same name is replaced."""
        self.remove(db, replica, uuid, version)
        made = db.execute(
            "INSERT INTO search_documents (replica, uuid, version, document) VALUES (?, ?, ?, ?)",
            (replica, uuid, version, json.dumps(document)),
        ).lastrowid
        assert made is not None
        rows.write(db, made, document)

    def remove(self, db: sqlite3.Connection, replica: str, uuid: str, version: str | None = None) -> None:
        """Remove a version, or all versions, of a bundle from the index, in the caller's transaction."""
        where, arguments = "replica = ? AND uuid = ?", [replica, uuid]
        if version is not None:
            where, arguments = where + " AND version = ?", [*arguments, version]
        db.execute("UPDATE search_state SET changes = changes + 1")
        for number, text in db.execute(
            f"SELECT id, document FROM search_documents WHERE {where}", arguments
        ).fetchall():
            rows.erase(db, number, json.loads(text))
            db.execute("DELETE FROM search_documents WHERE id = ?", (number,))

    def search(
        self,
        db: sqlite3.Connection,
        replica: str,
        query: Query,
        after: tuple[str, str] | None,
        limit: int,
        *,
        documents: bool = True,
    ) -> SearchPage:
        """Find matches, in descending order of uuid and version (the original's order).

        :param after: uuid and version of the last hit of the previous page
        :param limit: maximum number of hits
        :param documents: include the search documents
        """
        try:
            condition = translate(db, query.root)
        except Untranslatable:
            return evaluated(db, replica, query, after, limit)
        where, arguments = f"d.replica = ? AND {condition.text}", [replica, *condition.arguments]
        position = ""
        if after is not None:
            position, arguments = " AND (d.uuid, d.version) < (?, ?)", [*arguments, *after]
        found = db.execute(
            f"SELECT d.uuid, d.version, {'d.document' if documents else 'NULL'} FROM search_documents AS d "
            f"WHERE {where}{position} ORDER BY d.uuid DESC, d.version DESC LIMIT ?",
            [*arguments, limit],
        )
        hits = [Hit(uuid, version, json.loads(text) if documents else None) for uuid, version, text in found]
        return SearchPage(hits, self._total(db, replica, query, condition))

    def _total(self, db: sqlite3.Connection, replica: str, query: Query, condition: Condition) -> int:
        """The number of matching documents; cached for further pages until a document is added or removed."""
        (changes,) = db.execute("SELECT changes FROM search_state").fetchone()
        name = (replica, query.text)
        with self._lock:
            known = self._totals.get(name)
            if known is not None and known[0] == changes:
                return known[1]
        (total,) = db.execute(
            f"SELECT count(*) FROM search_documents AS d WHERE d.replica = ? AND {condition.text}",
            [replica, *condition.arguments],
        ).fetchone()
        with self._lock:
            self._totals[name] = (changes, total)
            while len(self._totals) > _REMEMBERED:
                self._totals.popitem(last=False)
        return int(total)


def evaluated(
    db: sqlite3.Connection, replica: str, query: Query, after: tuple[str, str] | None, limit: int
) -> SearchPage:
    """The same by evaluating every document."""
    hits: list[Hit] = []
    total = 0
    for uuid, version, document in _documents(db, replica):
        if query.matches(document):
            total += 1
            if len(hits) < limit and (after is None or (uuid, version) < after):
                hits.append(Hit(uuid, version, document))
    return SearchPage(hits, total)


def _documents(db: sqlite3.Connection, replica: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for uuid, version, text in db.execute(
        "SELECT uuid, version, document FROM search_documents WHERE replica = ? ORDER BY uuid DESC, version DESC",
        (replica,),
    ):
        yield uuid, version, json.loads(text)
