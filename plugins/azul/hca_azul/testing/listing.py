"""Filters, listings, facets and sums over an atlas, in the service's own shapes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from hca_azul.testing.model import VERSION, Atlas, File, Project, uuid_of

Pair = tuple[Project, File]
#: Fields that can be told by their values; the others are too many.
_FACETS = [
    "biologicalSex",
    "contentDescription",
    "developmentStage",
    "donorDisease",
    "effectiveOrgan",
    "fileFormat",
    "genusSpecies",
    "laboratory",
    "libraryConstructionApproach",
    "organ",
    "organismAge",
    "project",
    "projectTitle",
    "sampleDisease",
    "specimenOrgan",
]
DEFAULT_SORTS = {
    "files": ("fileName", "asc"),
    "samples": ("sampleId", "asc"),
    "projects": ("projectTitle", "asc"),
    "bundles": ("bundleVersion", "desc"),
}
MAX_SIZES = {"files": 1000, "samples": 1000, "projects": 100, "bundles": 100}


class BadRequest(Exception):
    """A request that the service refuses with 400."""


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
        if name in ("accessible", "sourceId") and (operator != "is" or None in values):
            raise BadRequest(f"The `filters` parameter entry for `{name}` is not valid")
        found[name] = (operator, values)
    return found


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(bound) in (int, float) for bound in value)


def matches(facts: Mapping[str, list[Any]], filters: Mapping[str, tuple[str, list[Any]]]) -> bool:
    """Whether something satisfies all filters."""
    return all(_matches(facts.get(name, [None]), *operation) for name, operation in filters.items())


def _matches(values: list[Any], operator: str, wanted: list[Any]) -> bool:
    if operator == "is":
        return any(value in wanted for value in values)
    spans = [value if isinstance(value, tuple) else (value, value) for value in values if value is not None]
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "within": lambda span, pair: pair[0] <= span[0] and span[1] <= pair[1],
        "contains": lambda span, pair: span[0] <= pair[0] and pair[1] <= span[1],
        "intersects": lambda span, pair: span[0] <= pair[1] and pair[0] <= span[1],
    }
    return all(any(tests[operator](span, pair) for span in spans) for pair in wanted)


class Listing:
    """The entities of one request.

    :param allowed: managed data may be seen
    :param url: of the service, for the addresses of files
    """

    def __init__(
        self,
        atlas: Atlas,
        catalog: str,
        filters: Mapping[str, tuple[str, list[Any]]],
        *,
        allowed: bool,
        url: str,
        old: bool,
    ) -> None:
        self.atlas, self.catalog, self.filters = atlas, catalog, filters
        self.allowed, self.url, self.old = allowed, url, old
        self._facts: dict[str, dict[str, list[Any]]] = {}

    def pairs(self, *, hidden: bool = False, without: str = "") -> list[Pair]:
        """Files that match, with their projects.

        :param hidden: also those of projects that the caller may not see
        :param without: a field whose filter does not count
        """
        filters = {name: operation for name, operation in self.filters.items() if name != without}
        return [
            (project, file)
            for project in self.atlas.projects
            for file in project.files
            if (hidden or self.allowed or not project.managed) and matches(self.facts(project, file), filters)
        ]

    def facts(self, project: Project, file: File) -> dict[str, list[Any]]:
        """What a file can be found by."""
        found = self._facts.get(file.uuid)
        if found is None:
            found = project.facts(file) | {"accessible": [self.allowed or not project.managed]}
            self._facts[file.uuid] = found
        return found

    def groups(self, kind: str) -> dict[str, list[Pair]]:
        """UUID of an entity -> its files."""
        found: dict[str, list[Pair]] = {}
        for project, file in self.pairs(hidden=kind == "projects"):
            found.setdefault(_uuid(kind, project, file), []).append((project, file))
        return found

    def page(self, kind: str, sort: str | None, order: str | None, size: int, after: int) -> tuple[list[Any], int]:
        """Entities from number ``after`` on, and how many there are in all."""
        default = DEFAULT_SORTS[kind]
        field, direction = sort or default[0], order or (default[1] if sort is None else "asc")
        groups = sorted(self.groups(kind).items())

        def value(group: tuple[str, list[Pair]]) -> tuple[bool, str | float, str]:
            values = [v for pair in group[1] for v in self.facts(*pair).get(field, [None]) if v is not None]
            first: Any = min(values, key=str) if values else None
            return first is None, first if isinstance(first, int | float) else str(first), group[0]

        groups.sort(key=value, reverse=direction == "desc")
        hits = [self.hit(kind, uuid, pairs) for uuid, pairs in groups[after : after + size]]
        return hits, len(groups)

    def facets(self) -> dict[str, Any]:
        """How often each value occurs; the filter on a field does not narrow its own values."""
        answer = {}
        everything = self.pairs(hidden=True)
        for name in _FACETS:
            pairs = self.pairs(hidden=True, without=name) if name in self.filters else everything
            counts: Counter[str] = Counter(
                json.dumps(value) for pair in pairs for value in self.facts(*pair).get(name, [None])
            )
            terms = [{"term": json.loads(term), "count": count} for term, count in counts.most_common()]
            answer[name] = {"terms": terms, "total": sum(counts.values()), "type": "terms"}
        return answer

    def file_url(self, file: File) -> str | None:
        """Where the service gives a file."""
        if file.external:
            return None
        query = f"catalog={self.catalog}&version={quote(file.version, safe='')}"
        return f"{self.url}/repository/files/{file.uuid}?{query}"

    def mirror_uri(self, file: File) -> str | None:
        """Where the mirror is said to have a file."""
        return f"s3://mirror-bucket/file/{file.sha256}.sha256" if file.mirrored else None

    def file_entry(self, file: File, accessible: bool = True) -> dict[str, Any]:
        """A file, as listings and trees of matrices have it."""
        addresses: dict[str, Any] = {"url": self.file_url(file)}
        if not self.old:
            addresses = {"azul_url": self.file_url(file), "azul_mirror_uri": self.mirror_uri(file)}
        return {
            "contentDescription": [file.content],
            "format": file.format,
            "isIntermediate": file.intermediate if file.matrix else None,
            "name": file.name,
            "sha256": file.sha256,
            "size": file.size,
            "fileSource": "DCP/2 Analysis",
            "uuid": file.uuid,
            "version": file.version,
            "matrixCellCount": 1000 if file.matrix else None,
            "drs_uri": file.drs_uri,
            "accessible": accessible,
            **addresses,
        }

    def hit(self, kind: str, uuid: str, pairs: list[Pair], whole: bool = False) -> dict[str, Any]:
        """One entity."""
        projects = {project.uuid: project for project, _ in pairs}
        samples = {(project.uuid, file.sample): project for project, file in pairs}
        stages, species, organs, libraries = (
            sorted({value for pair in pairs for value in self.facts(*pair)[name]})
            for name in ("developmentStage", "genusSpecies", "organ", "libraryConstructionApproach")
        )
        first = pairs[0][0]
        accessible = self.allowed or not first.managed
        names = [project.sample_id(number) for (_, number), project in samples.items()]
        hit: dict[str, Any] = {
            "entryId": uuid,
            "sources": [{"sourceId": uuid_of("snapshot"), "sourceSpec": "tdr:bigquery:gcp:p:snapshot/x:/0"}],
            "bundles": [
                {"bundleUuid": bundle, "bundleVersion": VERSION}
                for bundle in sorted({project.bundle(file.sample) for project, file in pairs})
            ],
            "projects": [
                {
                    "projectId": [project.uuid] if kind != "projects" else project.uuid,
                    "projectTitle": [project.title] if kind != "projects" else project.title,
                    "projectShortname": [project.short] if kind != "projects" else project.short,
                    "laboratory": [project.lab],
                    "estimatedCellCount": project.cells,
                    "accessible": accessible,
                    "projectDescription": "A project that was made up.",
                    "publications": [],
                    "accessions": [],
                    **(self.trees(project) if kind == "projects" and whole else {}),
                }
                for project in projects.values()
            ],
            "samples": [
                {
                    "sampleEntityType": ["specimens"],
                    "id": names,
                    "organ": organs,
                    "organPart": [None],
                    "effectiveOrgan": organs,
                    "disease": [first.disease],
                }
            ],
            "specimens": [{"id": names, "organ": organs, "disease": [first.disease], "preservationMethod": [None]}],
            "donorOrganisms": [
                {
                    "id": [f"{first.short}_donor"],
                    "donorCount": 1,
                    "developmentStage": stages,
                    "genusSpecies": species,
                    "organismAge": [dict(zip(("value", "unit"), first.age.split(" "), strict=True))],
                    "biologicalSex": [first.sex],
                    "disease": [first.disease],
                }
            ],
            "cellLines": [],
            "organoids": [],
            "cellSuspensions": [{"organ": organs, "totalCells": first.cells, "selectedCellType": [None]}],
            "protocols": [
                {"libraryConstructionApproach": libraries, "nucleicAcidSource": ["single cell"]},
                {"instrumentManufacturerModel": ["Illumina NextSeq 500"], "pairedEnd": [True]},
            ],
            "dates": [{"aggregateLastModifiedDate": VERSION}],
        }
        if kind == "files":
            hit["files"] = [self.file_entry(pairs[0][1], accessible)]
        else:
            hit["fileTypeSummaries"] = self.file_types(pairs)
        return hit

    def file_types(self, pairs: list[Pair]) -> list[dict[str, Any]]:
        """Files by their format."""
        found: dict[str, list[File]] = {}
        for _, file in pairs:
            found.setdefault(file.format, []).append(file)
        return [
            {"format": name, "count": len(files), "totalSize": float(sum(file.size for file in files))}
            for name, files in sorted(found.items())
        ]

    def trees(self, project: Project) -> dict[str, Any]:
        """A project's matrices, by species, stage, organ and library."""
        tree: dict[str, Any] = {}
        for file in project.files:
            if file.matrix is None:
                continue
            dimensions = ("genusSpecies", "developmentStage", "organ", "libraryConstructionApproach")
            for place in (file.matrix, *file.also):
                node: Any = tree
                for dimension, value in zip(dimensions[:-1], place[:-1], strict=True):
                    node = node.setdefault(dimension, {}).setdefault(value, {})
                node.setdefault(dimensions[-1], {}).setdefault(place[-1], []).append(self.file_entry(file))
        return {"matrices": tree, "contributedAnalyses": {}}

    def summary(self) -> dict[str, Any]:
        """The sums."""
        pairs = self.pairs(hidden=True)
        projects = {project.uuid: project for project, _ in pairs}.values()
        return {
            "projectCount": len(projects),
            "specimenCount": len({(p.uuid, f.sample) for p, f in pairs}),
            "speciesCount": len({p.species for p in projects}),
            "fileCount": len(pairs),
            "totalFileSize": float(sum(f.size for _, f in pairs)),
            "donorCount": len(projects),
            "labCount": len({p.lab for p in projects}),
            "organTypes": sorted({p.organ for p in projects}),
            "fileTypeSummaries": self.file_types(pairs),
            "cellCountSummaries": [
                {"organType": [p.organ], "countOfDocsWithOrganType": 1, "totalCellCountByOrgan": float(p.cells)}
                for p in projects
            ],
            "projects": [],
        }


def _uuid(kind: str, project: Project, file: File) -> str:
    return {
        "files": file.uuid,
        "projects": project.uuid,
        "samples": uuid_of("sample", project.short, file.sample),
        "bundles": project.bundle(file.sample),
    }[kind]
