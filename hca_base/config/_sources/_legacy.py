"""What hca 7 left in the configuration file that it shares with this version.

hca 7 wrote all of its merged settings back at exit, so its files hold its defaults as if the user had chosen them,
and the login's token in plain sight.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hca_base.config._sources._source import Layer

TOKEN_KEY = "oauth2_token"

# Facts of hca 7.0.1: the values of its default_config.json and of its upload configuration. Its `client_id` was "foo"
# and had no use; that value in a file is the sign that hca 7 wrote it.
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
    :ivar token: ``access_token``, and mostly ``refresh_token``, ``id_token``, ``expires_at`` (often the text ``"-1"``),
        ``token_type``
    """

    path: Path
    token: Mapping[str, Any] = dataclasses.field(repr=False)


def written_by_hca7(data: Mapping[str, Any]) -> bool:
    """Whether the settings of a file bear the sign of hca 7."""
    return data.get(_SIGN[0]) == _SIGN[1]


def drop_frozen_defaults(data: dict[str, Any]) -> None:
    """Take hca 7's own defaults out of settings that it wrote."""
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
    """A file's layer without hca 7's token and frozen defaults, and the token."""
    if TOKEN_KEY not in layer.data and not written_by_hca7(layer.data):
        return layer, None
    data = {key: dict(value) if isinstance(value, dict) else value for key, value in layer.data.items()}
    token = data.pop(TOKEN_KEY, None)
    drop_frozen_defaults(data)
    found = None
    if isinstance(token, dict) and token and layer.path is not None:
        found = LegacyToken(layer.path, token)
    # The text is kept for line numbers; nothing prints it.
    return dataclasses.replace(layer, data=data), found
