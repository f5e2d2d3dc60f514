"""The S3 bucket where files are staged for the service to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from hca_base.errors import UsageError
from hca_base.transfer import S3Credentials, S3Target

if TYPE_CHECKING:
    from hca_base.config import Config


class Staging:
    """A staging bucket, with its endpoint and credentials.

    :param bucket: ``NAME``, ``s3://NAME/PREFIX`` or ``gs://NAME/PREFIX``; None: the setting ``s3.staging_bucket``
    :param replica: aws or gcp
    :ivar scheme: of the URLs sent to the service, which selects the replica that it copies to
    :ivar prefix: of the keys: empty, or ending in a slash
    """

    def __init__(self, config: Config, bucket: str | None, replica: str) -> None:
        given = bucket or config.get("s3.staging_bucket")
        if not given or not isinstance(given, str):
            raise UsageError(
                "no staging bucket is set",
                hint="pass --staging-bucket NAME, or run: hca config set s3.staging_bucket NAME",
            )
        endpoint = config.get("s3.endpoint_url")
        # For S3-compatible stores the service expects the replica's own scheme; AWS buckets always use s3://,
        # whatever the replica, as in hca 7.
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
        """This location as a URL, without secrets."""
        return f"{self.scheme}://{self.bucket}/{self.prefix}@{self.target.endpoint_url or 'aws'}"


def _split(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        # For example, an unclosed bracket.
        return None


def _keys(config: Config, endpoint: Any) -> S3Credentials | None:
    """The keys stored for this profile and endpoint; None to use those of the AWS tools."""
    if not endpoint:
        return None
    from hca_base.auth import account_name, open_store

    record = open_store(config).get(account_name(config.profile, "s3"))
    if record is None or str(endpoint).rstrip("/") not in (str(host).rstrip("/") for host in record.get("hosts", ())):
        return None
    return S3Credentials(str(record.get("username", "")), str(record.get("password", "")))
