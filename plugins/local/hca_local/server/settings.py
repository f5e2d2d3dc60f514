"""What a deployment is told when it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: The only address that the deployment listens on: it is for this machine.
HOST = "127.0.0.1"
DEFAULT_PORT = 8765


def default_data_dir() -> Path:
    """Where a deployment keeps its data unless told otherwise."""
    from hca_base.config import paths

    return paths.data_dir() / "local"


@dataclass
class Settings:
    """Settings of one deployment; the ports are those that it listens on once it runs.

    :ivar s3_endpoint: URL of the user's own S3, to be used for staging instead of the embedded endpoint
    :ivar simulate_waits: answer with the 202s and 301s of the original services, where they would; a number stands for
        the seconds that clients are told to wait
    :ivar admin_emails: whose tokens may delete bundles
    :ivar access_token_ttl: seconds that access tokens of logins live; those of ``hca local token`` live a year
    :ivar device_interval: seconds that programs wait between questions in logins by device code
    :ivar credentials_ttl: seconds for which the Upload Service lends credentials
    :ivar validators: command lines by the name of the validator that they stand for; ``*`` for every other name
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
