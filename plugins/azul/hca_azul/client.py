"""The client of Azul: a method for every operation, and whole jobs beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hca_base.openapi import Client

from .service import SERVICE

if TYPE_CHECKING:
    from pathlib import Path

    from hca_base.transfer import TransferOptions

    from .catalogs import Catalogs
    from .downloading import Outcome
    from .matrices import Matrix
    from .search import Search

#: How releases call their document: 17.6, and 9.2.
_DOCUMENTS = ("/openapi.json", "/openapi")


class AzulClient(Client):
    """A client of Azul.

    ::

        azul = AzulClient()
        for hit in azul.search("projects", {"genusSpecies": {"is": ["Homo sapiens"]}}):
            ...
        azul.download(project="UUID or short name", download_dir="data")

    It has a method for each operation of the service (``dir(azul)`` lists them), and the jobs below.

    :param config: settings; default: those of the user
    :param options: further arguments of :class:`hca_base.openapi.Client`
    """

    default_service = SERVICE
    example_name = "azul"

    def __init__(self, service: Any = None, **options: Any) -> None:
        super().__init__(service, **options)
        self._catalogs: Catalogs | None = None
        self._locked_catalog: str | None = None
        self._chosen: dict[str | None, str] = {}

    @property
    def base_url(self) -> str:
        """URL of the service: set, or that of its document, which stands at the top of every release."""
        own = self._own_base_url
        if own:
            return own
        url = self.swagger_url
        if url.startswith(("http://", "https://")):
            for name in _DOCUMENTS:
                if url.endswith(name):
                    return url[: -len(name)]
        return super().base_url

    @property
    def credentials(self) -> Any:
        """Who is asking. No document is needed to know that."""
        with self._lock:
            if self._credentials is None:
                from hca_base.auth import credentials_for

                self._credentials = credentials_for(
                    self.service,
                    self.config,
                    token=self._token,
                    base_url=self.base_url,
                    session=self.session,
                    extra=self._credential_providers,
                )
            return self._credentials

    @property
    def has_credentials(self) -> bool:
        """Whether requests say who is asking."""
        return bool(self.credentials.headers_for(self.base_url))

    @property
    def explicit_token(self) -> str | None:
        """The token that was given for this client alone."""
        return self._token

    # -- catalogs --

    def known_catalogs(self) -> Catalogs:
        """What catalogs there are; the service is asked once."""
        with self._lock:
            if self._catalogs is None:
                from .catalogs import read_catalogs

                self._catalogs = read_catalogs(self)
            return self._catalogs

    def catalog(self, given: str | None = None) -> str:
        """The catalog to use; settled once, so that all requests of a job see the same release.

        :param given: a catalog that the caller wants
        """
        with self._lock:
            if given not in self._chosen:
                from .catalogs import choose_catalog

                self._chosen[given] = choose_catalog(self, given, self._locked_catalog)
            return self._chosen[given]

    def lock_catalog(self, name: str | None) -> None:
        """Use this catalog where none is named, as long as there is one of that name."""
        with self._lock:
            self._locked_catalog = name
            self._chosen.pop(None, None)

    # -- finding --

    def search(self, kind: str, filters: Mapping[str, Any] | None = None, **options: Any) -> Search:
        """Entities that match filters: something to iterate over.

        :param kind: projects, samples, files or bundles
        :param filters: as the service wants them, such as ``{"organ": {"is": ["brain"]}}``
        :param options: ``catalog``, ``sort``, ``order``, ``limit``
        """
        from .search import Search

        return Search(self, kind, filters, **options)

    def matrices(self, filters: Mapping[str, Any] | None = None, *, catalog: str | None = None) -> list[Matrix]:
        """The matrices of projects that match filters, with what each is stratified by."""
        from .matrices import find_matrices

        return list(find_matrices(self, filters or {}, catalog=catalog))

    # -- getting --

    def manifest(
        self,
        path: Path | str,
        filters: Mapping[str, Any] | None = None,
        form: str = "compact",
        *,
        catalog: str | None = None,
        wait: float | None = None,
    ) -> int:
        """Save a manifest of the files that match filters.

        :param path: it appears when it is whole
        :param form: compact, curl, terra.pfb, terra.bdbag, verbatim.jsonl or verbatim.pfb
        :param wait: most seconds to wait for the service to make it
        :return: its bytes
        """
        from .manifests import Manifest

        secret = form == "curl" and self.has_credentials
        job = Manifest(self, filters, form, catalog=catalog, wait=wait)
        return job.save(path, mode=0o600 if secret else 0o666)

    def download(
        self,
        project: str | Iterable[str] = (),
        filters: Mapping[str, Any] | None = None,
        *,
        files: Iterable[str] = (),
        manifest: Path | str | None = None,
        download_dir: Path | str = "",
        catalog: str | None = None,
        name_template: str | None = None,
        on_collision: str = "rename",
        sources: Iterable[str] = ("mirror", "azul", "drs"),
        samplesheet: Path | str | None = None,
        skip_unavailable: bool = False,
        options: TransferOptions | None = None,
    ) -> Outcome:
        """Download files: of projects, of filters, by UUID, or of a manifest.

        :param project: UUID, short name or title, or several
        :param filters: as the service wants them
        :param files: UUIDs
        :param manifest: a compact manifest, one of the old data store, or a curl configuration
        :param name_template: such as ``{project}/{name}``
        :param on_collision: error, error-if-different, take-first, take-last or rename
        :param sources: where to get files, the best first
        :param skip_unavailable: files that are listed and that no source offers are no failure
        :return: what became of each file
        :raises NotFoundError: nothing matches, or files cannot be had
        :raises HCAError: files failed
        """
        from hca_base.transfer import TransferOptions

        from .downloading import Wishes, run
        from .selection import Selection

        projects = [project] if isinstance(project, str) else list(project)
        selection = Selection([one for one in projects if one], filters or {}, list(files), manifest)
        wishes = Wishes(
            catalog,
            name_template,
            on_collision,
            tuple(sources),
            skip_unavailable,
            samplesheet,
            options or TransferOptions(),
        )
        outcome = run(self, selection, download_dir or ".", wishes)
        outcome.raise_for_failures(skip_unavailable)
        return outcome
