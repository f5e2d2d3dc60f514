"""A service like the DSS for tests of clients: its document, the UUID of a bundle, the headers of its JSON."""

from __future__ import annotations

from typing import Any

UUID = "a9b1b33e-5b8c-4d1c-9a1e-0f7c1d2e3f40"
JSON = {"Content-Type": "application/json"}


def store(**more: Any) -> dict[str, Any]:
    """A Swagger 2 document of a service like the DSS."""
    replica = {"name": "replica", "in": "query", "required": True, "type": "string", "enum": ["aws", "gcp"]}
    uuid = {"name": "uuid", "in": "path", "required": True, "type": "string", "pattern": "[a-z0-9]{8}-[a-z0-9]{4}"}
    per_page = {"name": "per_page", "in": "query", "type": "integer", "default": 100, "minimum": 10, "maximum": 500}
    query = {
        "name": "json_request_body",
        "in": "body",
        "required": True,
        "schema": {"type": "object", "required": ["es_query"], "properties": {"es_query": {"type": "object"}}},
    }
    pages = {"200": {"description": "All."}, "206": {"description": "A page."}, "404": {"description": "Not there."}}
    return {
        "swagger": "2.0",
        "info": {"title": "Store", "version": "1"},
        "host": "store.example.org",
        "schemes": ["https"],
        "basePath": "/v1",
        "produces": ["application/json"],
        "securityDefinitions": {"login": {"type": "oauth2"}},
        "paths": {
            "/bundles/{uuid}": {
                "get": {
                    "summary": "Retrieve a *bundle*.",
                    "description": "Given a UUID,\nreturn `bundle`.\n\n* one\n* two\n",
                    "parameters": [uuid, replica, per_page],
                    "responses": pages,
                },
                "delete": {
                    "parameters": [uuid],
                    "security": [{"login": []}],
                    "responses": {"200": {"description": ""}},
                },
            },
            "/bundles/all": {"get": {"parameters": [replica, per_page], "responses": pages}},
            "/files/{uuid}": {
                "get": {"parameters": [uuid, replica], "responses": {"302": {"description": "There."}}},
                "head": {"parameters": [uuid, replica], "responses": {"200": {"description": "Yes."}}},
            },
            "/search": {"post": {"parameters": [query, replica, per_page], "responses": pages}},
            "/bundles/{uuid}/checkout": {"post": {"parameters": [uuid], "responses": {"200": {"description": ""}}}},
        },
        **more,
    }
