"""The JSON schema of the configuration: the core's part, and how services add theirs.

``x-edit`` marks the settings that the first configuration file of a user mentions.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

_LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
_FORMATS = "json, jsonl, yaml, table, csv, tsv, value, shell"


def schema(schemas: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The JSON schema of all settings.

    :param schemas: the ``config_schema`` of services. Each is a schema of the whole configuration (with
        ``properties``), or a mapping from a section's name to the schema of that section.
    """
    return combine([core_schema(), *schemas])


def combine(schemas: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One schema out of several; where two describe one key, the later one adds to the earlier."""
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
    """The schema of the settings that the core itself reads."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of hca",
        "type": "object",
        "properties": {
            "$schema": _text("Address of this schema, for editors"),
            "log_level": {
                "description": "The least grave messages that are told on stderr",
                "enum": _LOG_LEVELS,
                "x-edit": True,
            },
            "http": _section(
                "Requests to services",
                proxy=_text("URL of the proxy for all requests (https_proxy and the like work as well)", edit=True),
                ca_bundle=_text("File of the certificates to trust, PEM", edit=True),
                timeout={
                    "description": "Seconds to wait for a server's answer",
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "x-edit": True,
                },
                retries=_whole("How often a failed request is repeated, where repeating is safe", 0, edit=True),
                wait_budget={
                    "description": "Seconds to wait, in all, while a service says that it is not ready",
                    "type": "number",
                    "minimum": 0,
                },
                insecure_hosts=_texts("Hosts that get credentials over http without TLS"),
            ),
            "output": _section("Results", format=_text(f"Default format: {_FORMATS}", edit=True)),
            "transfer": _section(
                "Downloads and uploads",
                connections=_whole("How many connections are used at once", 1, edit=True),
                limit_rate={
                    "description": "Bytes per second for all connections together, such as 500k or 20M",
                    "type": ["string", "number"],
                    "x-edit": True,
                },
                filestore=_text("Folder of the store of downloaded files", edit=True),
                executor=_text("What runs transfers: threads, or dask://HOST:PORT"),
            ),
            "s3": _section(
                "Object storage",
                endpoint_url=_text("URL of the S3 service, if it is not AWS's"),
                region=_text("AWS region"),
                staging_bucket=_text("Bucket that uploads are staged in", edit=True),
                acceleration={"description": "Use S3 transfer acceleration", "type": "boolean"},
            ),
            "auth": _section(
                "Logins",
                store={"description": "Where logins are kept: keyring, file, or auto", "type": "string"},
                client_id=_text("OAuth client to log in with"),
                client_secret=_text("Its secret, if it has one"),
            ),
            "services": {
                "description": "Services that are used without a plugin, by name",
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "url": _text("URL or file of the OpenAPI document"),
                        "base_url": _text("URL of the service, if it is not the document's"),
                        "title": _text("What it is"),
                    },
                },
            },
            # What hca 7 kept in the same file.
            "client_id": _text("Of hca 7; not used"),
            "creator_uid": {"description": "Creator of uploaded bundles and files", "type": "integer"},
            "application_secrets": {"description": "Of hca 7; not used", "type": "object"},
            "swagger_filename": _text("Of hca 7; not used"),
            "oauth2_token": {"description": "The login of hca 7; moved to the token store", "type": "object"},
            "AuthClient": {"description": "Of hca 7; not used", "type": "object"},
        },
    }


def _section(description: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "type": "object", "properties": properties}


def _text(description: str, *, edit: bool = False) -> dict[str, Any]:
    return _with_edit({"description": description, "type": "string"}, edit)


def _texts(description: str) -> dict[str, Any]:
    return {"description": description, "type": "array", "items": {"type": "string"}}


def _whole(description: str, minimum: int, *, edit: bool = False) -> dict[str, Any]:
    return _with_edit({"description": description, "type": "integer", "minimum": minimum}, edit)


def _with_edit(result: dict[str, Any], edit: bool) -> dict[str, Any]:
    if edit:
        result["x-edit"] = True
    return result
