"""Leftovers of hca 7 in the configuration file that it shares with this version.

hca 7 wrote all merged settings back at exit, so its files contain its defaults as if the user had set them, and the
login's token in plain text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hca_base.config._sources._source import Layer

TOKEN_KEY = "oauth2_token"

# Values in hca 7.0.1's default_config.json and upload configuration. Its unused `client_id` was "foo", which identifies
# files written by hca 7.
_SIGN = ("client_id", "foo")
_FROZEN: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("client_id",), "foo"),
    (("log_level",), "INFO"),
    (("DSSClient", "swagger_url"), "https://dss.data.humancellatlas.org/v1/swagger.json"),
    (("AuthClient", "swagger_url"), "https://auth.data.humancellatlas.org/swagger.json"),
    (("upload", "bucket_name_template"), "org-humancellatlas-upload-{deployment_stage}"),
    (("upload", "production_api_url"), "https://upload.data.humancellatlas.org/v1"),
    (
        ("upload", "preprod_api_url_template"),
        "https://upload.{deployment_stage}.data.humancellatlas.org/v1",
    ),
)


@dataclasses.dataclass(frozen=True)
class LegacyToken:
    """A login that hca 7 stored.

    :ivar path: the file
    :ivar token: ``access_token``, and usually ``refresh_token``, ``id_token``, ``expires_at`` (may be ``"-1"``),
        ``token_type``
    """

    path: Path
    token: Mapping[str, Any] = dataclasses.field(repr=False)


def written_by_hca7(data: Mapping[str, Any]) -> bool:
    """Return True if hca 7 wrote the settings of a file."""
    return data.get(_SIGN[0]) == _SIGN[1]


def drop_frozen_defaults(data: dict[str, Any]) -> None:
    """Remove hca 7's defaults from settings that it wrote."""
    if not written_by_hca7(data):
        return
    for path, default in _FROZEN:
        inner: Any = data
        for segment in path[:-1]:
            inner = inner.get(segment) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and inner.get(path[-1]) == default:
            del inner[path[-1]]
            if not inner and len(path) == 2:
                del data[path[0]]


def take_out_legacy(layer: Layer) -> tuple[Layer, LegacyToken | None]:
    """Return a file's layer without hca 7's token and frozen defaults, and the token."""
    if TOKEN_KEY not in layer.data and not written_by_hca7(layer.data):
        return layer, None
    data = {key: dict(value) if isinstance(value, dict) else value for key, value in layer.data.items()}
    token = data.pop(TOKEN_KEY, None)
    drop_frozen_defaults(data)
    found = None
    if isinstance(token, dict) and token and layer.path is not None:
        found = LegacyToken(layer.path, token)
    # The text is kept for line numbers and never printed.
    return dataclasses.replace(layer, data=data), found
