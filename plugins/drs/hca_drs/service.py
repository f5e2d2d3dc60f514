"""Declares the service to the core. Importing this module must not import anything heavy."""

from __future__ import annotations

from pathlib import Path

from hca_base.plugins import CredentialScheme, Service

_TEXT = {"type": "string"}
_NO_SERVER = "name your server: hca config set drs.base_url https://HOST/ga4gh/drs/v1"
_LOG_IN = "hca drs login HOST stores credentials for a host; hca drs hosts lists them"

SERVICE = Service(
    name="drs",
    title="Data behind DRS identifiers (GA4GH): resolve, list, download",
    plugin_api=1,
    client_section="drs",
    document_url_key="drs.url",
    bundled_document=("hca_drs", "document.json"),
    # DRS servers do not publish a document: the bundled one applies to all of them, and none is downloaded.
    config_defaults={"drs": {"url": str(Path(__file__).with_name("document.json"))}},
    config_schema={
        "drs": {
            "description": "GA4GH Data Repository Service",
            "type": "object",
            "properties": {
                "url": {**_TEXT, "description": "OpenAPI document of DRS; default: the document of this plugin"},
                "base_url": {
                    **_TEXT,
                    "description": "Server for the generated commands (hca drs get-object, …), such as "
                    "https://drs.example.org/ga4gh/drs/v1",
                    "x-edit": True,
                },
                "timeout": {"type": "number", "description": "Seconds to wait for a response"},
                "resolver": {
                    **_TEXT,
                    "pattern": "^(identifiers\\.org|none|https?://.+)$",
                    "description": "Where to look up unknown prefixes of compact identifiers: identifiers.org "
                    "(default), none, or the URL of a registry with the same API",
                },
                "prefixes": {
                    "type": "object",
                    "additionalProperties": _TEXT,
                    "description": "Prefix of compact identifiers: its host, or a URL with {id} in it",
                },
                "hosts": {
                    "type": "object",
                    "description": "Settings of servers, by host",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {
                            "url": {**_TEXT, "description": "URL of the server; default: https://HOST/ga4gh/drs/v1"},
                            "auth": {
                                "enum": ["stored", "google", "gen3"],
                                "description": "Where to get tokens for the server",
                            },
                            "connections": {
                                "type": "integer",
                                "minimum": 1,
                                "description": "Maximum concurrent requests",
                            },
                        },
                    },
                },
                "access": {
                    "type": "array",
                    "items": {"enum": ["https", "s3", "gs"]},
                    "description": 'Access methods for objects, in order of preference; default: ["https", "s3", "gs"]',
                },
                "region": {**_TEXT, "description": "Cloud region to prefer if an object is in several"},
                "connections": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Maximum concurrent requests to one server (default: 8)",
                },
                "gs_endpoint": {**_TEXT, "description": "Host to read gs:// buckets from; default: Google's"},
                "s3_endpoint": {**_TEXT, "description": "Host to read s3:// buckets from; default: Amazon's"},
            },
        }
    },
    credentials=CredentialScheme(kind="bearer"),
    # Safe although they are POSTs: they send passports and lists of objects in a body.
    safe_operations=(
        "post_object",
        "get_bulk_objects",
        "post_access_url",
        "get_bulk_access_url",
        "post_objects",
        "post_objects_access",
        "post_object_access",
    ),
    retired_hosts={"drs.example.org": _NO_SERVER},
    hints={"401": _LOG_IN, "403": _LOG_IN},
)
