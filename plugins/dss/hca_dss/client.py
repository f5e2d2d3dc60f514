"""The client of the Data Storage Service: a method for every operation, and higher-level methods."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hca_dss.service import SERVICE

if TYPE_CHECKING:
    from hca_base.auth import TokenCheck
    from hca_base.config import Config
    from hca_base.transfer import Report, TransferOptions
    from hca_dss.operations import DssOperations as Operations
    from hca_dss.operations import Replica
else:
    from hca_base.openapi import Client as Operations

ALL = ("*",)


class DSSClient(Operations):
    """A client of the Data Storage Service.

    ::

        dss = DSSClient(swagger_url="http://127.0.0.1:8765/v1/swagger.json")
        dss.get_bundle(uuid=uuid, replica="aws")
        for result in dss.post_search.iterate(es_query={}, replica="aws"):
            ...
        dss.download(bundle_uuid=uuid, replica="aws", download_dir="data")

    It has a method for each operation of the service (``dir(dss)`` lists them), and the methods below, which make many
    requests each. After a failure or an interruption, call them again: files that are present are not transferred
    again.

    :param config: settings; default: the user's
    :param swagger_url: URL or path of the service's document; overrides the setting ``DSSClient.swagger_url``
    :param service: the service, if it is another deployment of the DSS
    :param options: further arguments of :class:`hca_base.openapi.Client`
    """

    default_service = SERVICE
    example_name = "dss"

    def __init__(
        self, config: Config | None = None, swagger_url: str | None = None, *, service: Any = None, **options: Any
    ) -> None:
        super().__init__(service, config=config, swagger_url=swagger_url, **options)

    def upload(
        self,
        src_dir: str,
        replica: Replica,
        staging_bucket: str | None = None,
        timeout_seconds: float = 1200,
        no_progress: bool = False,
        bundle_uuid: str | None = None,
        *,
        options: TransferOptions | None = None,
    ) -> dict[str, Any]:
        """Upload a directory as a bundle.

        The files are staged in an S3 bucket and registered with the service, which then creates a bundle. Called again
        with the same arguments after a failure, it continues with the same bundle.

        :param src_dir: directory; files in the bundle are named by their paths below it
        :param replica: aws or gcp
        :param staging_bucket: bucket for the staged objects; default: the setting ``s3.staging_bucket``
        :param timeout_seconds: time limit for the service to copy one file
        :param no_progress: show no progress on a terminal
        :param bundle_uuid: UUID for the bundle; default: a new one
        :param options: transfer options
        :return: ``bundle_uuid``, ``creator_uid``, ``replica``, ``version`` and ``files``, each with ``name``,
            ``uuid``, ``version`` and ``creator_uid``
        :raises HCAError: or one of its subclasses
        """
        from hca_dss.upload import Upload

        return Upload(
            self,
            src_dir,
            replica,
            staging_bucket,
            bundle_uuid=bundle_uuid,
            timeout=timeout_seconds,
            options=_options(options, progress="none" if no_progress else None),
        ).run()

    def download(
        self,
        bundle_uuid: str,
        replica: Replica,
        version: str | None = "",
        download_dir: str = "",
        metadata_filter: Iterable[str] = ALL,
        data_filter: Iterable[str] = ALL,
        no_metadata: bool = False,
        no_data: bool = False,
        num_retries: int = 10,
        min_delay_seconds: float = 0.25,
        *,
        options: TransferOptions | None = None,
    ) -> Report:
        """Download a bundle to ``DOWNLOAD_DIR/UUID.VERSION``.

        Each file is kept once in ``DOWNLOAD_DIR/.hca`` and linked into the bundle's directory, together with
        ``bundle.json``, the bundle's manifest.

        :param bundle_uuid: UUID of the bundle
        :param replica: aws or gcp
        :param version: default: the latest
        :param download_dir: default: the working directory
        :param metadata_filter: shell patterns; of the metadata files (those that are indexed), only files whose names
            match one of them are downloaded
        :param data_filter: the same for data files (all other files)
        :param no_metadata: download no metadata files
        :param no_data: download only metadata files
        :param num_retries: number of retries without progress before a file fails
        :param min_delay_seconds: seconds before the first retry; doubles with each retry
        :param options: transfer options; overrides ``num_retries`` and ``min_delay_seconds``
        :return: the outcome of each file
        :raises HCAError: or one of its subclasses
        """
        from hca_dss.download_bundle import Choice, download_bundle

        return download_bundle(
            self,
            bundle_uuid,
            replica,
            version,
            download_dir,
            Choice(metadata_filter, data_filter, no_metadata, no_data),
            _options(options, retries=num_retries, min_delay=min_delay_seconds),
        )

    def download_manifest(
        self,
        manifest: str,
        replica: Replica,
        layout: str = "none",
        no_metadata: bool = False,
        no_data: bool = False,
        num_retries: int = 10,
        min_delay_seconds: float = 0.25,
        download_dir: str = "",
        *,
        options: TransferOptions | None = None,
    ) -> Report:
        """Download the files that a manifest lists.

        The manifest is a tab-separated table with a header. The layout ``bundle`` requires the columns
        ``bundle_uuid``, ``bundle_version``, ``file_name`` and ``file_sha256``; the layout ``none`` requires
        ``file_uuid``, ``file_name``, ``file_sha256`` and ``file_size``. The download fails if a file differs from its
        entry. A copy of it, with the column ``file_path``, is written to the working directory under the same name.

        :param manifest: path of the manifest
        :param replica: aws or gcp
        :param layout: ``none``: files are stored only in the filestore ``DOWNLOAD_DIR/.hca``. ``bundle``: they are also
            linked into a directory for each bundle, together with all metadata files of the bundle
        :param no_metadata: no metadata files (with the layout ``bundle``)
        :param no_data: only metadata files (with the layout ``bundle``)
        :param num_retries: number of retries without progress before a file fails
        :param min_delay_seconds: seconds before the first retry; doubles with each retry
        :param download_dir: default: the working directory
        :param options: transfer options; overrides ``num_retries`` and ``min_delay_seconds``
        :return: the outcome of each file
        :raises HCAError: or one of its subclasses
        """
        from hca_dss.download_manifest import download_manifest

        return download_manifest(
            self,
            manifest,
            replica,
            layout,
            no_metadata,
            no_data,
            download_dir,
            _options(options, retries=num_retries, min_delay=min_delay_seconds),
        )

    def download_collection(
        self,
        uuid: str,
        replica: Replica,
        version: str | None = None,
        download_dir: str = "",
        *,
        options: TransferOptions | None = None,
    ) -> Report:
        """Download the contents of a collection: bundles, files, and the contents of nested collections.

        Bundles go to ``DOWNLOAD_DIR/UUID.VERSION``, files to ``DOWNLOAD_DIR/files/UUID.VERSION``.

        :param uuid: UUID of the collection
        :param replica: aws or gcp
        :param version: default: the latest
        :param download_dir: default: the working directory
        :param options: transfer options
        :return: the outcome of each file
        :raises HCAError: or one of its subclasses
        """
        from hca_dss.download_collection import download_collection

        return download_collection(self, uuid, replica, version, download_dir, _options(options))

    def create_version(self) -> str:
        """Print a version (a timestamp) for the current time, and return it."""
        from hca_dss.versions import new_version

        version = new_version()
        print(version)  # noqa: T201 - what this method is for, since hca 7
        return version

    def refresh_swagger(self) -> None:
        """Download the service's document now, and replace the cached one."""
        self.refresh()

    def login(
        self,
        access_token: str = "",
        remote: bool = False,
        *,
        device: bool = False,
        open_browser: bool = True,
        timeout: float | None = None,
    ) -> None:
        """Log in to the service and store the login.

        :param access_token: store this token instead of logging in with the browser
        :param remote: the browser is on another machine; the user pastes the code that it shows
        :param device: show a short code, to be entered on a page on any device
        :param open_browser: False: only print the URL
        :param timeout: seconds to wait for the user
        :raises AuthError: the login failed
        """
        from hca_base.auth import login, store_access_token

        if access_token:
            store_access_token(self.service, self.config, access_token, base_url=self.base_url)
        else:
            schemes = self.document.security_schemes
            login(
                self.service,
                self.config,
                remote=remote,
                device=device,
                open_browser=open_browser,
                timeout=timeout,
                base_url=self.base_url,
                security_schemes=schemes,
                session=self.session,
            )
        with self._lock:
            self._credentials = None

    def check_access_token(self, access_token: str) -> TokenCheck:
        """Ask the issuer of the service's logins whether a token is valid.

        :return: the issuer's response, or why the token could not be checked
        :raises AuthError: the token has expired, or the issuer rejects it
        """
        from hca_base.auth import check_access_token

        return check_access_token(
            self.service,
            self.config,
            access_token,
            base_url=self.base_url,
            security_schemes=self.document.security_schemes,
            session=self.session,
        )

    def logout(self) -> bool:
        """Delete the stored login of the service.

        :return: False if there was none
        """
        from hca_base.auth import logout

        forgotten = logout(self.service, self.config)
        with self._lock:
            self._credentials = None
        return forgotten


def _options(options: TransferOptions | None, **defaults: Any) -> TransferOptions:
    """``options``, or the options equivalent to the method's arguments."""
    from hca_base.transfer import TransferOptions

    if options is not None:
        return options
    return TransferOptions(**{name: value for name, value in defaults.items() if value is not None})
