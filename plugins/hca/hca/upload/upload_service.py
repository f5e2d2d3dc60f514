"""A deployment of the Upload Service."""

from __future__ import annotations

from hca_upload.upload_service import UploadService as Base

from hca.upload.upload_config import UploadConfig


class UploadService(Base):
    """A deployment of the Upload Service.

    :param deployment_stage: ``prod``, ``staging``, ``local``, …
    :param api_token: API key; default: the configured or stored one
    """

    def __init__(self, deployment_stage: str = "prod", api_token: str | None = None) -> None:
        super().__init__(deployment_stage, api_token, config=UploadConfig().config)

    @staticmethod
    def config() -> UploadConfig:
        """The upload areas in the settings."""
        return UploadConfig()
