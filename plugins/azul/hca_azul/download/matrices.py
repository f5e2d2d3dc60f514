"""Matrices: count files, by species, development stage, organ and library preparation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_azul.flavours.flavour import Unit
from hca_azul.flavours.hca import file_members
from hca_azul.flavours.hits import Hit, inner, joined, values, whole
from hca_azul.lists.entries import Entry, of_hit, of_members
from hca_azul.query.search import Search, get_entity

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

#: The service's names of strata -> ours.
STRATA = {
    "genusSpecies": "species",
    "developmentStage": "stage",
    "organ": "organ",
    "libraryConstructionApproach": "library",
}
TREES = {"matrices": "DCP", "contributedAnalyses": "contributors"}
#: Formats of matrices, for files that are not declared as such.
FORMATS = (
    "loom",
    "h5ad",
    "h5",
    "mtx",
    "mtx.gz",
    "rds",
    "Rds",
    "RDS",
    "csv",
    "csv.gz",
    "tsv",
    "tsv.gz",
    "txt.gz",
    "zip",
)
_MAX_DEPTH = 24


class Matrix(NamedTuple):
    """A matrix.

    :ivar strata: species, stage, organ, library -> values
    :ivar made_by: DCP (uniform processing), contributors, or unknown (found by its format)
    :ivar cells: number of cells, if the service knows
    """

    entry: Entry
    strata: dict[str, list[str]]
    made_by: str
    content: str
    cells: int | None
    intermediate: bool | None

    def row(self) -> dict[str, Any]:
        """Its columns."""
        return {
            "project": self.entry.project,
            "name": self.entry.name,
            **{name: ", ".join(self.strata.get(name, ())) for name in STRATA.values()},
            "content": self.content,
            "made_by": self.made_by,
            "cells": self.cells,
            "bytes": self.entry.size,
            "id": self.entry.uuid,
        }


class MatrixQuery(NamedTuple):
    """Which matrices to find.

    :ivar filters: of projects, in the service's JSON form
    :ivar strata: species, stage, organ, library -> values; the matrix itself must have one of them
    :ivar by_format: also include files with a matrix format that are not declared as matrices
    :ivar intermediate: also include intermediate results
    """

    filters: Mapping[str, Any]
    strata: Mapping[str, list[str]] = {}
    catalog: str | None = None
    by_format: bool = False
    intermediate: bool = False


class MatrixSearch:
    """Iterate over the matrices of matching projects.

    A page of projects takes one request, and another one if files are searched by format.

    :ivar managed: listed projects whose files the user cannot access
    """

    def __init__(self, client: AzulConnection, query: MatrixQuery) -> None:
        self.client, self.query = client, query
        self._projects = Search(client, "projects", query.filters, catalog=query.catalog)
        self._wanted = {name: {value.casefold() for value in one} for name, one in query.strata.items() if one}

    @property
    def managed(self) -> list[Unit]:
        """Projects with managed access, available once they were listed."""
        return self._projects.managed

    @property
    def projects(self) -> Search:
        """The list of projects."""
        return self._projects

    def __iter__(self) -> Iterator[Matrix]:
        for page in self._projects.pages():
            seen: set[str] = set()
            for hit in page:
                yield from self._in_trees(hit, seen)
            if self.query.by_format and page:
                yield from self._by_format([str(hit.get("entryId")) for hit in page], seen)

    def _in_trees(self, hit: Hit, seen: set[str]) -> Iterator[Matrix]:
        if not any(tree in one for one in inner(hit, "projects") for tree in TREES):
            # Releases before 10 omit the trees in lists.
            hit = get_entity(self.client, "projects", str(hit.get("entryId")), self.query.catalog)
        found: dict[str, list[Matrix]] = {}
        for matrix in of_project(hit):
            found.setdefault(matrix.entry.uuid, []).append(matrix)
        seen.update(found)
        for places in found.values():
            # A matrix of several species, for example, is in the tree once for each: one place is enough.
            if self._is_shown(places[0]) and any(_is_wanted(place, self._wanted) for place in places):
                yield _joined(places)

    def _by_format(self, projects: list[str], seen: set[str]) -> Iterator[Matrix]:
        own = {"projectId": {"is": projects}, "fileFormat": {"is": list(FORMATS)}}
        for hit in Search(self.client, "files", own, catalog=self.query.catalog):
            for entry in of_hit(self.client.flavour, hit):
                matrix = Matrix(entry, _strata_of(hit), "", _content(hit), *_facts(hit))
                if entry.uuid not in seen and self._is_shown(matrix) and _is_wanted(matrix, self._wanted):
                    seen.add(entry.uuid)
                    yield matrix

    def _is_shown(self, matrix: Matrix) -> bool:
        return self.query.intermediate or not matrix.intermediate


def of_project(project: Hit) -> Iterator[Matrix]:
    """The matrices in the trees of a project."""
    short = values(project, "projects", "projectShortname")
    shared = {"project": str(short[0]) if short else "", "project_id": str(project.get("entryId") or "")}
    for one in inner(project, "projects"):
        for tree, made_by in TREES.items():
            for strata, file in _leaves(one.get(tree), {}, 0):
                yield _matrix(file, strata, made_by, shared)


def _joined(places: Sequence[Matrix]) -> Matrix:
    """One matrix from all its places in the tree, with their values combined."""
    strata: dict[str, list[str]] = {}
    for place in places:
        for name, found in place.strata.items():
            strata[name] = list(dict.fromkeys([*strata.get(name, ()), *found]))
    first = places[0]
    told: Any = _told(strata)
    return first._replace(strata=strata, entry=first.entry._replace(**told))


def _told(strata: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: ", ".join(strata.get(name, ())) for name in ("organ", "species", "library")}


def _leaves(
    node: Any, strata: dict[str, list[str]], depth: int, dimension: str = ""
) -> Iterator[tuple[dict[str, list[str]], dict[str, Any]]]:
    """Files of a tree, whose levels alternate between a dimension and its values."""
    if isinstance(node, list):
        for file in node:
            if isinstance(file, dict):
                yield strata, file
        return
    if not isinstance(node, dict) or depth > _MAX_DEPTH:
        return
    for name, below in node.items():
        if dimension:
            found = [*strata.get(STRATA.get(dimension, dimension), ()), str(name)]
            yield from _leaves(below, {**strata, STRATA.get(dimension, dimension): found}, depth + 1)
        else:
            yield from _leaves(below, strata, depth + 1, str(name))


def _matrix(file: dict[str, Any], strata: dict[str, list[str]], made_by: str, shared: dict[str, str]) -> Matrix:
    content = joined(file.get("contentDescription"))
    return Matrix(
        of_members({**file_members(file), **shared, **_told(strata)}), strata, made_by, content, *_facts_of(file)
    )


def _facts_of(file: Mapping[str, Any]) -> tuple[int | None, bool | None]:
    """Number of cells, and whether it is an intermediate result."""
    intermediate = file.get("isIntermediate")
    return whole(file.get("matrixCellCount")), intermediate if isinstance(intermediate, bool) else None


def _facts(hit: Hit) -> tuple[int | None, bool | None]:
    return _facts_of(next(iter(inner(hit, "files")), {}))


def _strata_of(hit: Hit) -> dict[str, list[str]]:
    found = {
        "species": values(hit, "donorOrganisms", "genusSpecies"),
        "stage": values(hit, "donorOrganisms", "developmentStage"),
        "organ": values(hit, "samples", "effectiveOrgan") or values(hit, "specimens", "organ"),
        "library": values(hit, "protocols", "libraryConstructionApproach"),
    }
    return {name: [str(value) for value in ones] for name, ones in found.items()}


def _content(hit: Hit) -> str:
    return ", ".join(joined(file.get("contentDescription")) for file in inner(hit, "files"))


def _is_wanted(matrix: Matrix, wanted: Mapping[str, set[str]]) -> bool:
    # A combined value, such as "brain, blood", counts for each of its parts.
    return all(
        any(part.strip().casefold() in alternatives for value in matrix.strata.get(name, ()) for part in _parts(value))
        for name, alternatives in wanted.items()
    )


def _parts(value: str) -> list[str]:
    return [value, *value.split(",")]
