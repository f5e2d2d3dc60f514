"""The requests of the Upload Service, one method for each."""

from __future__ import annotations

from hca_upload.api import ApiClient as Base
from hca_upload.errors import UploadApiException

from hca.upload.upload_config import UploadConfig

__all__ = ["ApiClient", "UploadApiException"]


class ApiClient(Base):
    """Makes the requests, and sends the API key with those that require it.

    :param deployment_stage: ``prod``, ``staging``, ``local``, …
    :param authentication_token: API key; default: the configured or stored one
    """

    def __init__(self, deployment_stage: str, authentication_token: str | None = None) -> None:
        self.auth_token = authentication_token
        super().__init__(deployment_stage, authentication_token, config=UploadConfig())
