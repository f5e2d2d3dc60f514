"""Declares the DSS to the core, without importing any other module."""

from __future__ import annotations

from hca_base.plugins import CredentialScheme, Service

#: Default URL of hca 7.
ORIGINAL_URL = "https://dss.data.humancellatlas.org/v1/swagger.json"

_RETIRED = (
    "the public Data Storage Service of the Human Cell Atlas was retired; "
    "'hca local start' runs one on this machine, 'hca config set DSSClient.swagger_url URL' selects another one, "
    "and 'hca azul' finds today's data"
)

_TEXT = {"type": "string"}

SERVICE = Service(
    name="dss",
    naming="path",
    # The original answers "None is not of type 'object'" to a checkout without a body, which its document allows.
    empty_bodies=True,
    title="Data Storage Service: bundles of files, collections, search, subscriptions",
    client_section="DSSClient",
    document_url_key="DSSClient.swagger_url",
    bundled_document=("hca_dss", "document.json"),
    config_defaults={"DSSClient": {"swagger_url": ORIGINAL_URL}},
    config_schema={
        "DSSClient": {
            "description": "Data Storage Service",
            "type": "object",
            "properties": {
                "swagger_url": {
                    **_TEXT,
                    "description": "URL or file of its OpenAPI document, which also names the URL of the service",
                    "x-edit": True,
                },
                "base_url": {**_TEXT, "description": "URL of the service, if it differs from the document's"},
                "timeout": {
                    "description": "Seconds to wait for a response",
                    "type": "number",
                    "exclusiveMinimum": 0,
                },
            },
        },
    },
    credentials=CredentialScheme(
        kind="oauth2",
        # The original service's audience; hca signs tokens for it with the key of a service account.
        audience="https://dev.data.humancellatlas.org/",
        scopes=("openid", "email", "offline_access"),
        claims={
            "email": "{email}",
            # The service rejects a token without a scope.
            "scope": "openid email offline_access",
            "https://auth.data.humancellatlas.org/group": "hca",
            "https://auth.data.humancellatlas.org/email": "{email}",
        },
        client_settings_path="/internal/application_secrets",
    ),
    # A search is safe, although it is a POST.
    safe_operations=("post_search",),
    retired_hosts=dict.fromkeys(
        (f"dss{stage}.data.humancellatlas.org" for stage in ("", ".prod", ".staging", ".integration", ".dev")), _RETIRED
    ),
    hints={
        "OAuthProblem": "log in with 'hca dss login', or set GOOGLE_APPLICATION_CREDENTIALS or HCA_ACCESS_TOKEN",
        "Unauthorized": "log in again with 'hca dss login'",
        "Forbidden": "this user is not allowed to do that; 'hca auth status' shows which identity is used",
        "illegal_version": "versions look like 2018-11-02T113344.698028Z; 'hca dss create-version' prints one",
        "file_missing": "a file must be registered ('hca dss put-file') before a bundle can name it",
        "bundle_already_exists": "this version exists with different content; 'hca dss create-version' prints one",
        "file_already_exists": "this version exists with different content; 'hca dss create-version' prints one",
        "missing_checksum": "the staged object needs tags hca-dss-sha1, -sha256, -crc32c and -s3_etag; "
        "'hca dss upload' sets them",
        "read_only": "the service is read-only for now",
        "only_one_urltype": "use either --presignedurls or --directurls",
    },
)
