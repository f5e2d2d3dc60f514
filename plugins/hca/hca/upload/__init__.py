"""``hca.upload``: the client of the Upload Service, with the names of hca 7."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hca._moved import moved

if TYPE_CHECKING:
    from hca.upload.exceptions import UploadException as UploadException
    from hca.upload.upload_area import UploadArea as UploadArea
    from hca.upload.upload_area_uri import UploadAreaURI as UploadAreaURI
    from hca.upload.upload_config import UploadConfig as UploadConfig
    from hca.upload.upload_service import UploadService as UploadService

moved(__name__, "hca_upload has UploadService, UploadArea, UploadAreaURI and UploadConfig")

_NAMES = {
    "UploadArea": ".upload_area",
    "UploadAreaURI": ".upload_area_uri",
    "UploadConfig": ".upload_config",
    "UploadException": ".exceptions",
    "UploadService": ".upload_service",
}
_MODULES = ("cli", "exceptions", "lib", "upload_area", "upload_area_uri", "upload_config", "upload_service")

__all__ = ["UploadArea", "UploadAreaURI", "UploadConfig", "UploadException", "UploadService"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name], __name__), name)
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*_NAMES, *_MODULES})
