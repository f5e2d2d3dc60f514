"""The Upload Service of the Human Cell Atlas, as a plugin of ``hca``.

::

    service = UploadService(deployment_stage="local", api_token=key)
    area = service.create_area(str(uuid.uuid4()))
    area.upload_files(["reads_R1.fastq.gz", "sample.json"])
    area.wait()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hca_upload.api import ApiClient as ApiClient
    from hca_upload.area import UploadArea as UploadArea
    from hca_upload.client import UploadClient as UploadClient
    from hca_upload.errors import NotReady as NotReady
    from hca_upload.errors import UploadApiException as UploadApiException
    from hca_upload.errors import UploadException as UploadException
    from hca_upload.settings import UploadConfig as UploadConfig
    from hca_upload.upload_service import UploadService as UploadService
    from hca_upload.uri import UploadAreaURI as UploadAreaURI

__version__ = "9.0.0"

_EXPORTS = {
    "ApiClient": ".api",
    "NotReady": ".errors",
    "UploadApiException": ".errors",
    "UploadArea": ".area",
    "UploadAreaURI": ".uri",
    "UploadClient": ".client",
    "UploadConfig": ".settings",
    "UploadException": ".errors",
    "UploadService": ".upload_service",
}

__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> object:
    import importlib

    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
