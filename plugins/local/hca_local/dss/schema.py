"""The tables of the embedded DSS. Released steps never change; new ones are appended."""

from __future__ import annotations

_FIRST = """
-- A file version. document: its metadata as JSON, the text that a repeated PUT is compared with.
-- sha256: of the bytes as they are, which is not what document says if the uploader's tag was wrong.
CREATE TABLE dss_files (
    replica TEXT NOT NULL, uuid TEXT NOT NULL, version TEXT NOT NULL, document TEXT NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (replica, uuid, version)) WITHOUT ROWID;
CREATE INDEX dss_files_by_content ON dss_files (sha256);

-- A file version whose bytes are still being copied (state RUNNING) or could not be (FAILED).
CREATE TABLE dss_copies (
    replica TEXT NOT NULL, uuid TEXT NOT NULL, version TEXT NOT NULL, document TEXT NOT NULL, task TEXT NOT NULL,
    bucket TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, cause TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (replica, uuid, version)) WITHOUT ROWID;

-- manifest: JSON, byte for byte what a repeated PUT is compared with.
CREATE TABLE dss_bundles (
    replica TEXT NOT NULL, uuid TEXT NOT NULL, version TEXT NOT NULL, manifest TEXT NOT NULL,
    PRIMARY KEY (replica, uuid, version)) WITHOUT ROWID;
-- version '' stands for the whole bundle.
CREATE TABLE dss_tombstones (
    replica TEXT NOT NULL, uuid TEXT NOT NULL, version TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (replica, uuid, version)) WITHOUT ROWID;
CREATE VIEW dss_living_bundles AS
    SELECT * FROM dss_bundles AS b WHERE NOT EXISTS (
        SELECT 1 FROM dss_tombstones AS t
        WHERE t.replica = b.replica AND t.uuid = b.uuid AND (t.version = '' OR t.version = b.version));

-- Bundles whose files lie in the checkout bucket under names of their own.
CREATE TABLE dss_checked_out (
    replica TEXT NOT NULL, uuid TEXT NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (replica, uuid, version)) WITHOUT ROWID;
CREATE TABLE dss_checkouts (
    job TEXT PRIMARY KEY, replica TEXT NOT NULL, uuid TEXT NOT NULL, version TEXT NOT NULL, bucket TEXT NOT NULL,
    state TEXT NOT NULL, result TEXT NOT NULL DEFAULT '') WITHOUT ROWID;

-- listed: 0 for versions that PATCH made, which the list of collections leaves out.
CREATE TABLE dss_collections (
    replica TEXT NOT NULL, uuid TEXT NOT NULL, version TEXT NOT NULL, owner TEXT NOT NULL, listed INTEGER NOT NULL,
    document TEXT NOT NULL, PRIMARY KEY (replica, uuid, version)) WITHOUT ROWID;
CREATE INDEX dss_collections_by_owner ON dss_collections (owner, uuid, version);
CREATE TABLE dss_collection_tombstones (
    replica TEXT NOT NULL, uuid TEXT NOT NULL, owner TEXT NOT NULL, time TEXT NOT NULL,
    PRIMARY KEY (replica, uuid)) WITHOUT ROWID;

CREATE TABLE dss_subscriptions (
    replica TEXT NOT NULL, uuid TEXT NOT NULL, owner TEXT NOT NULL, type TEXT NOT NULL, created TEXT NOT NULL,
    document TEXT NOT NULL, PRIMARY KEY (replica, uuid)) WITHOUT ROWID;

-- One row an event; its document is an object of the events bucket, named journal.
CREATE TABLE dss_events (
    replica TEXT NOT NULL, timestamp TEXT NOT NULL, type TEXT NOT NULL, uuid TEXT NOT NULL, version TEXT NOT NULL,
    journal TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (replica, timestamp)) WITHOUT ROWID;
CREATE INDEX dss_events_by_bundle ON dss_events (replica, uuid, version);
"""

STEPS = [_FIRST]
REFERENCES = "SELECT sha256 FROM dss_files"
