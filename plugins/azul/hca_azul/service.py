"""Declares Azul and AnVIL to the core, without importing any other module."""

from __future__ import annotations

from hca_base.plugins import CredentialScheme, Service

#: The deployment with the data of the Human Cell Atlas and of LungMAP.
PUBLIC_URL = "https://service.azul.data.humancellatlas.org/openapi.json"
#: The deployment with AnVIL's data.
ANVIL_URL = "https://service.explore.anvilproject.org/openapi.json"

_TEXT = {"type": "string"}
_LOG_IN = (
    "managed data needs a Google account that is registered with Terra; to log in: gcloud auth application-default "
    "login, then hca config set auth.application_default true"
)

_REGISTERED = (
    "the Google account must be registered with Terra, and have accepted its terms of service "
    "(https://app.terra.bio); 'hca auth status' shows which account is used"
)
_EXPIRED = "the prepared result has expired; run the command again"


def _service(name: str, *, title: str, url: str, document: str) -> Service:
    section = {
        "description": title.partition(":")[0],
        "type": "object",
        "properties": {
            "url": {
                **_TEXT,
                "description": "URL or file of its OpenAPI document, which also names the URL of the service",
                "x-edit": True,
            },
            "base_url": {**_TEXT, "description": "URL of the service, if it differs from the document's"},
            "catalog": {**_TEXT, "description": "Catalog (release) to use; default: that of the service"},
            "mirror_url": {
                **_TEXT,
                "description": "Host to read the buckets of the public mirror from; default: Amazon's",
            },
            "drs_url": {**_TEXT, "description": "DRS server for files that require managed access"},
        },
    }
    return Service(
        name=name,
        naming="path",
        title=title,
        client_section=name,
        document_url_key=f"{name}.url",
        bundled_document=("hca_azul", document),
        config_defaults={name: {"url": url}},
        config_schema={name: section},
        credentials=CredentialScheme(
            kind="oauth2",
            scopes=("openid", "email"),
            client_settings_path=None,
            authorization_url="https://accounts.google.com/o/oauth2/v2/auth",
            token_url="https://oauth2.googleapis.com/token",
        ),
        # Searches are safe, and preparing a manifest is idempotent.
        safe_operations=("post_index",),
        hints={
            "UnauthorizedError": _REGISTERED,
            "401": _REGISTERED,
            "ForbiddenError": _LOG_IN,
            "403": _LOG_IN,
            "GoneError": _EXPIRED,
            "410": _EXPIRED,
        },
    )


# hca parses "title=" from this source, without importing it.
SERVICE = _service(
    "azul",
    title="Azul: find and download current data of the Human Cell Atlas",
    url=PUBLIC_URL,
    document="document.json",
)
ANVIL_SERVICE = _service(
    "anvil",
    title="AnVIL: find and download data of NHGRI's analysis platform",
    url=ANVIL_URL,
    document="anvil.json",
)
