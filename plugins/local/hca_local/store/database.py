"""The SQLite side of the store: connections, transactions, schema steps, settings.

Durability: after a block ``with store.write()`` the changes are on disk. The database runs in WAL mode with
``synchronous=FULL``, so that each commit syncs the log, and blobs are synced before they are referenced. A crash
at any point loses nothing acknowledged, and neither does a power failure on a disk that honours fsync. (A sync
takes well under a millisecond on a current disk, and small blobs share the sync of the commit that references them.)
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from hca_base.errors import HCAError

FORMAT = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS schema_steps (component TEXT PRIMARY KEY, steps INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blob_references (component TEXT PRIMARY KEY, query TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs (
    sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL, md5 TEXT NOT NULL, sha1 TEXT NOT NULL, crc32c TEXT NOT NULL,
    s3_etag TEXT NOT NULL, segments TEXT NOT NULL, data BLOB) WITHOUT ROWID;
"""


#: Writes pending rows in a transaction; the returned function is called once the transaction is on disk.
Flush = Callable[[sqlite3.Connection], Callable[[], None]]


class StoreError(HCAError):
    """The data directory is not usable."""


class Database:
    """The rows of one data directory. Thread-safe; every method is synchronous.

    :param data_dir: created, readable by its owner only, if it does not exist
    :raises StoreError: it cannot be created or read, or a later version of hca-local wrote it
    """

    def __init__(self, data_dir: Path | str) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.path = self.data_dir / "store.sqlite"
        self._lock = threading.RLock()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._closed = False
        self._flushes: list[Flush] = []
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._writer = self._open()
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the data directory {self.data_dir} cannot be used: {error}",
                hint="choose another with --data-dir, or empty this one with: hca local reset",
            ) from error
        self.path.chmod(0o600)

    def on_write(self, flush: Flush) -> None:
        """Register a function that writes pending rows with the next transaction.

        :param flush: called with the connection when a transaction begins and before it ends; returns what to call once
            the transaction is on disk
        """
        self._flushes.append(flush)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=60, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        connection.row_factory = sqlite3.Row
        # 8 MiB of cache per connection: a search over many bundles uses more pages than SQLite caches by default.
        pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-8192")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _prepare(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version > FORMAT:
            raise StoreError(f"the data directory {self.data_dir} was written by a later version of hca-local")
        with self.write() as db:
            for statement in _statements(_SCHEMA):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={FORMAT}")

    def close(self) -> None:
        """Close all connections; the store is not usable afterwards."""
        with self._lock, self._readers_lock:
            if self._closed:
                return
            self._closed = True
            for connection in (*self._readers, self._writer):
                connection.close()
            self._readers.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction with a consistent snapshot of the database. Never ``await`` inside.

        Inside :meth:`write` it is the writer's connection, so that a transaction sees its own changes.
        """
        current = getattr(self._local, "connection", None)
        if current is not None:
            yield current
            return
        with self._readers_lock:
            if self._closed:
                raise StoreError("the store is closed")
            connection = self._readers.pop() if self._readers else None
        if connection is None:
            connection = self._open()
        self._local.connection = connection
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
        finally:
            self._local.connection = None
            with self._readers_lock:
                if self._closed:
                    connection.close()
                else:
                    self._readers.append(connection)

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, committed when the block ends, rolled back on errors. Never ``await`` inside.

        Writers wait for each other. A nested ``write`` joins the outer one, which commits or rolls back both.
        """
        with self._lock:
            if getattr(self._local, "writing", False):
                yield self._writer
                return
            if self._closed:
                raise StoreError("the store is closed")
            outer = getattr(self._local, "connection", None)
            self._local.connection, self._local.writing = self._writer, True
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    written = [flush(self._writer) for flush in self._flushes]
                    yield self._writer
                    written += [flush(self._writer) for flush in self._flushes]
                    self._writer.execute("COMMIT")
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
                for done in written:
                    done()
            finally:
                self._local.connection, self._local.writing = outer, False

    def exclusive(self) -> AbstractContextManager[Any]:
        """The writers' lock: while it is held, only the holder can write."""
        return self._lock

    def migrate(self, component: str, steps: Sequence[str]) -> None:
        """Update a component's tables to the current schema.

        :param steps: SQL scripts, in order; released ones never change, later versions append. Each runs once.
        :raises StoreError: the data directory was used by a version with more steps
        """
        with self.write() as db:
            row = db.execute("SELECT steps FROM schema_steps WHERE component = ?", (component,)).fetchone()
            done = row["steps"] if row else 0
            if done > len(steps):
                raise StoreError(f"the data directory {self.data_dir} was written by a later version of hca-local")
            for script in steps[done:]:
                for statement in _statements(script):
                    db.execute(statement)
            db.execute("INSERT OR REPLACE INTO schema_steps VALUES (?, ?)", (component, len(steps)))

    def add_references(self, component: str, query: str) -> None:
        """Register a query for the sha256 of the blobs that a component uses; others are garbage.

        The query is stored with the data, so that a component that is not loaded keeps its blobs.
        """
        with self.write() as db:
            db.execute(f"SELECT * FROM ({query}) LIMIT 1")
            db.execute("INSERT OR REPLACE INTO blob_references VALUES (?, ?)", (component, query))

    def get_setting(self, name: str, default: Any = None) -> Any:
        """A small value stored by :meth:`set_setting`."""
        with self.read() as db:
            row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return json.loads(row["value"]) if row else default

    def set_setting(self, name: str, value: Any) -> None:
        """Store a small JSON value."""
        with self.write() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))


def _statements(script: str) -> Iterator[str]:
    """The statements of an SQL script; ``executescript`` would commit the surrounding transaction."""
    statement = ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n\t;"):
                yield statement.strip()
            statement = ""
    if statement.strip(" \n\t;"):
        raise ValueError(f"an SQL script ends inside a statement: {statement.strip()[:80]}")
