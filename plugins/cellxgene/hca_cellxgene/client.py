"""The client: a method for each operation of the document, and higher-level methods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_cellxgene.service import SERVICE

if TYPE_CHECKING:
    from hca_base.transfer import Report, TransferOptions
    from hca_cellxgene.filters import Filter
    from hca_cellxgene.operations import CellxgeneOperations as Operations
else:
    from hca_base.openapi import Client as Operations


class CellxgeneClient(Operations):
    """A client of CELLxGENE Discover.

    ::

        cellxgene = CellxgeneClient()
        for dataset in cellxgene.datasets({"tissue": ["lung"], "disease": ["COVID-19"]}):
            print(dataset["title"], dataset["cell_count"])
        cellxgene.download(["DATASET-UUID"], download_dir="data")

    ``dir(cellxgene)`` lists a method for each operation of the service.

    :ivar nothing_matched: whether the last filters matched no dataset
    :ivar unmatched: (field, value, similar labels) of each value that no dataset has, if the last filters matched none
    """

    default_service = SERVICE
    nothing_matched: bool = False
    unmatched: Sequence[tuple[str, str, list[str]]] = ()

    def datasets(
        self, filters: Mapping[str, Sequence[str]] | None = None, *, with_descendants: bool = False
    ) -> list[dict[str, Any]]:
        """Return the public datasets that match filters, as returned by the service.

        :param filters: labels or ontology term IDs by field, such as ``{"tissue": ["lung"]}``; the values of a field
            are alternatives, and all fields must match
        :param with_descendants: also match terms below the given ones (requires the extra ``ontology``)
        :raises UsageError: an unknown field
        """
        from hca_cellxgene.filters import make_filters

        return self._matching(make_filters(filters or {}, with_descendants=with_descendants))

    def collections(
        self, filters: Mapping[str, Sequence[str]] | None = None, *, with_descendants: bool = False
    ) -> list[dict[str, Any]]:
        """Return the public collections that have a dataset matching all filters; see :meth:`datasets`."""
        from hca_base.output import Records
        from hca_cellxgene.filters import make_filters

        made = make_filters(filters or {}, with_descendants=with_descendants)
        found = self._listed("list_collections")
        if not made:
            return found
        # Datasets inside collections lack fields such as cell_type; the list of datasets has all of them.
        wanted = {dataset.get("collection_id") for dataset in self._matching(made)}
        return Records(collection for collection in found if collection.get("collection_id") in wanted)

    def dataset_version(self, identifier: str) -> dict[str, Any] | None:
        """Return one version of a dataset by its UUID, or None if it does not exist or is not public."""
        from hca_base.errors import ServiceError

        try:
            found: Any = self.get_dataset_version(dataset_version_id=identifier)
        except ServiceError as error:
            # The service responds with 403 to unknown versions.
            if error.status not in (400, 403, 404):
                raise
            return None
        return found if isinstance(found, dict) else None

    def download(
        self,
        ids: Iterable[str] = (),
        filters: Mapping[str, Sequence[str]] | None = None,
        *,
        download_dir: Path | str = ".",
        filetypes: Sequence[str] = ("H5AD",),
        update: bool = False,
        with_descendants: bool = False,
        options: TransferOptions | None = None,
    ) -> Report:
        """Download the files of datasets, and pin their versions in ``hca-cellxgene.lock.json``.

        :param ids: UUIDs of datasets, dataset versions or collections
        :param filters: see :meth:`datasets`; instead of ``ids``
        :param filetypes: kinds of files, such as H5AD and RDS
        :param update: use the current versions, also of datasets pinned in the lock file
        :return: a row for each file
        :raises NotFoundError: nothing matches, or a UUID is unknown
        :raises HCAError: files failed
        """
        import logging

        from hca_base.transfer import TransferOptions
        from hca_cellxgene.downloading import Request, run

        request = Request(
            list(ids), dict(filters or {}), tuple(kind.upper() for kind in filetypes), update, with_descendants
        )
        report = run(
            self, request, Path(download_dir), options or TransferOptions(), logging.getLogger("hca.cellxgene").info
        )
        report.raise_for_failures("downloaded")
        return report

    def _matching(self, filters: Sequence[Filter]) -> list[dict[str, Any]]:
        """Return the public datasets that match all filters."""
        from hca_base.output import Records
        from hca_cellxgene.filters import matching, unmatched

        listed = self._listed("list_datasets")
        found = Records(matching(listed, filters))
        self.nothing_matched = bool(filters) and not found
        self.unmatched = unmatched(listed, filters) if self.nothing_matched else []
        return found

    def _listed(self, method: str) -> list[dict[str, Any]]:
        """Return the objects of a listing.

        :raises ServiceError: the response is not a list of objects
        """
        from hca_base.errors import ServiceError

        found = getattr(self, method)()
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise ServiceError(
                f"{self.base_url} responded to {method.replace('_', '-')} with something other than a list of objects",
                status=200,
            )
        return found
