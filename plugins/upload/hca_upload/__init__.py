"""The Upload Service of the Human Cell Atlas, as a plugin of ``hca``.

::

    service = UploadService(deployment_stage="local", api_token=key)
    area = service.create_area(str(uuid.uuid4()))
    area.upload_files(["reads_R1.fastq.gz", "sample.json"])
    area.wait()
"""

from __future__ import annotations

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
