"""Moving files: parallel, resumable, verified downloads and uploads, and the store that holds what was downloaded."""

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
    from hca_base.transfer._store._destination import Destination as Destination
    from hca_base.transfer._store._destination import DirectoryDestination as DirectoryDestination
    from hca_base.transfer._store._filestore import FileStore as FileStore
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
    "Destination": "._store._destination",
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
    "check_names": "._store._names",
    "check_report": "._report",
    "checksum_file": "._checksums",
    "checksum_files": "._checksums",
    "download": "._download",
    "human_bytes": "._report",
    "options_from_args": "._flags",
    "part_size_of": "._checksums",
    "prefetch": "._prefetch",
    "safe_join": "._store._names",
    "safe_name": "._store._names",
    "upload": "._upload._scheduler",
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _EXPORTS)
