"""The upload areas in the settings."""

from __future__ import annotations

from hca_upload.service import BUCKET_NAME_TEMPLATE, PREPROD_API_URL_TEMPLATE, PRODUCTION_API_URL
from hca_upload.settings import UploadConfig as Base
from hca_upload.uri import UploadAreaURI

from hca.config import get_config


class UploadConfig(Base):
    """The upload areas in the settings, including changes that a script made with :func:`hca.get_config`."""

    DEFAULT_BUCKET_NAME_TEMPLATE = BUCKET_NAME_TEMPLATE
    DEFAULT_PREPROD_API_URL_TEMPLATE = PREPROD_API_URL_TEMPLATE
    DEFAULT_PRODUCTION_API_URL = PRODUCTION_API_URL

    def __init__(self) -> None:
        source = get_config()
        source._load()
        super().__init__(source._settings())

    def add_area(self, uri: UploadAreaURI) -> None:
        super().add_area(uri)
        get_config()._load()

    def select_area(self, area_uuid: str) -> None:
        super().select_area(area_uuid)
        get_config()._load()

    def forget_area(self, area_uuid: str) -> None:
        super().forget_area(area_uuid)
        get_config()._load()
