"""The search documents of the bundles in SQLite, with their values by path, so that few of them have to be read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hca_local.search import values
from hca_local.search.query import Query

SCHEMA = """
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


class Migrating(Protocol):
    """What the index needs of the store."""

    def migrate(self, component: str, steps: list[str]) -> None: ...


@dataclass(frozen=True)
class Hit:
    """A bundle that matched."""

    uuid: str
    version: str
    document: dict[str, Any]


@dataclass(frozen=True)
class SearchPage:
    """A page of hits, and how many documents match in all."""

    hits: list[Hit]
    total: int


class SearchIndex:
    """Adds, removes and finds the search documents of bundles, one space for each replica."""

    def __init__(self, store: Migrating) -> None:
        store.migrate("search", [SCHEMA])

    def add(self, db: sqlite3.Connection, replica: str, uuid: str, version: str, document: Mapping[str, Any]) -> None:
        """Put a document into the index, in the caller's transaction; one of the same name is replaced."""
        self.remove(db, replica, uuid, version)
        row = db.execute(
            "INSERT INTO search_documents (replica, uuid, version, document) VALUES (?, ?, ?, ?)",
            (replica, uuid, version, json.dumps(document)),
        )
        rows = set()
        for path, found in values.flatten(document).items():
            for value in found:
                rows.add((row.lastrowid, path, values.keyword(path, value), _plain_number(value)))
        db.executemany("INSERT INTO search_values VALUES (?, ?, ?, ?)", rows)

    def remove(self, db: sqlite3.Connection, replica: str, uuid: str, version: str | None = None) -> None:
        """Take a version, or all versions, of a bundle out of the index, in the caller's transaction."""
        where, arguments = "replica = ? AND uuid = ?", [replica, uuid]
        if version is not None:
            where, arguments = where + " AND version = ?", [*arguments, version]
        # Spelled out, and not left to ON DELETE CASCADE: that depends on a setting of the connection.
        db.execute(
            f"DELETE FROM search_values WHERE document IN (SELECT id FROM search_documents WHERE {where})", arguments
        )
        db.execute(f"DELETE FROM search_documents WHERE {where}", arguments)

    def search(
        self, db: sqlite3.Connection, replica: str, query: Query, after: tuple[str, str] | None, limit: int
    ) -> SearchPage:
        """Find what matches, in descending order of uuid and version (the original's order).

        :param after: uuid and version of the last hit of the page before
        :param limit: how many hits to return at most
        """
        where, arguments = "replica = ?", [replica]
        found = query.candidates()
        if found is not None:
            where, arguments = f"{where} AND {found[0]}", arguments + found[1]
        rows = db.execute(
            f"SELECT uuid, version, document FROM search_documents WHERE {where} ORDER BY uuid DESC, version DESC",
            arguments,
        )
        hits: list[Hit] = []
        total = 0
        for uuid, version, text in rows:
            document = None
            if not query.matches_all:
                document = json.loads(text)
                if not query.matches(document):
                    continue
            total += 1
            if len(hits) < limit and (after is None or (uuid, version) < after):
                hits.append(Hit(uuid, version, json.loads(text) if document is None else document))
        return SearchPage(hits, total)


def _plain_number(value: values.Scalar) -> float | None:
    return None if isinstance(value, str) else values.number(value)
