"""The fields of Azul that can be filtered and sorted by, and plain names for them.

The names are those of the HCA plugin of Azul 9.2 and 17.6; another deployment, or a later release, may have others,
which are passed on as they are. A field's own name always means that field: an alias never hides one.
"""

from __future__ import annotations

from typing import NamedTuple

from hca_base.errors import UsageError


class Field(NamedTuple):
    """A field of the service.

    :ivar kind: text, number, boolean, age (value and unit), accession (NAMESPACE:ID), atlas (NAME:VERSION),
        object (JSON), or range (numbers; cannot be listed as terms)
    :ivar about: one line
    :ivar aliases: plain names that stand for it
    """

    name: str
    kind: str
    about: str
    aliases: tuple[str, ...] = ()


_TABLE = (
    Field("accessible", "boolean", "whether the caller may have the data", ("access",)),
    Field("accessions", "accession", "accession of the project in another archive, as NAMESPACE:ID", ("accession",)),
    Field("aggregateLastModifiedDate", "text", "last change of the entity or of anything in it"),
    Field("aggregateSubmissionDate", "text", "first submission of the entity or of anything in it"),
    Field("aggregateUpdateDate", "text", "last update of the entity or of anything in it"),
    Field("assayType", "object", "kind of imaging assay, as a JSON object", ("assay",)),
    Field("biologicalSex", "text", "sex of the donor", ("sex",)),
    Field("bionetworkName", "text", "biological network of the Human Cell Atlas", ("network", "bionetwork")),
    Field("bundleUuid", "text", "UUID of a bundle", ("bundle",)),
    Field("bundleVersion", "text", "version of a bundle"),
    Field("cellCount", "number", "estimated cells of a cell suspension", ("cells",)),
    Field("cellLineType", "text", "kind of cell line", ("cell-line",)),
    Field("contactName", "text", "name of a contact of the project", ("contact",)),
    Field("contentDescription", "text", "what a file holds, such as 'count matrix'", ("content",)),
    Field("dataUseRestriction", "text", "terms under which the data may be used", ("restriction", "consent")),
    Field("developmentStage", "text", "development stage of the donor", ("stage",)),
    Field("donorCount", "number", "donors", ("donors",)),
    Field("donorDisease", "text", "disease of the donor", ("disease",)),
    Field("duosId", "text", "identifier in the Data Use Oversight System", ("duos",)),
    Field("effectiveCellCount", "number", "estimated cells, wherever they were counted"),
    Field("effectiveOrgan", "text", "organ of the sample, or the one it is a model of", ("any-organ",)),
    Field("entryId", "text", "UUID of the listed entity itself", ("id",)),
    Field("fileFormat", "text", "format of a file, such as fastq.gz", ("format",)),
    Field("fileId", "text", "UUID of a file", ("file", "uuid")),
    Field("fileName", "text", "name of a file", ("name",)),
    Field("fileSize", "number", "bytes of a file", ("size",)),
    Field("fileSource", "text", "who made a file, such as 'DCP/2 Analysis'", ("source",)),
    Field("fileVersion", "text", "version of a file"),
    Field("genusSpecies", "text", "species of the donor, such as 'Homo sapiens'", ("species",)),
    Field("institution", "text", "institution of the project"),
    Field("instrumentManufacturerModel", "text", "sequencer", ("instrument",)),
    Field("isIntermediate", "boolean", "whether a matrix is an intermediate result", ("intermediate",)),
    Field("isTissueAtlasProject", "boolean", "whether the project is part of a tissue atlas"),
    Field("laboratory", "text", "laboratory of the project", ("lab",)),
    Field("lastModifiedDate", "text", "last change of the entity itself", ("modified",)),
    Field("libraryConstructionApproach", "text", 'library preparation, such as "10x 3\' v2"', ("library",)),
    Field("matrixCellCount", "number", "cells of a matrix"),
    Field("modelOrgan", "text", "organ that a cell line or organoid is a model of"),
    Field("modelOrganPart", "text", "part of the organ that a cell line or organoid is a model of"),
    Field("nucleicAcidSource", "text", "single cell, single nucleus or bulk", ("nucleic-acid",)),
    Field("organ", "text", "organ of the sample"),
    Field("organPart", "text", "part of the organ of the sample", ("organ-part",)),
    Field("organismAge", "age", "age of the donor, such as '20 year'", ("age",)),
    Field("organismAgeRange", "range", "age of the donor in seconds", ("age-range",)),
    Field("pairedEnd", "boolean", "whether sequencing was paired-end", ("paired",)),
    Field("preservationMethod", "text", "how the sample was preserved", ("preservation",)),
    Field("project", "text", "short name of the project"),
    Field("projectDescription", "text", "words of the project's description"),
    Field("projectEstimatedCellCount", "number", "cells of the project, by its contributors", ("project-cells",)),
    Field("projectId", "text", "UUID of the project", ("project-id",)),
    Field("projectTitle", "text", "title of the project", ("title",)),
    Field("publicationTitle", "text", "title of a publication of the project", ("publication",)),
    Field("sampleDisease", "text", "disease of the sample", ("sample-disease",)),
    Field("sampleEntityType", "text", "specimens, cellLines or organoids", ("sample-type",)),
    Field("sampleId", "text", "name of a sample, by its contributors", ("sample",)),
    Field("selectedCellType", "text", "cells that were selected for", ("cell-type",)),
    Field("sha256", "text", "sha256 of a file"),
    Field("sourceId", "text", "identifier of a snapshot of the repository", ("snapshot",)),
    Field("sourceSpec", "text", "specification of a snapshot of the repository"),
    Field("specimenDisease", "text", "disease of the specimen", ("specimen-disease",)),
    Field("specimenOrgan", "text", "organ of the specimen", ("specimen-organ",)),
    Field("specimenOrganPart", "text", "part of the organ of the specimen", ("specimen-organ-part",)),
    Field("submissionDate", "text", "first submission of the entity itself", ("submitted",)),
    Field("tissueAtlas", "atlas", "tissue atlas that the project is part of, as NAME or NAME:VERSION", ("atlas",)),
    Field("updateDate", "text", "last update of the entity itself", ("updated",)),
    Field("workflow", "text", "analysis workflow that made a file"),
)

#: Service's name -> field.
FIELDS: dict[str, Field] = {field.name: field for field in _TABLE}
_BY_ALIAS = {alias: field for field in _TABLE for alias in field.aliases}
_FOLDED = {name.lower().replace("-", "").replace("_", ""): field for name, field in (FIELDS | _BY_ALIAS).items()} | {
    name.lower(): field for name, field in FIELDS.items()
}


def names() -> list[str]:
    """All names that a field can be called by, plain ones first."""
    return [*_BY_ALIAS, *FIELDS]


def field_of(name: str, known: object = ()) -> Field:
    """The field that a user means.

    :param known: further names that the service has (a container), of fields that this table does not know
    :raises UsageError: there is none; the hint names the nearest
    """
    found = FIELDS.get(name) or _BY_ALIAS.get(name) or _FOLDED.get(name.lower().replace("-", "").replace("_", ""))
    if found is not None:
        return found
    if (isinstance(known, (set, frozenset, dict, list, tuple)) and name in known) or "." in name:
        # AnVIL's fields are dotted ('files.file_size'), and have kinds that nobody tells us.
        return Field(name, "text", "")
    import difflib

    close = difflib.get_close_matches(name, names(), 3, 0.6)
    raise UsageError(
        f"there is no field {name!r}",
        hint=f"did you mean {' or '.join(close)}? " * bool(close) + "'hca azul fields' lists all",
    )
