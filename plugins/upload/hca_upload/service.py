"""Declares the Upload Service to the core, without importing any other module."""

from __future__ import annotations

from hca_base.plugins import CredentialScheme, Service

#: Default URLs of hca 7: of the production deployment, and of all others by stage.
PRODUCTION_API_URL = "https://upload.data.humancellatlas.org/v1"
PREPROD_API_URL_TEMPLATE = "https://upload.{deployment_stage}.data.humancellatlas.org/v1"
BUCKET_NAME_TEMPLATE = "org-humancellatlas-upload-{deployment_stage}"

_RETIRED = (
    "the public Upload Service of the Human Cell Atlas was retired; 'hca local start' runs one on this machine, and "
    "'hca config set upload.preprod_api_url_template URL' selects another deployment"
)
_TEXT = {"type": "string"}

SERVICE = Service(
    name="upload",
    naming="path",
    title="Upload Service: areas for the files of contributors",
    client_section="upload",
    document_url_key="upload.swagger_url",
    bundled_document=("hca_upload", "document.json"),
    config_defaults={
        "upload": {
            "swagger_url": "https://upload.data.humancellatlas.org/swagger.json",
            "production_api_url": PRODUCTION_API_URL,
            "preprod_api_url_template": PREPROD_API_URL_TEMPLATE,
            "bucket_name_template": BUCKET_NAME_TEMPLATE,
        }
    },
    config_schema={
        "upload": {
            "description": "Upload Service",
            "type": "object",
            "properties": {
                "swagger_url": {**_TEXT, "description": "URL or file of its OpenAPI document"},
                "base_url": {**_TEXT, "description": "URL of the service, if it differs from the document's"},
                "production_api_url": {**_TEXT, "description": "URL of the API for areas of the stage 'prod'"},
                "preprod_api_url_template": {
                    **_TEXT,
                    "description": "URL of the API for areas of other stages, with {deployment_stage} in it",
                    "x-edit": True,
                },
                "bucket_name_template": {**_TEXT, "description": "name of a stage's bucket"},
                "current_area": {
                    "type": ["string", "null"],
                    "description": "UUID of the selected area",
                },
                "areas": {
                    "type": "object",
                    "description": "areas that were selected earlier, by UUID",
                    "additionalProperties": {"type": "object"},
                },
                "stage": {**_TEXT, "description": "stage of the deployment in which 'create' creates areas"},
                "s3_endpoint_url": {
                    **_TEXT,
                    "description": "URL of the store that contains the areas, if it is not s3.endpoint_url",
                },
                "api_key": {
                    **_TEXT,
                    "description": "API key of operators; better stored with 'hca auth set-key'",
                },
                "timeout": {
                    "description": "seconds to wait for its answers",
                    "type": "number",
                    "exclusiveMinimum": 0,
                },
            },
        },
        # Used by the embedded deployment, which declares no service of its own.
        "local": {
            "description": "embedded deployment ('hca local start')",
            "type": "object",
            "properties": {
                "validators": {
                    "type": "object",
                    "description": "command line of each validator of its Upload Service, by name; * for all others",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                },
            },
        },
    },
    credentials=CredentialScheme(
        kind="apikey",
        api_key_header="Api-Key",
        api_key_config_key="upload.api_key",
        client_settings_path=None,
        env=("HCA_UPLOAD_API_KEY",),
    ),
    # Both are idempotent.
    safe_operations=("post_area_credential", "post_area"),
    retired_hosts=dict.fromkeys(
        (f"upload{stage}.data.humancellatlas.org" for stage in ("", ".staging", ".integration", ".dev")), _RETIRED
    ),
    hints={
        "Access Denied.": "'hca auth set-key upload' stores the API key of the service",
        "Upload Area Not Found": "'hca upload areas' lists the areas that you selected; it may have been deleted",
        "Upload Area is Not Writable": "the area is locked or about to be deleted",
    },
)
