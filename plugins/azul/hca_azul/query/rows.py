"""What a person wants to know of an entity, in columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Hit = Mapping[str, Any]

#: The largest number that JSON carries safely.
HIGHEST = 2**53 - 1
#: Columns that are shown when none are chosen; more can be.
COLUMNS = {
    "projects": ("project", "organ", "species", "library", "donors", "cells", "files", "bytes", "access", "id"),
    "samples": ("sample", "type", "organ", "disease", "species", "project", "files", "bytes", "id"),
    "files": ("name", "format", "bytes", "organ", "species", "project", "id"),
    "bundles": ("id", "version", "project", "organ", "species", "files", "bytes"),
}


def row_of(kind: str, hit: Hit) -> dict[str, Any]:
    """An entity's columns: those shown, and more that may be chosen."""
    row: dict[str, Any] = {
        "id": hit.get("entryId"),
        "project": _inner(hit, "projects", "projectShortname"),
        "title": _inner(hit, "projects", "projectTitle"),
        "project_id": _inner(hit, "projects", "projectId"),
        "laboratory": _inner(hit, "projects", "laboratory"),
        "organ": _inner(hit, "samples", "effectiveOrgan") or _inner(hit, "specimens", "organ"),
        "disease": _inner(hit, "donorOrganisms", "disease")
        if kind == "projects"
        else _inner(hit, "samples", "disease"),
        "species": _inner(hit, "donorOrganisms", "genusSpecies"),
        "stage": _inner(hit, "donorOrganisms", "developmentStage"),
        "sex": _inner(hit, "donorOrganisms", "biologicalSex"),
        "library": _inner(hit, "protocols", "libraryConstructionApproach"),
        "instrument": _inner(hit, "protocols", "instrumentManufacturerModel"),
        "donors": _sum(hit, "donorOrganisms", "donorCount"),
        "cells": _cells(hit),
        "access": _access(hit),
    }
    if kind == "files":
        return row | _file_columns(hit)
    row["files"] = _sum(hit, "fileTypeSummaries", "count")
    row["bytes"] = _sum(hit, "fileTypeSummaries", "totalSize")
    row["formats"] = _inner(hit, "fileTypeSummaries", "format")
    if kind == "samples":
        row["sample"] = _inner(hit, "samples", "id")
        row["type"] = _inner(hit, "samples", "sampleEntityType")
    elif kind == "bundles":
        row["version"] = _inner(hit, "bundles", "bundleVersion")
    return row


def _file_columns(hit: Hit) -> dict[str, Any]:
    file = next(iter(inner(hit, "files")), {})
    return {
        "id": file.get("uuid"),
        "name": file.get("name"),
        "format": file.get("format"),
        "bytes": file.get("size"),
        "version": file.get("version"),
        "sha256": file.get("sha256"),
        "content": joined(file.get("contentDescription")),
        "source": file.get("fileSource"),
        "sample": _inner(hit, "samples", "id"),
        "drs_uri": file.get("drs_uri"),
        "mirrored": bool(file.get("azul_mirror_uri")),
    }


def inner(hit: Hit, name: str) -> list[dict[str, Any]]:
    """The inner entities of one kind."""
    found = hit.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def values(hit: Hit, name: str, member: str) -> list[Any]:
    """The values of a member of all inner entities of one kind, each once, without those that are missing."""
    found: dict[Any, None] = {}
    for one in inner(hit, name):
        value = one.get(member)
        for part in value if isinstance(value, list) else [value]:
            if part is not None and part != "":
                found.setdefault(part if isinstance(part, str | int | float | bool) else str(part))
    return list(found)


def joined(value: Any) -> str:
    """One text of one or several values."""
    parts = value if isinstance(value, list) else [value]
    return ", ".join(str(part) for part in parts if part is not None)


def _inner(hit: Hit, name: str, member: str) -> str:
    return joined(values(hit, name, member))


def _sum(hit: Hit, name: str, member: str) -> int | None:
    numbers = [number for one in inner(hit, name) if (number := whole(one.get(member))) is not None]
    return sum(numbers) if numbers else None


def whole(value: Any) -> int | None:
    """A number that a service told, as a whole one; None where it is none.

    JSON may hold numbers that no service counts to, and 1e999, which Python takes for infinity.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not -HIGHEST <= value <= HIGHEST:
        return None
    return int(value)


def terms_of(facets: Mapping[str, Any], field: str) -> list[tuple[Any, int]]:
    """The values of a field and how often each occurs, most frequent first."""
    entry = facets.get(field)
    terms = entry.get("terms") if isinstance(entry, dict) else None
    found = [
        (term.get("term"), whole(term.get("count")) or 0)
        for term in (terms if isinstance(terms, list) else ())
        if isinstance(term, dict)
    ]
    return sorted(found, key=lambda one: (-one[1], str(one[0])))


def _cells(hit: Hit) -> int | None:
    stated = [n for one in inner(hit, "projects") if (n := whole(one.get("estimatedCellCount"))) is not None]
    if stated:
        return max(stated)
    return _sum(hit, "cellSuspensions", "totalCells")


def _access(hit: Hit) -> str:
    known = [one["accessible"] for one in inner(hit, "projects") if isinstance(one.get("accessible"), bool)]
    return "" if not known else "open" if all(known) else "managed"


def for_people(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows for a table: numbers of bytes and other large ones as people write them."""
    from hca_base.output import format_bytes

    found = []
    for row in rows:
        shown = dict(row)
        for name, value in row.items():
            if isinstance(value, int) and not isinstance(value, bool):
                shown[name] = format_bytes(value) if name in ("bytes", "size") else f"{value:,}"
            elif isinstance(value, str) and len(value) > 60 and name not in ("url", "id"):
                shown[name] = value[:57] + "…"
        found.append(shown)
    return found
