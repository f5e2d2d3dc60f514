"""Moving files: parallel, resumable, verified downloads and uploads, and the store that holds what was downloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from ._checksums import Checksums as Checksums
    from ._checksums import Hashes as Hashes
    from ._checksums import checksum_file as checksum_file
    from ._checksums import checksum_files as checksum_files
    from ._checksums import part_size_of as part_size_of
    from ._destination import Destination as Destination
    from ._destination import DirectoryDestination as DirectoryDestination
    from ._download import download as download
    from ._feed import prefetch as prefetch
    from ._filestore import FileStore as FileStore
    from ._flags import add_transfer_options as add_transfer_options
    from ._flags import options_from_args as options_from_args
    from ._model import Item as Item
    from ._model import Source as Source
    from ._model import TransferOptions as TransferOptions
    from ._model import UploadItem as UploadItem
    from ._names import HostileNameError as HostileNameError
    from ._names import NameChecker as NameChecker
    from ._names import check_names as check_names
    from ._names import safe_join as safe_join
    from ._names import safe_name as safe_name
    from ._object_store import ObjectStoreDestination as ObjectStoreDestination
    from ._report import Report as Report
    from ._report import Row as Row
    from ._report import check_report as check_report
    from ._report import human_bytes as human_bytes
    from ._s3 import S3Credentials as S3Credentials
    from ._s3 import S3Target as S3Target
    from ._upload import upload as upload

_EXPORTS = {
    "Checksums": "._checksums",
    "Destination": "._destination",
    "DirectoryDestination": "._destination",
    "FileStore": "._filestore",
    "Hashes": "._checksums",
    "HostileNameError": "._names",
    "Item": "._model",
    "NameChecker": "._names",
    "ObjectStoreDestination": "._object_store",
    "Report": "._report",
    "Row": "._report",
    "S3Credentials": "._s3",
    "S3Target": "._s3",
    "Source": "._model",
    "TransferOptions": "._model",
    "UploadItem": "._model",
    "add_transfer_options": "._flags",
    "check_names": "._names",
    "check_report": "._report",
    "checksum_file": "._checksums",
    "checksum_files": "._checksums",
    "download": "._download",
    "human_bytes": "._report",
    "options_from_args": "._flags",
    "part_size_of": "._checksums",
    "prefetch": "._feed",
    "safe_join": "._names",
    "safe_name": "._names",
    "upload": "._upload",
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _EXPORTS)
