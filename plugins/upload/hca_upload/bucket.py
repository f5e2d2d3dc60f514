"""Lists the objects of an area in the bucket, with its temporary credentials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hca_base.errors import AuthError, ExitCode, HCAError, UnreachableError, UsageError, exit_code_of_status
from hca_upload.errors import UploadException

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_upload.uri import Area


#: Error codes after which to request new credentials.
_LAPSED = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidToken", "RequestExpired"})


@dataclass(frozen=True)
class Found:
    """An object of the area.

    :ivar name: key below the area's prefix
    :ivar etag: without quotes; the MD5 of the object, or of its parts' MD5s
    """

    name: str
    size: int
    etag: str


def objects(area: Area) -> Iterator[list[Found]]:
    """The objects of an area, page by page. The policy allows listing exactly this prefix."""
    prefix = f"{area.uuid}/"
    query = {"Bucket": area.uri.bucket_name, "Prefix": prefix}
    client = None
    more = True
    with telling(f"cannot list s3://{area.uri.bucket_name}/{prefix}"):
        while more:
            page = None
            if client is not None:
                page = _page(client, query)
            if page is None:
                # The first page, or the credentials expired during the listing.
                client = _area_client(area)
                page = client.list_objects_v2(**query)
            yield [
                Found(entry["Key"].removeprefix(prefix), entry["Size"], entry["ETag"].strip('"'))
                for entry in page.get("Contents", ())
                if entry["Key"] != prefix
            ]
            more = bool(page.get("IsTruncated"))
            query["ContinuationToken"] = page.get("NextContinuationToken", "")


def _page(client: Any, query: dict[str, str]) -> Any:
    """A page of the listing; None if the client's credentials have expired."""
    import botocore.exceptions

    try:
        return client.list_objects_v2(**query)
    except botocore.exceptions.ClientError as error:
        if error.response.get("Error", {}).get("Code") in _LAPSED:
            return None
        raise


def _area_client(area: Area) -> Any:
    # Imported before requesting credentials: the import takes a while, and they may be short-lived.
    import boto3  # noqa: F401

    credentials = area.get_credentials()
    credentials.pop("expiry_time")
    config = area.upload_service.settings.config
    return s3_client(config, area_endpoint(config), **credentials)


def area_endpoint(config: Config) -> str | None:
    """Endpoint of the areas' store; None for AWS."""
    found = config.get("upload.s3_endpoint_url") or config.get("s3.endpoint_url")
    return str(found) if found else None


def source_client(config: Config) -> Any:
    """A boto3 client for the user's buckets, with the keys stored for the configured endpoint, or those of
    the AWS tools."""
    endpoint = config.get("s3.endpoint_url")
    return s3_client(config, endpoint, **_stored_keys(config, endpoint))


def _stored_keys(config: Config, endpoint: Any) -> dict[str, str]:
    if not endpoint:
        return {}
    from hca_base.auth import account_name, open_store

    record = open_store(config).get(account_name(config.profile, "s3"))
    if record is None or str(endpoint).rstrip("/") not in (str(host).rstrip("/") for host in record.get("hosts", ())):
        return {}
    return {
        "aws_access_key_id": str(record.get("username", "")),
        "aws_secret_access_key": str(record.get("password", "")),
    }


def s3_client(config: Config, endpoint: str | None, **credentials: str) -> Any:
    """A boto3 client for an endpoint; default credentials: those of the AWS tools.

    :raises UsageError: the endpoint or the region is invalid
    """
    import boto3
    import botocore.config

    how = botocore.config.Config(signature_version="s3v4", retries={"mode": "standard", "max_attempts": 5})
    region = config.get("s3.region") or "us-east-1"
    try:
        return boto3.client("s3", endpoint_url=endpoint, region_name=region, config=how, **credentials)
    except ValueError as error:
        # An invalid endpoint, from here or from the variables and files of the AWS tools.
        raise UsageError(f"S3 cannot be used: {error}", hint="see 'hca config get s3'") from None


class telling:
    """Converts botocore's exceptions to ours.

    :param what: the failed action
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        import boto3.exceptions
        import botocore.exceptions as aws

        if isinstance(error, aws.ClientError):
            raise _refusal(self._what, error.response) from None
        if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError)):
            raise AuthError(f"{self._what}: {error}", hint=_WHOSE) from None
        # boto3 has its own exception for downloads that break off repeatedly.
        if isinstance(error, (aws.ConnectionError, aws.HTTPClientError, boto3.exceptions.RetriesExceededError)):
            raise UnreachableError(f"{self._what}: the store cannot be reached") from None
        if isinstance(error, (aws.BotoCoreError, boto3.exceptions.Boto3Error)):
            raise HCAError(f"{self._what}: {error}") from None


def _refusal(what: str, response: Any) -> UploadException:
    """An error of the store, with the exit code of the corresponding error of the service."""
    answer = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = exit_code_of_status(status if isinstance(status, int) else 500)
    hint = None
    if answer.get("Code") in _CREDENTIALS or code == ExitCode.AUTH:
        # Some of them have status 400.
        code, hint = ExitCode.AUTH, _WHOSE
    return UploadException(f"{what}: {answer.get('Code')}: {answer.get('Message')}", exit_code=code, hint=hint)


_WHOSE = "hca uses the credentials of the AWS tools, or of 'hca auth set-key s3'"
#: S3's error codes for rejected credentials.
_CREDENTIALS = frozenset(
    {"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}
)
