"""Links for other services: the collection of a publication."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.plugins import Link


def collections_by_doi(config: Config) -> Iterator[tuple[str, Link]]:
    """Yield (DOI, link) for each public collection; the core caches the list.

    :raises HCAError: the service is not available
    """
    from hca_base.plugins import Link
    from hca_cellxgene.client import CellxgeneClient

    with CellxgeneClient(config=config) as client:
        for collection in client.collections():
            if collection.get("doi"):
                yield (
                    str(collection["doi"]),
                    Link(str(collection.get("name") or ""), str(collection.get("collection_url") or "")),
                )
