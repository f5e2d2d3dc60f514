"""The client of Azul: a method for every operation, and whole jobs beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hca_azul.query.connection import AzulConnection

if TYPE_CHECKING:
    from pathlib import Path

    from hca_azul.download.downloading import Outcome
    from hca_azul.download.matrices import Matrix
    from hca_azul.query.search import Search
    from hca_base.transfer import TransferOptions


class AzulClient(AzulConnection):
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

    example_name = "azul"

    # -- finding --

    def search(self, kind: str, filters: Mapping[str, Any] | None = None, **options: Any) -> Search:
        """Entities that match filters: something to iterate over.

        :param kind: projects, samples, files or bundles
        :param filters: as the service wants them, such as ``{"organ": {"is": ["brain"]}}``
        :param options: ``catalog``, ``sort``, ``order``, ``limit``
        """
        from hca_azul.query.search import Search

        return Search(self, kind, filters, **options)

    def matrices(self, filters: Mapping[str, Any] | None = None, *, catalog: str | None = None) -> list[Matrix]:
        """The matrices of projects that match filters, with what each is stratified by."""
        from hca_azul.download.matrices import find_matrices

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
        from hca_azul.manifest.manifests import Manifest

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
        from hca_azul.download.downloading import Wishes, run
        from hca_azul.download.selection import Selection
        from hca_base.transfer import TransferOptions

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
