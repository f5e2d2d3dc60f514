"""Filters and listings over an atlas; shapes define the format of entities."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from hca_azul.testing.answers import BadRequest
from hca_azul.testing.model import Atlas, File, Project

Pair = tuple[Project, File]


class Shape(Protocol):
    """The entities of one metadata plugin of the service.

    :ivar kinds: kind -> default sort (field, order)
    :ivar known: names of the fields for filters
    :ivar facets: names of the fields with facets
    :ivar whole: the kind whose entities are listed even if their files are hidden
    :ivar plugin: name of the metadata plugin in the list of catalogs
    :ivar curl_of_mirrored: whether curl manifests only list mirrored files
    """

    @property
    def kinds(self) -> Mapping[str, tuple[str, str]]:
        """Kinds of entities."""

    @property
    def known(self) -> Collection[str]:
        """Fields."""

    @property
    def facets(self) -> Collection[str]:
        """Fields with facets."""

    @property
    def whole(self) -> str:
        """The kind that access is granted to."""

    @property
    def plugin(self) -> str:
        """The metadata plugin."""

    @property
    def curl_of_mirrored(self) -> bool:
        """Whether curl manifests only list mirrored files."""

    def facts(self, project: Project, file: File) -> dict[str, list[Any]]:
        """The fields of a file for filters: field -> values."""

    def uuid(self, kind: str, project: Project, file: File) -> str:
        """The entity of a kind that a file belongs to."""

    def hit(self, listing: Listing, kind: str, uuid: str, pairs: list[Pair]) -> dict[str, Any]:
        """One entity."""

    def mirror_uri(self, project: Project, file: File) -> str | None:
        """The mirror URI of a file."""

    def row(self, listing: Listing, project: Project, file: File) -> dict[str, str]:
        """A file's row of a compact manifest."""

    def unit_facts(self, project: Project) -> dict[str, Any]:
        """A project or dataset in PFB."""

    def file_facts(self, project: Project, file: File) -> dict[str, Any]:
        """A file in PFB."""

    def replicas(self, listing: Listing) -> list[tuple[str, str, dict[str, Any]]]:
        """The metadata as stored in the repository: (table, id, contents)."""

    def summary(self, listing: Listing) -> dict[str, Any]:
        """The sums: over all projects or datasets, and over the other entities visible to the caller."""


def parse_filters(text: str | None, known: Iterable[str]) -> dict[str, tuple[str, list[Any]]]:
    """Field -> (operator, values)."""
    if text is None:
        return {}
    try:
        filters = json.loads(text)
    except ValueError:
        raise BadRequest("The `filters` parameter is not valid JSON") from None
    if not isinstance(filters, dict):
        raise BadRequest("The `filters` parameter must be a dictionary")
    found = {}
    for name, operation in filters.items():
        if name not in known:
            raise BadRequest(f"Unknown field `{name}`")
        if not isinstance(operation, dict) or len(operation) != 1:
            raise BadRequest(f"The `filters` parameter entry for `{name}` may only specify a single filter operator")
        operator, values = next(iter(operation.items()))
        if operator not in ("is", "within", "contains", "intersects") or not isinstance(values, list):
            raise BadRequest(f"The operator in the `filters` parameter entry for `{name}` is not valid")
        if operator != "is" and not all(_is_pair(value) for value in values):
            raise BadRequest(f"The value of the `{operator}` operator for `{name}` is not a list of pairs")
        if name in ("accessible", "sourceId", "source_id") and (operator != "is" or None in values):
            raise BadRequest(f"The `filters` parameter entry for `{name}` is not valid")
        if name == "accessions" and (len(values) != 1 or not isinstance(values[0], dict)):
            raise BadRequest("The `filters` parameter entry for `accessions` must have exactly one object")
        found[name] = (operator, values)
    return found


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(bound) in (int, float) for bound in value)


def matches(facts: Mapping[str, list[Any]], filters: Mapping[str, tuple[str, list[Any]]]) -> bool:
    """Whether something matches all filters."""
    return all(_matches(facts.get(name, [None]), *operation) for name, operation in filters.items())


def _matches(values: list[Any], operator: str, wanted: list[Any]) -> bool:
    if operator == "is":
        return any(_is(value, one) for value in values for one in wanted)
    spans = [value if isinstance(value, tuple) else (value, value) for value in values if value is not None]
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "within": lambda span, pair: pair[0] <= span[0] and span[1] <= pair[1],
        "contains": lambda span, pair: span[0] <= pair[0] and pair[1] <= span[1],
        "intersects": lambda span, pair: span[0] <= pair[1] and pair[0] <= span[1],
    }
    return all(any(tests[operator](span, pair) for span in spans) for pair in wanted)


def _is(value: Any, wanted: Any) -> bool:
    if isinstance(value, dict) and isinstance(wanted, dict):
        return all(value.get(name) == one for name, one in wanted.items())
    return bool(value == wanted)


class Listing:
    """The entities visible to a caller.

    :param allowed: whether the caller may see managed data
    :param url: of the service, for the URLs of files
    """

    def __init__(
        self,
        atlas: Atlas,
        shape: Shape,
        catalog: str,
        filters: Mapping[str, tuple[str, list[Any]]],
        *,
        allowed: bool,
        url: str,
        old: bool,
    ) -> None:
        self.atlas, self.shape, self.catalog, self.filters = atlas, shape, catalog, filters
        self.allowed, self.url, self.old = allowed, url, old
        self._facts: dict[str, dict[str, list[Any]]] = {}
        self._sorted: dict[tuple[str, str, str], list[tuple[str, list[Pair]]]] = {}
        self._facets: dict[bool, dict[str, Any]] = {}

    def pairs(self, kind: str = "files", *, hidden: bool = False, without: str = "") -> list[Pair]:
        """Matching files, with their projects.

        :param kind: of the listed entities; the field ``entryId`` has their UUIDs
        :param hidden: include those of projects that the caller may not see
        :param without: a field whose filter is ignored
        """
        filters = {name: operation for name, operation in self.filters.items() if name != without}
        listed = filters.pop("entryId", None)
        return [
            (project, file)
            for project in self.atlas.projects
            for file in project.files
            if (hidden or self.allowed or not project.managed)
            and matches(self.facts(project, file), filters)
            and (listed is None or _matches([self.shape.uuid(kind, project, file)], *listed))
        ]

    def accessible(self, project: Project) -> bool:
        """Whether the caller can access a project's files."""
        return self.allowed or not project.managed

    def facts(self, project: Project, file: File) -> dict[str, list[Any]]:
        """The fields of a file for filters."""
        found = self._facts.get(file.uuid)
        if found is None:
            found = self.shape.facts(project, file) | {"accessible": [self.accessible(project)]}
            self._facts[file.uuid] = found
        return found

    def values(self, pairs: list[Pair], name: str) -> list[Any]:
        """The distinct values of a field, in order."""
        return sorted({value for pair in pairs for value in self.facts(*pair).get(name, [None])}, key=str)

    def groups(self, kind: str) -> dict[str, list[Pair]]:
        """UUID of an entity -> its files."""
        found: dict[str, list[Pair]] = {}
        for project, file in self.pairs(kind, hidden=kind == self.shape.whole):
            found.setdefault(self.shape.uuid(kind, project, file), []).append((project, file))
        return found

    def page(self, kind: str, sort: str, order: str, size: int, after: int) -> tuple[list[Any], int]:
        """Entities starting at number ``after``, and the total."""
        groups = self._sorted.get((kind, sort, order))
        if groups is None:
            groups = sorted(self.groups(kind).items())

            def value(group: tuple[str, list[Pair]]) -> tuple[bool, str | float, str]:
                values = [v for pair in group[1] for v in self.facts(*pair).get(sort, [None]) if v is not None]
                first: Any = min(values, key=str) if values else None
                return first is None, first if isinstance(first, int | float) else str(first), group[0]

            groups.sort(key=value, reverse=order == "desc")
            self._sorted[kind, sort, order] = groups
        hits = [self.shape.hit(self, kind, uuid, pairs) for uuid, pairs in groups[after : after + size]]
        return hits, len(groups)

    def facets(self, kind: str) -> dict[str, Any]:
        """The count of each value; the field's own filter is ignored."""
        hidden = kind == self.shape.whole
        if hidden in self._facets and "entryId" not in self.filters:
            return self._facets[hidden]
        answer = {}
        everything = self.pairs(kind, hidden=hidden)
        for name in self.shape.facets:
            pairs = self.pairs(kind, hidden=hidden, without=name) if name in self.filters else everything
            counts: Counter[str] = Counter(
                json.dumps(_as_text(value)) for pair in pairs for value in self.facts(*pair).get(name, [None])
            )
            terms = [{"term": json.loads(term), "count": count} for term, count in counts.most_common()]
            answer[name] = {"terms": terms, "total": sum(counts.values()), "type": "terms"}
        self._facets[hidden] = answer
        return answer

    def file_url(self, file: File) -> str | None:
        """The service's URL of a file."""
        if file.external:
            return None
        query = f"catalog={self.catalog}&version={quote(file.version, safe='')}"
        return f"{self.url}/repository/files/{file.uuid}?{query}"


def _as_text(value: Any) -> Any:
    # The service counts booleans as strings.
    return str(value).lower() if isinstance(value, bool) else value
