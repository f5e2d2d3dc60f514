"""The clients of Azul and AnVIL: a method for every operation, and higher-level methods."""

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
    """The higher-level methods of both clients.

    If matching data are excluded because they have managed access, these methods warn (``ManagedDataWarning``); if all
    matches, or a project named by the caller, have managed access, they raise :class:`hca_base.errors.AuthError`.
    """

    # Search

    def search(self, kind: str, filters: Mapping[str, Any] | None = None, **options: Any) -> OpenSearch:
        """Search for entities that match filters; iterate over the result.

        :param kind: projects, samples, files or bundles; for AnVIL: datasets, donors, biosamples, activities, …
        :param filters: in the service's JSON form, such as ``{"organ": {"is": ["brain"]}}``
        :param options: ``catalog``, ``sort``, ``order``, ``limit``
        """
        from hca_azul.query.managed import OpenSearch

        return OpenSearch(self, kind, filters, **options)

    def matrices(self, filters: Mapping[str, Any] | None = None, *, catalog: str | None = None) -> list[Matrix]:
        """List the matrices of projects that match filters, with their strata.

        :raises AuthError: all matches have managed access
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

    # Download

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

        :param path: created once the manifest is complete
        :param form: compact, curl, terra.pfb, verbatim.jsonl, verbatim.pfb, or another format of the service
        :param wait: maximum seconds to wait for the service to prepare it
        :return: size in bytes
        :raises AuthError: all matches have managed access
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
        """Download files: of projects or datasets, by filters, by UUID, or from a manifest.

        :param project: UUID, short name, title, accession or URL, or several
        :param filters: in the service's JSON form
        :param files: UUIDs
        :param manifest: a manifest or another file list
        :param name_template: such as ``{project}/{name}``
        :param on_collision: error, error-if-different, take-first, take-last or rename
        :param sources: where to get files, in order of preference
        :param samplesheet: file to write a sample sheet to, or a :class:`hca_azul.download.samplesheet.SampleSheet`
        :param skip_unavailable: listed files that no source offers, or that have managed access, are not
            failures
        :return: the outcome of each file
        :raises AuthError: a project named by the caller, or all matches, have managed access
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

    It has a method for each operation of the service (``dir(azul)`` lists them), and those of :class:`AzulJobs`.

    :param config: settings; default: the user's
    :param options: further arguments of :class:`hca_base.openapi.Client`
    """

    example_name = "azul"


class AnvilClient(AzulJobs, AnvilOperations):
    """A client of AnVIL, with the interface of :class:`AzulClient`; projects are called datasets."""

    default_service = ANVIL_SERVICE
    example_name = "anvil"
