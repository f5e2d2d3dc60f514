"""The index's rows: documents' distinct values by path, the words of those, and the shape of each document.

A value shared by many bundles is stored and analysed once; a document is a list of such terms. The shape of a document
is the set of its paths: there are few shapes, so "has this field" is a query over shapes. The words
come from our own analysis, not FTS5, whose tokens differ from the evaluator's.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from hca_local.search import values
from hca_local.search.values import Scalar

#: Types of values: string, string too long to be compared whole, number, boolean.
TEXT, LONG, NUMBER, TRUTH = "t", "l", "n", "b"

SCHEMA = """
DROP TABLE search_values;
ALTER TABLE search_documents ADD COLUMN shape INTEGER;
ALTER TABLE search_documents ADD COLUMN own_uuid TEXT;
ALTER TABLE search_documents ADD COLUMN own_name TEXT;
CREATE INDEX search_documents_in_order ON search_documents (replica, uuid, version, shape);
CREATE INDEX search_documents_by_own_uuid ON search_documents (own_uuid);
CREATE INDEX search_documents_by_own_name ON search_documents (own_name);
CREATE TABLE search_paths (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE search_shapes (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE);
CREATE TABLE search_shape_paths (
    path INTEGER NOT NULL, shape INTEGER NOT NULL, PRIMARY KEY (path, shape)) WITHOUT ROWID;
-- spelling: the value as text, or a digest of a long one. text: as it is compared whole. moment: microseconds, UTC.
CREATE TABLE search_terms (
    id INTEGER PRIMARY KEY, path INTEGER NOT NULL, kind TEXT NOT NULL, spelling TEXT NOT NULL,
    text TEXT, number REAL, moment INTEGER, long TEXT, UNIQUE (path, spelling, kind));
CREATE INDEX search_terms_by_text ON search_terms (path, text, kind, moment) WHERE text IS NOT NULL;
CREATE INDEX search_terms_by_number ON search_terms (path, number) WHERE number IS NOT NULL;
CREATE INDEX search_terms_by_moment ON search_terms (path, moment) WHERE moment IS NOT NULL;
CREATE TABLE search_postings (
    term INTEGER NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (term, document)) WITHOUT ROWID;
CREATE TABLE search_words (word TEXT NOT NULL, term INTEGER NOT NULL, PRIMARY KEY (word, term)) WITHOUT ROWID;
-- Counts changes, so that a total that was counted before is known to hold still.
CREATE TABLE search_state (changes INTEGER NOT NULL);
INSERT INTO search_state VALUES (0);
"""

#: Numbers and moments by document: a range can match as many terms as documents, each of which would be looked up.
RANGES = """
CREATE TABLE search_numbers (
    path INTEGER NOT NULL, number REAL NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (path, number, document)
) WITHOUT ROWID;
CREATE TABLE search_moments (
    path INTEGER NOT NULL, moment INTEGER NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (path, moment, document)
) WITHOUT ROWID;
INSERT OR IGNORE INTO search_numbers
    SELECT t.path, t.number, p.document FROM search_terms AS t JOIN search_postings AS p ON p.term = t.id
    WHERE t.number IS NOT NULL;
INSERT OR IGNORE INTO search_moments
    SELECT t.path, t.moment, p.document FROM search_terms AS t JOIN search_postings AS p ON p.term = t.id
    WHERE t.moment IS NOT NULL;
"""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_FIND_TERM = "SELECT id FROM search_terms WHERE path = ? AND spelling = ? AND kind = ?"


def write(db: sqlite3.Connection, document: int, content: Mapping[str, Any]) -> None:
    """Insert the rows of a document that has its row in ``search_documents``."""
    flat = values.flatten(content)
    paths = {path: _path(db, path) for path in flat}
    terms = {_term(db, paths[path], path, value) for path, found in flat.items() for value in _distinct(found)}
    db.executemany("INSERT INTO search_postings VALUES (?, ?)", [(term, document) for term in terms])
    numbers, moments = _ordered(flat, paths, document)
    db.executemany("INSERT OR IGNORE INTO search_numbers VALUES (?, ?, ?)", numbers)
    db.executemany("INSERT OR IGNORE INTO search_moments VALUES (?, ?, ?)", moments)
    uuid = next(iter(flat.get("uuid", ())), "")
    version = next(iter(flat.get("manifest.version", ())), "")
    db.execute(
        "UPDATE search_documents SET shape = ?, own_uuid = ?, own_name = ? WHERE id = ?",
        (_shape(db, paths.values()), uuid if isinstance(uuid, str) else None, f"{uuid}.{version}", document),
    )


def erase(db: sqlite3.Connection, document: int, content: Mapping[str, Any]) -> None:
    """Delete the rows of a document; terms that are no longer used stay, and match nothing."""
    found = []
    flat = values.flatten(content)
    paths = {}
    for path, scalars in flat.items():
        row = db.execute("SELECT id FROM search_paths WHERE path = ?", (path,)).fetchone()
        if row is None:
            continue
        paths[path] = row[0]
        for value in _distinct(scalars):
            term = db.execute(_FIND_TERM, (row[0], *spelled(value))).fetchone()
            if term is not None:
                found.append((term[0], document))
    db.executemany("DELETE FROM search_postings WHERE term = ? AND document = ?", found)
    numbers, moments = _ordered(flat, paths, document)
    db.executemany("DELETE FROM search_numbers WHERE path = ? AND number = ? AND document = ?", numbers)
    db.executemany("DELETE FROM search_moments WHERE path = ? AND moment = ? AND document = ?", moments)


def _ordered(
    flat: Mapping[str, Iterable[Scalar]], paths: Mapping[str, int], document: int
) -> tuple[set[tuple[int, float, int]], set[tuple[int, int, int]]]:
    """The rows of a document for ranges of numbers, and of moments."""
    numbers, moments = set(), set()
    for path, number in paths.items():
        for value in flat[path]:
            if isinstance(value, str):
                when = moment(value)
                if when is not None:
                    moments.add((number, when, document))
            elif not isinstance(value, bool):
                found = values.number(value)
                if found is not None:
                    numbers.add((number, found, document))
    return numbers, moments


def moment(value: Any) -> int | None:
    """A date as a comparable number; None if it is not a date."""
    found = values.date(value)
    return None if found is None else (found - _EPOCH) // _MICROSECOND


def spelled(value: Scalar) -> tuple[str, str]:
    """The key of a value: its text, or a digest of a long one, and its type."""
    text = values.as_text(value)
    if isinstance(value, bool):
        return text, TRUTH
    if not isinstance(value, str):
        return text, NUMBER
    if len(text) > values.KEYWORD_LIMIT:
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), LONG
    return text, TEXT


def _distinct(found: Iterable[Scalar]) -> Iterable[Scalar]:
    """Each value once; 1, 1.0 and True are different values."""
    return {spelled(value): value for value in found}.values()


def _path(db: sqlite3.Connection, path: str) -> int:
    row = db.execute("SELECT id FROM search_paths WHERE path = ?", (path,)).fetchone()
    if row is None:
        return _inserted(db, "INSERT INTO search_paths (path) VALUES (?)", (path,))
    return int(row[0])


def _shape(db: sqlite3.Connection, paths: Iterable[int]) -> int:
    ordered = sorted(paths)
    digest = hashlib.sha256(json.dumps(ordered).encode()).digest()
    row = db.execute("SELECT id FROM search_shapes WHERE digest = ?", (digest,)).fetchone()
    if row is not None:
        return int(row[0])
    shape = _inserted(db, "INSERT INTO search_shapes (digest) VALUES (?)", (digest,))
    db.executemany("INSERT INTO search_shape_paths VALUES (?, ?)", [(path, shape) for path in ordered])
    return shape


def _term(db: sqlite3.Connection, path_id: int, path: str, value: Scalar) -> int:
    spelling, kind = spelled(value)
    row = db.execute(_FIND_TERM, (path_id, spelling, kind)).fetchone()
    if row is not None:
        return int(row[0])
    number = values.number(value) if kind == NUMBER else None
    text = values.keyword(path, value)
    when = moment(value) if kind in (TEXT, LONG) else None
    term = _inserted(
        db,
        "INSERT INTO search_terms (path, kind, spelling, text, number, moment, long) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (path_id, kind, spelling, text, number, when, value if kind == LONG else None),
    )
    db.executemany("INSERT INTO search_words VALUES (?, ?)", [(word, term) for word in set(values.words(value))])
    return term


def _inserted(db: sqlite3.Connection, statement: str, arguments: tuple[Any, ...]) -> int:
    made = db.execute(statement, arguments).lastrowid
    assert made is not None
    return made
