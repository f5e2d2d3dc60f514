"""The Human Cell Atlas's data (and LungMAP's), with short names for the fields.

The names are those of releases 9.2 to 17.6 of the service; unknown names of later releases are passed through. A
field's own name takes precedence over an alias.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hca_azul.flavours.flavour import Field, Flavour, Unit
from hca_azul.flavours.hits import Hit, all_true, first, first_of, inner, joined, plain, sum_of, text_of, values, whole

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
    Field("fileSource", "text", "producer of a file, such as 'DCP/2 Analysis'", ("source",)),
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
    Field("projectDescription", "text", "words in the project's description"),
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
    Field("workflow", "text", "analysis workflow that produced a file"),
)

#: The default columns; more can be chosen.
_COLUMNS = {
    "projects": ("project", "organ", "species", "library", "donors", "cells", "files", "bytes", "access", "id"),
    "samples": ("sample", "type", "organ", "disease", "species", "project", "files", "bytes", "id"),
    "files": ("name", "format", "bytes", "organ", "species", "project", "id"),
    "bundles": ("id", "version", "project", "organ", "species", "files", "bytes"),
}
_LIST_COLUMNS = {
    "uuid": ("file_uuid",),
    "name": ("file_name",),
    "sha256": ("file_sha256",),
    "crc32c": ("file_crc32c",),
    "version": ("file_version",),
    "format": ("file_format",),
    "url": ("file_azul_url", "file_url"),
    "mirror": ("file_mirror_uri",),
    "drs": ("file_drs_uri",),
    "project": ("project.project_core.project_short_name", "project_short_name"),
    "project_id": ("project.provenance.document_id",),
    "bundle": ("bundle_uuid",),
    "sample": ("sample.biomaterial_core.biomaterial_id", "cell_suspension.biomaterial_core.biomaterial_id"),
    "organ": ("specimen_from_organism.organ", "specimen_from_organism.organ.text"),
    "species": ("donor_organism.genus_species",),
    "library": ("library_preparation_protocol.library_construction_approach",),
    "read": ("read_index",),
    "lane": ("lane_index",),
    "run": ("sequencing_process.provenance.document_id",),
    "library_id": (
        "sequencing_input.biomaterial_core.biomaterial_id",
        "cell_suspension.biomaterial_core.biomaterial_id",
    ),
    "cells": ("cell_suspension.estimated_cell_count",),
}


def _row(kind: str, hit: Hit) -> dict[str, Any]:
    """An entity's columns: the default ones, and more that can be chosen."""
    row: dict[str, Any] = {
        "id": hit.get("entryId"),
        "project": text_of(hit, "projects", "projectShortname"),
        "title": text_of(hit, "projects", "projectTitle"),
        "project_id": text_of(hit, "projects", "projectId"),
        "laboratory": text_of(hit, "projects", "laboratory"),
        "organ": text_of(hit, "samples", "effectiveOrgan") or text_of(hit, "specimens", "organ"),
        "disease": text_of(hit, "donorOrganisms", "disease")
        if kind == "projects"
        else text_of(hit, "samples", "disease"),
        "species": text_of(hit, "donorOrganisms", "genusSpecies"),
        "stage": text_of(hit, "donorOrganisms", "developmentStage"),
        "sex": text_of(hit, "donorOrganisms", "biologicalSex"),
        "library": text_of(hit, "protocols", "libraryConstructionApproach"),
        "instrument": text_of(hit, "protocols", "instrumentManufacturerModel"),
        "donors": sum_of(hit, "donorOrganisms", "donorCount"),
        "cells": _cells(hit),
        "access": _access(hit),
    }
    if kind == "files":
        return row | _file_columns(hit)
    if kind == "projects":
        row |= _links(hit)
    row["files"] = sum_of(hit, "fileTypeSummaries", "count")
    row["bytes"] = sum_of(hit, "fileTypeSummaries", "totalSize")
    row["formats"] = text_of(hit, "fileTypeSummaries", "format")
    if kind == "samples":
        row["sample"] = text_of(hit, "samples", "id")
        row["type"] = text_of(hit, "samples", "sampleEntityType")
    elif kind == "bundles":
        row["version"] = text_of(hit, "bundles", "bundleVersion")
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
        "sample": text_of(hit, "samples", "id"),
        "drs_uri": file.get("drs_uri"),
        "mirrored": bool(file.get("azul_mirror_uri")),
    }


def _cells(hit: Hit) -> int | None:
    stated = [n for one in inner(hit, "projects") if (n := whole(one.get("estimatedCellCount"))) is not None]
    if stated:
        return max(stated)
    return sum_of(hit, "cellSuspensions", "totalCells")


def _access(hit: Hit) -> str:
    accessible = all_true(hit, "projects")
    return "" if accessible is None else "open" if accessible else "managed"


def _links(hit: Hit) -> dict[str, Any]:
    """A project's links to other sites."""
    accessions = [
        f"{plain(one.get('namespace'))}:{plain(one.get('accession'))}".strip(":")
        for project in inner(hit, "projects")
        for one in inner(project, "accessions")
    ]
    publications = [
        plain(one.get("publicationUrl") or one.get("doi") or one.get("publicationTitle"))
        for project in inner(hit, "projects")
        for one in inner(project, "publications")
    ]
    links = [str(one) for one in values(hit, "projects", "supplementaryLinks")]
    return {
        "slug": first_of(hit, "projects", "azulSlug"),
        "duosId": first_of(hit, "projects", "duosId"),
        "dataUseRestriction": text_of(hit, "projects", "dataUseRestriction"),
        "accessions": joined(accessions),
        "publications": joined(publications),
        "cellxgene": joined([one for one in links if "cellxgene" in one.lower()]),
        "links": joined([one for one in links if "cellxgene" not in one.lower()]),
    }


def _unit(hit: Hit) -> Unit:
    uuid = plain(hit.get("entryId"))
    return Unit(
        uuid,
        uuid,
        first_of(hit, "projects", "projectShortname"),
        first_of(hit, "projects", "projectTitle"),
        all_true(hit, "projects"),
        first_of(hit, "projects", "duosId"),
        text_of(hit, "projects", "dataUseRestriction"),
    )


def _unit_in(table: str, values: Mapping[str, Any]) -> tuple[str, str] | None:
    if table == "projects":
        return first(values.get("document_id")), first(values.get("project_short_name"))
    if table == "project":
        core, provenance = values.get("project_core"), values.get("provenance")
        key = provenance.get("document_id") if isinstance(provenance, dict) else values.get("project_id")
        return plain(key), plain(core.get("project_short_name") if isinstance(core, dict) else None)
    return None


def _file(hit: Hit, file: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **file_members(file),
        "project": first_of(hit, "projects", "projectShortname"),
        "project_id": first_of(hit, "projects", "projectId"),
        "bundle": first_of(hit, "bundles", "bundleUuid"),
        "sample": first_of(hit, "samples", "id"),
        "organ": first_of(hit, "samples", "effectiveOrgan") or first_of(hit, "specimens", "organ"),
        "species": first_of(hit, "donorOrganisms", "genusSpecies"),
        "library": first_of(hit, "protocols", "libraryConstructionApproach"),
    }


def file_members(file: Mapping[str, Any]) -> dict[str, Any]:
    """Members of an entry from the file itself; files in matrix trees have no others."""
    uuid = plain(file.get("uuid"))
    return {
        "uuid": uuid,
        "name": plain(file.get("name")) or uuid,
        "size": whole(file.get("size")),
        "sha256": plain(file.get("sha256")),
        "version": plain(file.get("version")),
        "format": plain(file.get("format")),
        "url": plain(file.get("azul_url")) or plain(file.get("url")),
        "mirror": plain(file.get("azul_mirror_uri")),
        "drs": plain(file.get("drs_uri")),
        "read": plain(file.get("readIndex")),
        "lane": plain(file.get("laneIndex")),
    }


HCA = Flavour(
    name="azul",
    kinds=("projects", "samples", "files", "bundles"),
    unit="project",
    units="projects",
    unit_field="projectId",
    unit_names=("project", "projectTitle"),
    accession_field="accessions",
    file_field="fileId",
    document_field="entryId",
    bundle_field="bundleUuid",
    table=_TABLE,
    columns=_COLUMNS,
    row=_row,
    unit_of=_unit,
    unit_in=_unit_in,
    file_of=_file,
    list_columns=_LIST_COLUMNS,
    list_required=("file_uuid", "file_name", "file_size", "file_sha256"),
    summary={
        "projects": "projectCount",
        "species": "speciesCount",
        "donors": "donorCount",
        "specimens": "specimenCount",
        "laboratories": "labCount",
        "files": "fileCount",
    },
)
