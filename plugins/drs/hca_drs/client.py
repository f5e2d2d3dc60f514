"""The client: a method for each operation of the document, and higher-level methods for identifiers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hca_drs.service import SERVICE

if TYPE_CHECKING:
    from pathlib import Path

    from hca_base.transfer import Source, TransferOptions
    from hca_drs.download.bundles import Entry
    from hca_drs.download.downloading import Outcome
    from hca_drs.objects.access import Preferences
    from hca_drs.objects.model import DrsObject
    from hca_drs.operations import DrsOperations as Operations
    from hca_drs.resolving.resolver import Place
    from hca_drs.servers.servers import Servers
else:
    from hca_base.openapi import Client as Operations


class DRSClient(Operations):
    """A client of DRS servers.

    ::

        drs = DRSClient()
        drs.stat("drs://drs.example.org/314159").size
        drs.download(["drs://dg.4503:…"], "data")
        with drs.open("drs://drs.example.org/314159") as stream:
            stream.seek(-100, 2)
            ...

    Its higher-level methods accept identifiers of any server: hostname-based and compact ones, and object URLs. The
    generated methods (``get_object`` and the others) use the one server in ``drs.base_url``.

    :param hosts: URL of a server by host, overriding the settings and the default
    :param host_credentials: credentials (:class:`hca_base.auth.Credentials`) by host, instead of the stored ones
    :param passports: GA4GH passports (JWTs) by host, instead of the stored ones
    :param options: further arguments of :class:`hca_base.openapi.Client`
    """

    default_service = SERVICE
    example_name = "drs"

    def __init__(
        self,
        service: Any = None,
        *,
        hosts: Mapping[str, str] | None = None,
        host_credentials: Mapping[str, Any] | None = None,
        passports: Mapping[str, Iterable[str]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(service, **options)
        self._hosts = dict(hosts or {})
        self._host_credentials = dict(host_credentials or {})
        self._passports = dict(passports or {})
        self._servers: Servers | None = None

    @property
    def servers(self) -> Servers:
        """The servers used by this client."""
        with self._lock:
            if self._servers is None:
                from hca_drs.servers.servers import Servers

                self._servers = Servers(
                    self.config,
                    self.session,
                    token=self._token,
                    passports=self._passports,
                    hosts=self._hosts,
                    credentials=self._host_credentials,
                )
            return self._servers

    def use_passports(self, passports: Mapping[str, Iterable[str]]) -> None:
        """Use these passports for all further requests.

        :param passports: JWTs by host
        """
        with self._lock:
            self._passports |= {host: list(tokens) for host, tokens in passports.items()}
            self._servers = None

    def resolve(self, uri: str, *, look_up: bool = True) -> Place:
        """Find the server and the object of an identifier.

        Makes no request to a DRS server; an unknown prefix is looked up as ``drs.resolver`` says.

        :param look_up: False: do not query a registry
        :raises UsageError: it is not a DRS identifier
        :raises NotFoundError: its prefix is unknown
        """
        return self.servers.resolver.place(uri, look_up=look_up)

    def stat(self, uri: str) -> DrsObject:
        """Get an object's metadata from its server.

        :raises NotFoundError: the object does not exist
        :raises AuthError: access denied
        """
        from hca_drs.servers.reading import read_one

        return read_one(self.servers, self.resolve(uri))

    def walk(self, uris: str | Iterable[str], *, max_depth: int = 32, max_objects: int = 1_000_000) -> Iterator[Entry]:
        """Iterate over objects and the members of bundles, level by level.

        :return: entries with ``path``, ``object``, and ``error`` if the server did not return the object
        :raises RefusedError: bundles are nested deeper, or contain more objects, than the limits allow
        """
        from hca_drs.download.bundles import Limits, walk

        return walk(self.servers, [uris] if isinstance(uris, str) else uris, Limits(max_depth, max_objects))

    def sources(self, uri: str, **preferences: Any) -> list[Any]:
        """Get the sources of an object for :func:`hca_base.transfer.download`, in order of preference.

        Each is a function that returns a currently valid URL.

        :param preferences: ``access`` (types of access methods in order) and ``region``
        :raises NotFoundError: the object does not exist, or has no usable access method
        """
        from hca_drs.download.sources import Sources

        return list(Sources(self.servers, self.preferences(**preferences)).of(self.stat(uri)))

    def source(self, uri: str, **preferences: Any) -> Callable[[], Source]:
        """Get a source of an object for :func:`hca_base.transfer.download` that makes no requests until it is used.

        :param preferences: as of :meth:`sources`
        :return: a function that returns a currently valid URL
        """
        from hca_drs.download.sources import LazySource, Sources

        return LazySource(Sources(self.servers, self.preferences(**preferences)), uri, self.stat)

    def download(
        self,
        uris: str | Iterable[str],
        download_dir: Path | str = ".",
        *,
        access: Iterable[str] | None = None,
        region: str | None = None,
        flat: bool = False,
        on_collision: str = "rename",
        max_depth: int = 32,
        max_objects: int = 1_000_000,
        options: TransferOptions | None = None,
    ) -> Outcome:
        """Download objects, and the members of bundles, into a directory.

        :param access: types of access methods, in order of preference: https, s3, gs
        :param region: cloud region to prefer
        :param flat: put all files into the directory itself
        :param on_collision: ``rename`` or ``error``, if several objects have the same name
        :param max_depth: maximum nesting of bundles
        :param max_objects: maximum number of objects
        :return: the outcome of each file
        :raises HCAError: files failed
        """
        outcome = self.run_download(
            [uris] if isinstance(uris, str) else uris,
            download_dir,
            self.preferences(access=access, region=region),
            flat=flat,
            on_collision=on_collision,
            max_depth=max_depth,
            max_objects=max_objects,
            options=options,
        )
        outcome.report.raise_for_failures("downloaded")
        return outcome

    def run_download(
        self,
        uris: Iterable[str],
        root: Path | str,
        preferences: Preferences,
        *,
        flat: bool = False,
        on_collision: str = "rename",
        max_depth: int = 32,
        max_objects: int = 1_000_000,
        options: TransferOptions | None = None,
    ) -> Outcome:
        """Download like :meth:`download`, but do not raise for failed files: they are in the outcome."""
        from hca_base.transfer import TransferOptions
        from hca_drs.download.bundles import Limits
        from hca_drs.download.downloading import Choices, run

        choices = Choices(options or TransferOptions(), Limits(max_depth, max_objects), flat, on_collision)
        return run(self.servers, preferences, uris, root, choices)

    def preferences(self, access: Iterable[str] | None = None, region: str | None = None) -> Preferences:
        """Access preferences: as given, else from the settings."""
        from hca_drs.objects.access import Preferences

        return Preferences.from_config(self.config, list(access) if access is not None else None, region)

    def open(self, uri: str, mode: str = "rb", **options: Any) -> Any:
        """Open an object as a readable, seekable file (fsspec); only the ranges read are downloaded.

        Requires fsspec (the extra ``fsspec``). Checksums are not verified: that needs all bytes. Reading fails if the
        object is replaced meanwhile. :meth:`download` verifies.

        :param mode: ``rb``, or ``r`` for text
        :param options: of the file system's ``open``: ``block_size``, ``cache_type``, ``encoding``, …
        :raises UsageError: it is not a DRS identifier
        :raises FileNotFoundError: the object does not exist
        :raises PluginError: fsspec is not installed
        """
        from hca_base.errors import PluginError
        from hca_drs.resolving.uris import parse_uri

        try:
            from hca_drs.filesystem import DRSFileSystem
        except ImportError as error:
            if (error.name or "").partition(".")[0] != "fsspec":
                raise
            raise PluginError(
                "fsspec is required to open files, and is not installed", hint="pip install fsspec"
            ) from None
        # fsspec would treat an identifier without "drs://" as one with the scheme omitted.
        parse_uri(uri, self.servers.resolver.known)
        return DRSFileSystem(client=self, skip_instance_cache=True).open(uri, mode, **options)
