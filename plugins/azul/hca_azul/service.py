"""What the core must know of Azul before any of its code runs."""

from __future__ import annotations

from hca_base.plugins import CredentialScheme, Service

#: The deployment that serves the data of the Human Cell Atlas and of LungMAP.
PUBLIC_URL = "https://service.azul.data.humancellatlas.org/openapi.json"

_TEXT = {"type": "string"}
_LOG_IN = (
    "managed data needs a Google account that is registered with Terra; to log in: gcloud auth application-default "
    "login, then hca config set auth.application_default true"
)

SERVICE = Service(
    name="azul",
    naming="path",
    title="Azul: today's data of the Human Cell Atlas, to find and to download",
    client_section="azul",
    document_url_key="azul.url",
    bundled_document=("hca_azul", "document.json"),
    config_defaults={"azul": {"url": PUBLIC_URL}},
    config_schema={
        "azul": {
            "description": "Azul",
            "type": "object",
            "properties": {
                "url": {
                    **_TEXT,
                    "description": "URL or file of its OpenAPI document; also says where the service is",
                    "x-edit": True,
                },
                "base_url": {**_TEXT, "description": "URL of the service, if it is not the document's"},
                "catalog": {**_TEXT, "description": "Catalog (release) to use; default: the service's own choice"},
                "mirror_url": {
                    **_TEXT,
                    "description": "Where the buckets of the public mirror are reached, in place of Amazon's own hosts",
                },
                "drs_url": {**_TEXT, "description": "DRS server that files of managed access are asked of"},
            },
        },
    },
    credentials=CredentialScheme(
        kind="oauth2",
        scopes=("openid", "email"),
        client_settings_path=None,
        authorization_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",
    ),
    # A search asks and changes nothing; a manifest that was asked for twice is made once.
    safe_operations=("post_index",),
    hints={
        "UnauthorizedError": "the Google account must be registered with Terra, and have accepted its terms of service "
        "(https://app.terra.bio); 'hca auth status' shows which account is used",
        "401": "the Google account must be registered with Terra, and have accepted its terms of service "
        "(https://app.terra.bio); 'hca auth status' shows which account is used",
        "ForbiddenError": _LOG_IN,
        "403": _LOG_IN,
        "GoneError": "what was prepared has expired; run the command again",
        "410": "what was prepared has expired; run the command again",
    },
)
