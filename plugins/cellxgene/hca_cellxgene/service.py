"""Declares CELLxGENE Discover to the core, without importing any other module."""

from __future__ import annotations

from hca_base.plugins import CredentialScheme, Service

#: The public deployment.
PUBLIC_URL = "https://api.cellxgene.cziscience.com/curation/openapi.json"

_TEXT = {"type": "string"}

SERVICE = Service(
    name="cellxgene",
    title="CELLxGENE Discover: find, download and cite single-cell datasets",
    client_section="cellxgene",
    document_url_key="cellxgene.url",
    bundled_document=("hca_cellxgene", "document.json"),
    config_defaults={"cellxgene": {"url": PUBLIC_URL}},
    config_schema={
        "cellxgene": {
            "description": "CELLxGENE Discover",
            "type": "object",
            "properties": {
                "url": {**_TEXT, "description": "URL or file of its OpenAPI document", "x-edit": True},
                "base_url": {**_TEXT, "description": "URL of the service, if it differs from the document's"},
            },
        },
    },
    credentials=CredentialScheme(kind="bearer"),
)
