"""Where files are staged for the service to copy: an S3 bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from hca_base.errors import UsageError
from hca_base.transfer import S3Credentials, S3Target

if TYPE_CHECKING:
    from hca_base.config import Config


class Staging:
    """A staging bucket, and what opens it.

    :param bucket: ``NAME``, ``s3://NAME/PREFIX`` or ``gs://NAME/PREFIX``; None: the setting ``s3.staging_bucket``
    :param replica: aws or gcp
    :ivar scheme: of the addresses that the service gets, which decides the replica that it copies to
    :ivar prefix: what the keys begin with: empty, or ending in a slash
    """

    def __init__(self, config: Config, bucket: str | None, replica: str) -> None:
        given = bucket or config.get("s3.staging_bucket")
        if not given or not isinstance(given, str):
            raise UsageError(
                "no staging bucket is set",
                hint="pass --staging-bucket NAME, or run: hca config set s3.staging_bucket NAME",
            )
        endpoint = config.get("s3.endpoint_url")
        # A bucket of another store than AWS's is one that the service knows by the replica's own scheme; what is in a
        # bucket of AWS goes there whatever the replica, as it did with hca 7.
        self.scheme = "gs" if replica == "gcp" and endpoint else "s3"
        if "://" in given:
            parts = _split(given)
            if parts is None or parts.scheme not in ("s3", "gs") or not parts.netloc:
                raise UsageError(f"{given!r} is not a bucket; use NAME, s3://NAME/PREFIX or gs://NAME/PREFIX")
            self.scheme = parts.scheme
            self.bucket, path = parts.netloc, parts.path.strip("/")
        else:
            self.bucket, _, path = given.partition("/")
            path = path.strip("/")
        self.prefix = f"{path}/" if path else ""
        self.target = S3Target(
            self.bucket,
            endpoint_url=endpoint,
            region=config.get("s3.region"),
            credentials=_keys(config, endpoint),
            accelerate=config.get("s3.acceleration", False) is True,
        )

    @property
    def url(self) -> str:
        """The address that names this place, without any secret."""
        return f"{self.scheme}://{self.bucket}/{self.prefix}@{self.target.endpoint_url or 'aws'}"


def _split(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        # Such as a bracket that is not closed.
        return None


def _keys(config: Config, endpoint: Any) -> S3Credentials | None:
    """The keys that were stored for this profile and endpoint; None leaves it to what the AWS tools use."""
    if not endpoint:
        return None
    from hca_base.auth import account_name, open_store

    record = open_store(config).get(account_name(config.profile, "s3"))
    if record is None or str(endpoint).rstrip("/") not in (str(host).rstrip("/") for host in record.get("hosts", ())):
        return None
    return S3Credentials(str(record.get("username", "")), str(record.get("password", "")))
