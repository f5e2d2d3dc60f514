"""Finds projects and datasets by any of their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from hca_azul.flavours.flavour import Unit
from hca_azul.flavours.hits import Hit, first_of, terms_of
from hca_azul.query.search import Search, get_entity
from hca_base.errors import NotFoundError, ServiceError, UsageError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

#: Most matches to show for an ambiguous name.
_SHOWN = 10
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
#: Accessions of GEO, ArrayExpress, the Single Cell Portal, the INSDC, EGA, dbGaP and BioStudies.
_ACCESSION = re.compile(
    r"(GSE\d+|E-[A-Z]{4}-\d+|SCP\d+|PRJ[A-Z]{1,2}\d+|[SED]RP\d+|EGA[A-Z]\d+|phs\d+(\.\S+)?|S-[A-Z]+\d+)", re.IGNORECASE
)


class Found(NamedTuple):
    """A project or dataset named by the user.

    :ivar hit: from the service
    """

    unit: Unit
    hit: Hit


def find_unit(client: AzulConnection, name: str, catalog: str | None = None) -> Found:
    """Find a project or dataset by its UUID, short name, title, accession, slug, or portal URL.

    :raises NotFoundError: it does not exist; the hint suggests similar ones
    :raises UsageError: several have this name
    """
    flavour = client.flavour
    text, from_portal = _portal_name(name)
    if _UUID.fullmatch(text):
        return _by_uuid(client, text.lower(), catalog)
    if _ACCESSION.fullmatch(text) and (found := _by_accession(client, text, catalog)):
        return _only(client, name, found)
    facets: dict[str, Any] = {}
    for field in dict.fromkeys(flavour.unit_names):
        search = Search(client, flavour.units, {field: {"is": [text]}}, catalog=catalog, limit=_SHOWN)
        if found := list(search):
            return _only(client, name, found)
        facets |= {field: search.facets.get(field)}
    if from_portal or re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", text):
        for hit in Search(client, flavour.units, catalog=catalog):
            if first_of(hit, flavour.units, "azulSlug") == text:
                return _found(client, hit)
    raise _not_found(client, name, facets, catalog)


def find_units(client: AzulConnection, names: Iterable[str], catalog: str | None = None) -> list[Found]:
    """Find several: see :func:`find_unit`."""
    return [find_unit(client, name, catalog) for name in names]


def _portal_name(name: str) -> tuple[str, bool]:
    """The last path segment of a portal URL; anything else unchanged."""
    if not name.lower().startswith(("https://", "http://")):
        return name.strip(), False
    parts = [unquote(part) for part in urlsplit(name).path.split("/") if part]
    for place, part in enumerate(parts[:-1]):
        if part in ("projects", "datasets"):
            return parts[place + 1], True
    raise UsageError(
        f"{name!r} is not the URL of a project or dataset", hint="for example https://PORTAL/projects/UUID"
    )


def _by_uuid(client: AzulConnection, uuid: str, catalog: str | None) -> Found:
    flavour = client.flavour
    try:
        return _found(client, get_entity(client, flavour.units, uuid, catalog))
    except ServiceError as error:
        if error.status != 404 or flavour.unit_field == "projectId":
            raise
    # AnVIL's datasets also have an identifier of their own.
    found = list(Search(client, flavour.units, flavour.unit_filter([uuid]), catalog=catalog, limit=_SHOWN))
    if found:
        return _only(client, uuid, found)
    raise _not_found(client, uuid, {}, catalog)


def _by_accession(client: AzulConnection, text: str, catalog: str | None) -> list[Hit]:
    flavour = client.flavour
    # Archives use upper case, except dbGaP.
    text = text.lower() if text.lower().startswith("phs") else text.upper()
    values: list[Any] = list(dict.fromkeys([text, text.partition(".")[0]]))
    if flavour.fields[flavour.accession_field].kind == "accession":
        # The service accepts one at a time.
        wanted = [[{"accession": one}] for one in values]
    else:
        wanted = [values]
    for one in wanted:
        filters = {flavour.accession_field: {"is": one}}
        found: list[Hit] = list(Search(client, flavour.units, filters, catalog=catalog, limit=_SHOWN))
        if found:
            return found
    return []


def _only(client: AzulConnection, name: str, hits: list[Any]) -> Found:
    if len(hits) > 1:
        units = [client.flavour.unit_of(hit) for hit in hits]
        shown = ", ".join(f"{unit.short} ({unit.uuid})" for unit in units)
        raise UsageError(
            f"several {client.flavour.units} match {name!r}: {shown}",
            hint=f"pass the UUID of the {client.flavour.unit}",
        )
    return _found(client, hits[0])


def _found(client: AzulConnection, hit: Hit) -> Found:
    return Found(client.flavour.unit_of(hit), hit)


def _not_found(client: AzulConnection, name: str, facets: dict[str, Any], catalog: str | None) -> NotFoundError:
    import difflib

    known = {str(term).casefold(): str(term) for f in facets for term, _ in terms_of(facets, f) if term is not None}
    close = difflib.get_close_matches(name.casefold(), list(known), 3, 0.5)
    close += [one for one in known if name.casefold() in one and one not in close]
    told = " or ".join(repr(known[one]) for one in close[:3])
    flavour = client.flavour
    return NotFoundError(
        f"no {flavour.unit} {name!r} in catalog {client.catalog(catalog)}",
        hint=f"did you mean {told}?" if told else f"'hca {client.service.name} {flavour.units}' lists them",
    )
