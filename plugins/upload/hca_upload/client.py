"""The client of the service's document: a method for every operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hca_upload.service import SERVICE

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_upload.operations import UploadOperations as Operations
else:
    from hca_base.openapi import Client as Operations


class UploadClient(Operations):
    """A client of the Upload Service's operations (``get_area_checksums``, ``post_area_credential``, …).

    For higher-level methods, such as uploading a directory, use :class:`hca_upload.UploadService` and
    :class:`hca_upload.UploadArea`.

    :param config: settings; default: the user's
    :param swagger_url: URL or path of the service's document; overrides the setting ``upload.swagger_url``
    :param options: further arguments of :class:`hca_base.openapi.Client`
    """

    default_service = SERVICE
    example_name = "upload"

    def __init__(
        self, config: Config | None = None, swagger_url: str | None = None, *, service: Any = None, **options: Any
    ) -> None:
        super().__init__(service, config=config, swagger_url=swagger_url, **options)
