"""Links by publication: from projects to entries of other services, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hca_azul.flavours.hits import Hit, first_of, inner, plain

if TYPE_CHECKING:
    from hca_base.config import Config
    from hca_base.plugins import Link

#: The portal's URL of a project; the service's responses do not contain it.
PORTAL = "https://explore.data.humancellatlas.org/projects/"


def dois(hit: Hit) -> list[str]:
    """Return the DOIs of a project's publications, without the resolver's URL."""
    from hca_base.plugins import plain_doi

    found = (
        plain_doi(plain(one.get("doi") or one.get("publicationUrl")))
        for project in inner(hit, "projects")
        for one in inner(project, "publications")
    )
    return [doi for doi in found if doi.startswith("10.")]


def linked(row: dict[str, Any], hit: Hit, sources: Mapping[str, Mapping[str, Link]]) -> dict[str, Any]:
    """Add the entries of other services to a row; existing values stay if there is no entry."""
    for name, known in sources.items():
        found = [known[doi] for doi in dois(hit) if doi in known]
        if found:
            row[name] = "; ".join(f"{link.title} {link.url}".strip() for link in found)
    return row


def projects_by_doi(config: Config) -> Iterator[tuple[str, Link]]:
    """Yield (DOI, link) for each project with a publication; the core caches the list.

    :raises HCAError: the service is not available
    """
    from hca_azul.client import AzulClient
    from hca_base.plugins import Link

    with AzulClient(config=config) as client:
        for hit in client.search("projects"):
            for doi in dois(hit):
                yield doi, Link(first_of(hit, "projects", "projectTitle"), f"{PORTAL}{plain(hit.get('entryId'))}")
