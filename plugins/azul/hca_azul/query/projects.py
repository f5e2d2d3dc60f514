"""Projects, by whatever name people know them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_azul.query.rows import Hit, terms_of, values
from hca_azul.query.search import Search, get_entity
from hca_base.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

#: Projects of one name that are shown, where a name is not enough.
_SHOWN = 10
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Project(NamedTuple):
    """A project.

    :ivar accessible: whether the user may have its files; None if the service does not say
    :ivar hit: what the service says of it
    """

    uuid: str
    short: str
    title: str
    accessible: bool | None
    hit: Hit

    @property
    def filters(self) -> dict[str, Any]:
        """What chooses this project alone."""
        return {"projectId": {"is": [self.uuid]}}


def find_project(client: AzulConnection, name: str, catalog: str | None = None) -> Project:
    """A project by its UUID, short name, or title.

    :raises NotFoundError: there is none; the hint names some that are like it
    :raises UsageError: there are several of that name
    """
    if _UUID.fullmatch(name):
        return _project(get_entity(client, "projects", name.lower(), catalog))
    facets: dict[str, Any] = {}
    for field in ("project", "projectTitle"):
        search = Search(client, "projects", {field: {"is": [name]}}, catalog=catalog, limit=_SHOWN)
        found = [str(hit.get("entryId")) for hit in search]
        if len(found) > 1:
            raise UsageError(f"there are several projects {name!r}", hint=f"name one by its UUID: {', '.join(found)}")
        if found:
            return _project(get_entity(client, "projects", found[0], catalog))
        facets |= {field: search.facets.get(field)}
    import difflib

    known = {str(term).casefold(): str(term) for f in facets for term, _ in terms_of(facets, f) if term is not None}
    close = difflib.get_close_matches(name.casefold(), list(known), 3, 0.5)
    close += [one for one in known if name.casefold() in one and one not in close]
    told = " or ".join(repr(known[one]) for one in close[:3])
    raise NotFoundError(
        f"there is no project {name!r} in catalog {client.catalog(catalog)}",
        hint=f"did you mean {told}?" if told else "'hca azul projects' lists them",
    )


def _project(hit: Hit) -> Project:
    short = values(hit, "projects", "projectShortname")
    title = values(hit, "projects", "projectTitle")
    accessible = [one for one in values(hit, "projects", "accessible") if isinstance(one, bool)]
    return Project(
        str(hit.get("entryId") or ""),
        str(short[0]) if short else "",
        str(title[0]) if title else "",
        all(accessible) if accessible else None,
        hit,
    )
