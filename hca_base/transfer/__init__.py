"""Parallel, resumable, verified downloads and uploads, and the store that holds what was downloaded.

What happens to one file of a download, in order:

1. ``_download/_scheduler.py``, ``Download._admit``: its name is checked (``_store/_names.py``), an item of the same
   content that is under way makes it wait, and a file that is already there ends it
   (``_store/_destination.py``, ``DirectoryDestination.present``).
2. It takes one of two paths. **The libcurl path** (``_download/_small.py``, ``CurlDownloader``) is for files of known
   size up to 256 KiB, if libcurl is installed; one event loop in the calling thread serves them all. **The thread
   path** (``_download/_fetch.py``) is for all others, and for whatever the libcurl path hands over: errors, wrong
   bytes, refusals.
3. The bytes are requested from its source; waits, redirects, expired addresses and refusals are handled in
   ``_download/_locate.py``, ``SourceResolver`` (with ``_download/_redirects.py``). Each host's limits are kept in
   ``_network/_limits.py``, ``HostLimiter``.
4. The bytes are received: up to 256 KiB into memory; above in one thread, in order (``_download/_stream.py``); from
   32 MiB on over several connections (``_download/_ranges.py``), if no other large file is under way. Files from
   8 MiB on keep a journal, from which a killed run is resumed (``_store/_partial.py``).
5. The size and the strongest checksum are compared (``_download/_verified.py``). Wrong bytes are fetched once more,
   then quarantined.
6. The file gets its place in the filestore and its name in the directory, complete or not at all
   (``_store/_filestore.py``, ``_store/_placing.py``).
7. ``_run.py``, ``TransferRun._finish``: its row goes to the report, the progress display and the caller.

An upload (``_upload/_scheduler.py``) has the same two paths: up to 256 KiB over libcurl (``_upload/_small.py``), else
in a thread (``_upload/_send.py``), in parts from 64 MiB on (``_upload/_multipart.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from hca_base.transfer._checksums import Checksums as Checksums
    from hca_base.transfer._checksums import Hashes as Hashes
    from hca_base.transfer._checksums import checksum_file as checksum_file
    from hca_base.transfer._checksums import checksum_files as checksum_files
    from hca_base.transfer._checksums import part_size_of as part_size_of
    from hca_base.transfer._download import download as download
    from hca_base.transfer._etags import matches_etag as matches_etag
    from hca_base.transfer._etags import usual_part_sizes as usual_part_sizes
    from hca_base.transfer._flags import add_transfer_options as add_transfer_options
    from hca_base.transfer._flags import options_from_args as options_from_args
    from hca_base.transfer._model import Item as Item
    from hca_base.transfer._model import Source as Source
    from hca_base.transfer._model import TransferOptions as TransferOptions
    from hca_base.transfer._model import UploadItem as UploadItem
    from hca_base.transfer._prefetch import prefetch as prefetch
    from hca_base.transfer._report import Report as Report
    from hca_base.transfer._report import Row as Row
    from hca_base.transfer._report import check_report as check_report
    from hca_base.transfer._report import human_bytes as human_bytes
    from hca_base.transfer._store._destination import DirectoryDestination as DirectoryDestination
    from hca_base.transfer._store._destination import check_directory as check_directory
    from hca_base.transfer._store._filestore import FileStore as FileStore
    from hca_base.transfer._store._interface import Destination as Destination
    from hca_base.transfer._store._names import HostileNameError as HostileNameError
    from hca_base.transfer._store._names import NameChecker as NameChecker
    from hca_base.transfer._store._names import check_names as check_names
    from hca_base.transfer._store._names import safe_join as safe_join
    from hca_base.transfer._store._names import safe_name as safe_name
    from hca_base.transfer._store._object_store import ObjectStoreDestination as ObjectStoreDestination
    from hca_base.transfer._upload._s3 import S3Credentials as S3Credentials
    from hca_base.transfer._upload._s3 import S3Target as S3Target
    from hca_base.transfer._upload._scheduler import upload as upload

_EXPORTS = {
    "Checksums": "._checksums",
    "Destination": "._store._interface",
    "DirectoryDestination": "._store._destination",
    "FileStore": "._store._filestore",
    "Hashes": "._checksums",
    "HostileNameError": "._store._names",
    "Item": "._model",
    "NameChecker": "._store._names",
    "ObjectStoreDestination": "._store._object_store",
    "Report": "._report",
    "Row": "._report",
    "S3Credentials": "._upload._s3",
    "S3Target": "._upload._s3",
    "Source": "._model",
    "TransferOptions": "._model",
    "UploadItem": "._model",
    "add_transfer_options": "._flags",
    "check_directory": "._store._destination",
    "check_names": "._store._names",
    "check_report": "._report",
    "checksum_file": "._checksums",
    "checksum_files": "._checksums",
    "download": "._download",
    "human_bytes": "._report",
    "matches_etag": "._etags",
    "options_from_args": "._flags",
    "part_size_of": "._checksums",
    "prefetch": "._prefetch",
    "safe_join": "._store._names",
    "safe_name": "._store._names",
    "upload": "._upload._scheduler",
    "usual_part_sizes": "._etags",
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _EXPORTS)
