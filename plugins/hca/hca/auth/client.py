"""The client of the DCP Auth service, with the interface of hca 7."""

from __future__ import annotations

from typing import Any

from hca.config import DEFAULTS
from hca.util.client import SwaggerClient
from hca_base.plugins import CredentialScheme, Service

_RETIRED = "the public DCP Auth service was retired; set AuthClient.swagger_url to the document of another deployment"


class AuthClient(SwaggerClient):
    """A client of the DCP Auth service.

    The URL of its document is the setting ``AuthClient.swagger_url``, or ``services.dcp-auth.url`` if a service
    of that name was added.
    """

    default_service: Any = Service(
        name="dcp-auth",
        title="DCP Auth service",
        client_section="AuthClient",
        document_url_key="AuthClient.swagger_url",
        config_defaults={"AuthClient": DEFAULTS["AuthClient"]},
        credentials=CredentialScheme(kind="oauth2"),
        retired_hosts={"auth.data.humancellatlas.org": _RETIRED},
    )

    def __init__(self, config: Any = None, swagger_url: str | None = None, **session_kwargs: Any) -> None:
        super().__init__(config, swagger_url, **session_kwargs)
        added = self.config.get("services.dcp-auth.url")
        if swagger_url is None and added and self.config.get("AuthClient") == DEFAULTS["AuthClient"]:
            self._swagger_url = added
