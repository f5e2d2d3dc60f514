"""The search documents of the bundles in SQLite: added, removed, and found by a query, page by page."""

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
#: A released step never changes; later ones are appended.
STEPS = [_FIRST, rows.SCHEMA, rows.RANGES]
#: Queries whose totals are remembered for their further pages.
_REMEMBERED = 1000


class Migrating(Protocol):
    """What the index needs of the store."""

    def migrate(self, component: str, steps: list[str]) -> None: ...


@dataclass(frozen=True)
class Hit:
    """A bundle that matched.

    :ivar document: its search document, if that was asked for
    """

    uuid: str
    version: str
    document: dict[str, Any] | None


@dataclass(frozen=True)
class SearchPage:
    """A page of hits, and how many documents match in all."""

    hits: list[Hit]
    total: int


class SearchIndex:
    """Adds, removes and finds the search documents of bundles, one space for each replica."""

    def __init__(self, store: Migrating) -> None:
        store.migrate("search", STEPS)
        self._totals: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def complete(self, db: sqlite3.Connection) -> None:
        """Index the documents that an earlier version of hca-local left, in the caller's transaction."""
        for number, text in db.execute("SELECT id, document FROM search_documents WHERE shape IS NULL").fetchall():
            rows.write(db, number, json.loads(text))

    def add(self, db: sqlite3.Connection, replica: str, uuid: str, version: str, document: Mapping[str, Any]) -> None:
        """Put a document into the index, in the caller's transaction; one of the same name is replaced."""
        self.remove(db, replica, uuid, version)
        made = db.execute(
            "INSERT INTO search_documents (replica, uuid, version, document) VALUES (?, ?, ?, ?)",
            (replica, uuid, version, json.dumps(document)),
        ).lastrowid
        assert made is not None
        rows.write(db, made, document)

    def remove(self, db: sqlite3.Connection, replica: str, uuid: str, version: str | None = None) -> None:
        """Take a version, or all versions, of a bundle out of the index, in the caller's transaction."""
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
        """Find what matches, in descending order of uuid and version (the original's order).

        :param after: uuid and version of the last hit of the page before
        :param limit: how many hits to return at most
        :param documents: give the search documents too
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
        """How many documents match; counted once for all pages, as long as no document comes or goes."""
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
    """The same by looking at every document."""
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
