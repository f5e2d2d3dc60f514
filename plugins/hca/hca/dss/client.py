"""The client of the Data Storage Service, with the interface of hca 7."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from hca_dss.client import DSSClient as Base

from hca.util.client import SwaggerClient
from hca.util.exceptions import translated


class DSSClient(SwaggerClient, Base):
    """A client of the Data Storage Service: that of ``hca_dss``, also raising the exceptions of hca 7.

    :param config: settings: an :class:`hca.HCAConfig` or any mapping; default: the user's
    :param swagger_url: URL or path of the service's document; overrides the setting ``DSSClient.swagger_url``
    :param session_kwargs: as for :class:`hca.util.SwaggerClient`
    """

    def __init__(self, config: Any = None, swagger_url: str | None = None, **session_kwargs: Any) -> None:
        super().__init__(config, swagger_url, **session_kwargs)
        self.commands += [self.upload, self.download, self.download_manifest, self.create_version]
        self.commands += [self.download_collection]

    login = translated(Base.login)
    upload = translated(Base.upload)
    download = translated(Base.download)
    download_manifest = translated(Base.download_manifest)
    download_collection = translated(Base.download_collection)
    refresh_swagger = translated(Base.refresh_swagger)


class DSSFile(NamedTuple):
    """A file of the DSS, as manifests and bundles describe it."""

    name: str
    uuid: str
    version: str
    sha256: str
    size: Any
    indexed: bool
    replica: str

    @classmethod
    def from_manifest_row(cls, row: Mapping[str, Any], replica: str) -> DSSFile:
        """The file of a manifest's row."""
        values = {name: row[f"file_{name}"] for name in ("name", "uuid", "version", "sha256", "size")}
        return cls(**values, indexed=False, replica=replica)

    @classmethod
    def from_dss_bundle_response(cls, file_dict: Mapping[str, Any], replica: str) -> DSSFile:
        """A file in the service's description of a bundle."""
        names = ("name", "uuid", "version", "sha256", "size", "indexed")
        return cls(**{name: file_dict[name] for name in names}, replica=replica)

    @classmethod
    def for_bundle_manifest(cls, manifest_bytes: bytes, bundle_uuid: str, version: str, replica: str) -> DSSFile:
        """The description of a bundle itself, as a file."""
        digest = hashlib.sha256(manifest_bytes).hexdigest()
        return cls("bundle.json", bundle_uuid, version, digest, len(manifest_bytes), False, replica)
