"""The clients of Azul and AnVIL: a method for every operation, and whole jobs beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hca_azul.query.connection import AzulConnection
from hca_azul.service import ANVIL_SERVICE

if TYPE_CHECKING:
    from pathlib import Path

    from hca_azul.anvil_operations import AnvilOperations
    from hca_azul.download.matrices import Matrix
    from hca_azul.download.outcome import Outcome
    from hca_azul.download.samplesheet import SampleSheet
    from hca_azul.operations import AzulOperations
    from hca_azul.query.managed import OpenSearch
    from hca_base.transfer import TransferOptions
else:
    from hca_base.openapi import Client as AnvilOperations
    from hca_base.openapi import Client as AzulOperations


class AzulJobs(AzulConnection):
    """The jobs that the clients of Azul and AnVIL share.

    Where data of managed access match and are left out, the jobs warn (``ManagedDataWarning``); where all that matches
    is of managed access, or a project that is named, they raise :class:`hca_base.errors.AuthError`.
    """

    # Finding

    def search(self, kind: str, filters: Mapping[str, Any] | None = None, **options: Any) -> OpenSearch:
        """Search for entities that match filters; iterate over the result.

        :param kind: projects, samples, files or bundles; of AnVIL: datasets, donors, biosamples, activities, …
        :param filters: in the service's own form, such as ``{"organ": {"is": ["brain"]}}``
        :param options: ``catalog``, ``sort``, ``order``, ``limit``
        """
        from hca_azul.query.managed import OpenSearch

        return OpenSearch(self, kind, filters, **options)

    def matrices(self, filters: Mapping[str, Any] | None = None, *, catalog: str | None = None) -> list[Matrix]:
        """List the matrices of projects that match filters, with what each is stratified by.

        :raises AuthError: all that match are of managed access
        """
        from hca_azul.download.matrices import MatrixQuery, MatrixSearch
        from hca_azul.query.managed import Managed, error_of, warn_of
        from hca_base.output import Records

        search = MatrixSearch(self, MatrixQuery(filters or {}, catalog=catalog))
        found = Records(search)
        managed = {unit.uuid for unit in search.managed}
        if managed and all(matrix.entry.project_id in managed for matrix in found):
            raise error_of(self, search.managed)
        warn_of(self, Managed(search.managed))
        return found

    # Getting

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

        :param path: it appears when it is complete
        :param form: compact, curl, terra.pfb, verbatim.jsonl, verbatim.pfb, or another that the service knows
        :param wait: most seconds to wait for the service to make it
        :return: its bytes
        :raises AuthError: all that matches is of managed access
        """
        from hca_azul.manifest.manifests import Manifest
        from hca_azul.query.managed import OpenSearch, error_of, warn_of

        search = OpenSearch(self, "files", filters, catalog=catalog, limit=1, page_size=1)
        list(search.hits())
        managed = search.left_out()
        if search.total == 0 and managed.units:
            raise error_of(self, managed.units)
        warn_of(self, managed)
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
        samplesheet: Path | str | SampleSheet | None = None,
        skip_unavailable: bool = False,
        options: TransferOptions | None = None,
    ) -> Outcome:
        """Download files: of projects or datasets, of filters, by UUID, or of a manifest.

        :param project: UUID, short name, title, accession or address, or several
        :param filters: in the service's own form
        :param files: UUIDs
        :param manifest: a manifest or another list of files
        :param name_template: such as ``{project}/{name}``
        :param on_collision: error, error-if-different, take-first, take-last or rename
        :param sources: where to get files, the best first
        :param samplesheet: file to write a sample sheet to, or a :class:`hca_azul.download.samplesheet.SampleSheet`
        :param skip_unavailable: files that are listed and that no source offers, or that are of managed access, are no
            failure
        :return: the outcome of each file
        :raises AuthError: a project that is named, or all that matches, is of managed access
        :raises NotFoundError: nothing matches, or files are unavailable
        :raises HCAError: files failed
        """
        from pathlib import Path

        from hca_azul.download.downloading import DownloadRequest, run
        from hca_azul.download.samplesheet import SampleSheet
        from hca_azul.download.selection import Selection
        from hca_azul.query.managed import warn_of
        from hca_base.transfer import TransferOptions

        names = [project] if isinstance(project, str) else list(project)
        if isinstance(samplesheet, str | Path):
            samplesheet = SampleSheet(Path(samplesheet))
        selection = Selection([name for name in names if name], filters or {}, list(files), manifest)
        request = DownloadRequest(
            catalog,
            name_template,
            on_collision,
            tuple(sources),
            skip_unavailable,
            samplesheet,
            options or TransferOptions(),
        )
        outcome = run(self, selection, download_dir or ".", request)
        failure = outcome.failure(skip_unavailable)
        warn_of(self, outcome.managed.beside(failure))
        if failure is not None:
            raise failure
        return outcome


class AzulClient(AzulJobs, AzulOperations):
    """A client of Azul.

    ::

        azul = AzulClient()
        for hit in azul.search("projects", {"genusSpecies": {"is": ["Homo sapiens"]}}):
            ...
        azul.download(project="UUID or short name", download_dir="data")

    It has a method for each operation of the service (``dir(azul)`` lists them), and the jobs of :class:`AzulJobs`.

    :param config: settings; default: those of the user
    :param options: further arguments of :class:`hca_base.openapi.Client`
    """

    example_name = "azul"


class AnvilClient(AzulJobs, AnvilOperations):
    """A client of AnVIL, as :class:`AzulClient` is of Azul; its projects are called datasets."""

    default_service = ANVIL_SERVICE
    example_name = "anvil"
