"""The JSON schema of the configuration: the core's part, and how services add theirs.

``x-edit`` marks the settings included in a user's first configuration file. ``default`` is the value that the
code uses if nothing is set; no layer contains it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from hca_base.config._keys import split_key
from hca_base.config._merge import schema_at
from hca_base.config._transfer_settings import transfer_section

_LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
_FORMATS = "json, jsonl, yaml, table, csv, tsv, value, shell"


def schema(schemas: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return the JSON schema of all settings.

    :param schemas: the ``config_schema`` of services. Each is a schema of the whole configuration (with
        ``properties``), or a mapping from a section's name to the schema of that section.
    """
    core = core_schema()
    result = combine([core, *schemas])
    for name, section in result["properties"].items():
        # Login settings can be set for a single service: SECTION.auth.client_id.
        if name not in core["properties"] and "properties" in section:
            section["properties"].setdefault("auth", copy.deepcopy(core["properties"]["auth"]))
    return result


def schema_of(key: str | Iterable[str], schemas: Iterable[Mapping[str, Any]] = ()) -> Mapping[str, Any] | None:
    """Return the JSON schema of one setting, or None if it is unknown.

    :param key: dotted key path
    :param schemas: as for :func:`schema`
    """
    return schema_at(schema(schemas), split_key(key))


def combine(schemas: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Combine several schemas; if two describe the same key, the later one extends the earlier."""
    result: dict[str, Any] = {}
    for part in schemas:
        whole = part if "properties" in part or "patternProperties" in part or not part else {"properties": part}
        if "$schema" in part:
            whole = part
        _add(result, copy.deepcopy(dict(whole)))
    return result


def _add(into: dict[str, Any], part: Mapping[str, Any]) -> None:
    for key, value in part.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _add(into[key], value)
        else:
            into[key] = value


def core_schema() -> dict[str, Any]:
    """Return the schema of the core's settings."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of hca",
        "type": "object",
        "properties": {
            "$schema": _text("Address of this schema, for editors"),
            "log_level": {
                "description": "Lowest level of messages to show on stderr",
                "enum": _LOG_LEVELS,
                "default": "WARNING",
                "x-edit": True,
            },
            "http": _section(
                "Requests to services",
                proxy={
                    "description": "URL of the proxy for all requests (https_proxy and similar variables work too)",
                    "type": ["string", "object"],
                    "x-edit": True,
                },
                ca_bundle=_text("PEM file or directory of CA certificates to trust", edit=True),
                timeout={
                    "description": "Seconds to wait for data from a server, or [connect, read] in seconds",
                    "type": ["number", "array", "object"],
                    "exclusiveMinimum": 0,
                    "default": [10, 120],
                    "x-edit": True,
                },
                answer_timeout=_seconds("Maximum seconds for a complete response", default=900),
                retries=_whole(
                    "Maximum number of retries of a failed request, where a retry is safe", 0, edit=True, default=5
                ),
                retry_budget=_seconds("Maximum total seconds to wait between the retries of a request", default=300),
                wait_budget=_seconds("Maximum total seconds to wait while a service is not ready", default=3600),
                max_body=_whole("Maximum bytes of a response held in memory", 0, default=256 * 2**20),
                insecure_hosts={
                    "description": "Hosts that receive credentials over plain http",
                    "type": ["array", "string"],
                    "items": {"type": "string"},
                },
            ),
            "output": _section("Results", format=_text(f"Default format: {_FORMATS}", edit=True, default="json")),
            "transfer": transfer_section(),
            "shell": _section(
                "The interactive shell",
                prompt=_choice(
                    "auto, or plain for no colours, suggestions, toolbar or pager", "auto", "plain", default="auto"
                ),
            ),
            "s3": _section(
                "Object storage",
                endpoint_url=_text("URL of the S3 service, if not AWS"),
                region=_text("AWS region"),
                staging_bucket=_text("Bucket to stage uploads in", edit=True),
                acceleration=_truth("Use S3 transfer acceleration"),
            ),
            "auth": _section(
                "Logins",
                store=_choice("Where to store logins", "auto", "keyring", "file", default="auto"),
                keyring_timeout=_seconds("Seconds to wait for the system's keyring"),
                login_timeout=_seconds("Seconds to wait for the login in the browser", default=600),
                application_default=_truth("Use Google's application default credentials"),
                client_id=_text("OAuth client to log in with"),
                client_secret=_text("Secret of the OAuth client, if it has one"),
                issuer=_text("URL of the identity provider"),
                authorization_url=_text("URL of the authorization endpoint (the login page)"),
                token_url=_text("URL of the token endpoint"),
                device_authorization_url=_text("URL of the device authorization endpoint"),
                revocation_url=_text("URL of the token revocation endpoint"),
                audience=_text("Audience of the tokens"),
                scopes={
                    "description": "Scopes of the tokens",
                    "type": ["array", "string"],
                    "items": {"type": "string"},
                },
                auth_method=_text("How the client authenticates at the token endpoint"),
                order={
                    "description": "Security schemes to prefer where an operation takes several",
                    "type": "array",
                    "items": {"type": "string"},
                },
                redirect_port=_whole("Local port that the login page redirects to; 0 for any free port", 0),
                remote_redirect_uri=_text("Redirect URL for a browser on another machine"),
            ),
            "services": {
                "description": "Services without a plugin, by name",
                "type": "object",
                "additionalProperties": _section(
                    "A service",
                    url=_text("URL or file of the OpenAPI document"),
                    base_url=_text("URL of the service, if it differs from the document's"),
                    server={
                        "description": "Which of the document's servers to use: a number, a name, or a URL",
                        "type": ["string", "integer"],
                    },
                    server_variables={
                        "description": "Values of the variables in the server's URL",
                        "type": "object",
                        "additionalProperties": {"type": ["string", "integer"]},
                    },
                    title=_text("One-line description of the service"),
                    plugin=_text("Name of the plugin's service whose client to use"),
                    credentials={"description": "How to log in to the service", "type": "object"},
                    safe_operations={
                        "description": "POST operations that are safe to retry",
                        "type": "array",
                        "items": {"type": "string"},
                    },
                    timeout=_seconds("Seconds to wait for a response"),
                    paging={
                        "description": "How operations are paged, by name: {items, next, parameter}; or false",
                        "type": "object",
                        "additionalProperties": {
                            "type": ["object", "boolean"],
                            "properties": {
                                "items": _text("Path of the items in a response, such as data.rows"),
                                "next": _text("Path of the next page's token, number or URL in a response"),
                                "parameter": _text("Parameter that takes the token or number"),
                            },
                            "additionalProperties": False,
                        },
                    },
                    auth={"description": "Login settings, as in the section auth", "type": "object"},
                    headers={"description": "Headers to send with every request to the service", "type": "object"},
                    client_certificate={
                        "description": "Client certificate file, or a list of the certificate file and its key file",
                        "type": ["string", "array"],
                        "items": {"type": "string"},
                    },
                ),
            },
            # Settings of hca 7 in the same file.
            "client_id": _text("Setting of hca 7; not used"),
            "creator_uid": {"description": "Creator of uploaded bundles and files", "type": "integer"},
            "application_secrets": {"description": "Setting of hca 7; not used", "type": "object"},
            "swagger_filename": _text("Setting of hca 7; not used"),
            "oauth2_token": {"description": "The login of hca 7; moved to the token store", "type": "object"},
            "AuthClient": {"description": "Setting of hca 7; not used", "type": "object"},
        },
    }


def _section(description: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "type": "object", "properties": properties}


def _text(description: str, *, edit: bool = False, default: Any = None) -> dict[str, Any]:
    return _marked({"description": description, "type": "string"}, edit, default)


def _truth(description: str) -> dict[str, Any]:
    return {"description": description, "type": "boolean"}


def _choice(description: str, *values: str, default: Any = None) -> dict[str, Any]:
    return _marked({"description": description, "enum": list(values)}, False, default)


def _seconds(description: str, *, default: Any = None) -> dict[str, Any]:
    return _marked({"description": description, "type": "number", "minimum": 0}, False, default)


def _whole(description: str, minimum: int, *, edit: bool = False, default: Any = None) -> dict[str, Any]:
    return _marked({"description": description, "type": "integer", "minimum": minimum}, edit, default)


def _marked(result: dict[str, Any], edit: bool, default: Any) -> dict[str, Any]:
    if default is not None:
        result["default"] = default
    if edit:
        result["x-edit"] = True
    return result
