"""The settings of a deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: The only address that the deployment listens on, so that only this machine can connect.
HOST = "127.0.0.1"
DEFAULT_PORT = 8765


def default_data_dir() -> Path:
    """The default data directory."""
    from hca_base.config import paths

    return paths.data_dir() / "local"


@dataclass
class Settings:
    """Settings of one deployment; after the start, the ports are those that it listens on.

    :ivar s3_endpoint: URL of the user's own S3, used for staging instead of the embedded endpoint
    :ivar simulate_waits: respond with the 202s and 301s of the original services; a number sets
        the Retry-After seconds
    :ivar admin_emails: users whose tokens may delete bundles
    :ivar access_token_ttl: lifetime of logins' access tokens, seconds; those of ``hca local token`` live a year
    :ivar device_interval: seconds between polls in logins by device code
    :ivar credentials_ttl: lifetime of the Upload Service's temporary credentials, seconds
    :ivar validators: command lines by validator name; ``*`` for every other name
    """

    data_dir: Path
    api_port: int = DEFAULT_PORT
    s3_port: int = DEFAULT_PORT + 1
    simulate_waits: bool | float = False
    s3_endpoint: str | None = None
    region: str = "us-east-1"
    staging_bucket: str = "dss-staging"
    checkout_bucket: str = "dss-checkout"
    upload_bucket: str = "org-humancellatlas-upload-local"
    admin_emails: tuple[str, ...] = ("admin@example.org",)
    access_token_ttl: float = 3600
    device_interval: float = 5
    credentials_ttl: float = 3600
    validators: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.api_port}"

    @property
    def s3_url(self) -> str:
        return f"http://{HOST}:{self.s3_port}"
