"""The entry point of the library: a deployment of the Upload Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_upload.api import ApiClient
from hca_upload.area import UploadArea
from hca_upload.settings import UploadConfig
from hca_upload.uri import UploadAreaURI

if TYPE_CHECKING:
    from hca_base.config import Config


class UploadService:
    """A deployment of the Upload Service.

    :param deployment_stage: ``prod``, ``staging``, ``local``, …; an area's URI contains its stage
    :param api_token: API key, for creating and deleting areas, storing files and validating; default: the configured
        or stored one
    :param config: settings; default: the user's
    """

    def __init__(
        self, deployment_stage: str = "prod", api_token: str | None = None, *, config: Config | None = None
    ) -> None:
        self.deployment_stage = deployment_stage
        self.api_token = api_token
        self.settings = UploadConfig(config)
        self.api_client = ApiClient(deployment_stage, api_token, config=self.settings)

    def __repr__(self) -> str:
        return f"<UploadService {self.api_client.url}>"

    @staticmethod
    def config() -> UploadConfig:
        """The upload areas in the user's configuration."""
        return UploadConfig()

    def create_area(self, area_uuid: str) -> UploadArea:
        """Create an area; an existing area is not changed.

        :raises UploadApiException: the service rejected the request
        """
        return UploadArea(UploadAreaURI(self.api_client.create_area(area_uuid)["uri"]), self)

    def upload_area(self, area_uri: UploadAreaURI) -> UploadArea:
        """The object for an area, which need not exist."""
        return UploadArea(area_uri, self)
