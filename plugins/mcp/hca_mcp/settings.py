"""The plugin's settings."""

from __future__ import annotations

#: Default maximum size of one result in bytes.
DEFAULT_MAX_BYTES = 32_768

_NAMES = {"type": "array", "items": {"type": "string"}}

SCHEMA = {
    "mcp": {
        "description": "hca mcp serve",
        "type": "object",
        "properties": {
            "services": {**_NAMES, "description": "Services that assistants may use", "x-edit": True},
            "operations": {
                **_NAMES,
                "description": "Operations that assistants may use: patterns such as dss:get-*",
            },
            "max_bytes": {
                "type": "integer",
                "minimum": 256,
                "description": f"Maximum bytes of one result (default: {DEFAULT_MAX_BYTES})",
            },
        },
    },
}
