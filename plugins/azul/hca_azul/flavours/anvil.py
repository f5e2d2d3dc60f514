"""AnVIL's data, with short names for its dotted fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hca_azul.flavours.flavour import Field, Flavour, Unit
from hca_azul.flavours.hits import Hit, all_true, first, first_of, plain, sum_of, text_of, whole

_TABLE = (
    Field("accessible", "boolean", "whether you may download the data", ("access",)),
    Field("activities.activity_id", "text", "identifier of an activity"),
    Field("activities.activity_table", "text", "table of the activity, such as sequencingactivity"),
    Field("activities.activity_type", "text", "type of the activity, such as Sequencing", ("activity",)),
    Field("activities.assay_type", "text", "assay of the activity", ("assay",)),
    Field("activities.data_modality", "text", "data modality of the activity", ("activity-modality",)),
    Field("activities.document_id", "text", "UUID of the activity"),
    Field("activities.reference_assembly", "text", "reference genome of the activity"),
    Field("biosamples.anatomical_site", "text", "anatomical site of the biosample", ("organ", "site")),
    Field("biosamples.apriori_cell_type", "text", "cell type of the biosample", ("cell-type",)),
    Field("biosamples.biosample_id", "text", "identifier of the biosample", ("sample", "biosample")),
    Field("biosamples.biosample_type", "text", "type of the biosample", ("sample-type",)),
    Field("biosamples.disease", "text", "disease of the biosample", ("sample-disease",)),
    Field("biosamples.document_id", "text", "UUID of the biosample"),
    Field("biosamples.donor_age_at_collection", "range", "age of the donor when the sample was taken", ("age",)),
    Field("biosamples.donor_age_at_collection_unit", "text", "unit of that age", ("age-unit",)),
    Field("bundle_uuid", "text", "UUID of a bundle", ("bundle",)),
    Field("bundle_version", "text", "version of a bundle"),
    Field("datasets.consent_group", "text", "consent group of the dataset", ("consent",)),
    Field("datasets.data_modality", "text", "data modality of the dataset", ("dataset-modality",)),
    Field("datasets.data_use_permission", "text", "terms under which the data may be used", ("restriction",)),
    Field("datasets.dataset_id", "text", "identifier of the dataset", ("dataset-id",)),
    Field("datasets.document_id", "text", "UUID of the dataset"),
    Field("datasets.duos_id", "text", "identifier in the Data Use Oversight System", ("duos",)),
    Field("datasets.owner", "text", "owner of the dataset", ("owner",)),
    Field("datasets.principal_investigator", "text", "principal investigator", ("investigator", "pi")),
    Field("datasets.registered_identifier", "text", "accession in dbGaP, such as phs000693", ("accession", "phs")),
    Field("datasets.title", "text", "title of the dataset", ("dataset", "title")),
    Field("diagnoses.diagnosis_age", "range", "age at diagnosis"),
    Field("diagnoses.diagnosis_age_unit", "text", "unit of that age"),
    Field("diagnoses.disease", "text", "disease of the donor", ("disease",)),
    Field("diagnoses.document_id", "text", "UUID of the diagnosis"),
    Field("diagnoses.onset_age", "range", "age at onset"),
    Field("diagnoses.onset_age_unit", "text", "unit of that age"),
    Field("diagnoses.phenopacket", "text", "phenopacket of the donor", ("phenopacket",)),
    Field("diagnoses.phenotype", "text", "phenotype of the donor", ("phenotype",)),
    Field("donors.document_id", "text", "UUID of the donor"),
    Field("donors.donor_id", "text", "identifier of the donor", ("donor",)),
    Field("donors.genetic_ancestry", "text", "genetic ancestry of the donor", ("ancestry",)),
    Field("donors.organism_type", "text", "species of the donor", ("species", "organism")),
    Field("donors.phenotypic_sex", "text", "sex of the donor", ("sex",)),
    Field("donors.reported_ethnicity", "text", "reported ethnicity of the donor", ("ethnicity",)),
    Field("entryId", "text", "UUID of the listed entity itself", ("id",)),
    Field("files.data_modality", "text", "data modality of the file", ("modality",)),
    Field("files.document_id", "text", "UUID of the file", ("file", "uuid")),
    Field("files.drs_uri", "text", "DRS URI of the file", ("drs",)),
    Field("files.file_format", "text", "format of the file, such as .vcf.gz", ("format",)),
    Field("files.file_id", "text", "identifier of the file"),
    Field("files.file_md5sum", "text", "MD5 of the file in base64", ("md5",)),
    Field("files.file_name", "text", "name of the file", ("name",)),
    Field("files.file_size", "number", "bytes of the file", ("size",)),
    Field("files.is_supplementary", "boolean", "whether the file is supplementary", ("supplementary",)),
    Field("files.reference_assembly", "text", "reference genome of the file", ("assembly",)),
    Field("fileVersion", "text", "version of the file"),
    Field("source_id", "text", "identifier of a snapshot of the repository", ("snapshot",)),
    Field("source_spec", "text", "specification of a snapshot of the repository"),
)
_SHARED = ("dataset", "species", "files", "access", "id")
_COLUMNS = {
    "datasets": ("dataset", "accession", "consent", "disease", "species", "files", "access", "id"),
    "donors": ("donor", "species", "sex", "disease", "dataset", "files", "access", "id"),
    "biosamples": ("sample", "type", "organ", "disease", "species", "dataset", "files", "access", "id"),
    "activities": ("activity", "assay", "modality", *_SHARED),
    "files": ("name", "format", "bytes", "organ", "species", "dataset", "access", "id"),
    "bundles": ("id", "version", *_SHARED[:-1]),
}
_LIST_COLUMNS = {
    "uuid": ("files.document_id",),
    "name": ("files.file_name",),
    "md5": ("files.file_md5sum",),
    "sha256": ("files.sha256",),
    "format": ("files.file_format",),
    "url": ("files.azul_url", "files.file_url"),
    "mirror": ("files.azul_mirror_uri",),
    "drs": ("files.drs_uri",),
    "size": ("files.file_size",),
    "project": ("datasets.title",),
    "project_id": ("datasets.dataset_id",),
    "bundle": ("bundles.bundle_uuid", "bundle_uuid"),
    "sample": ("biosamples.biosample_id",),
    "organ": ("biosamples.anatomical_site",),
    "species": ("donors.organism_type",),
    "library": ("activities.assay_type",),
    "run": ("activities.activity_id",),
}


def _row(kind: str, hit: Hit) -> dict[str, Any]:
    """Return an entity's columns: the default ones, and more that can be chosen."""
    accessible = all_true(hit, kind)
    row: dict[str, Any] = {
        "id": hit.get("entryId"),
        "dataset": text_of(hit, "datasets", "title"),
        "dataset_id": text_of(hit, "datasets", "dataset_id"),
        "donor": text_of(hit, "donors", "donor_id"),
        "sample": text_of(hit, "biosamples", "biosample_id"),
        "type": text_of(hit, "biosamples", "biosample_type"),
        "organ": text_of(hit, "biosamples", "anatomical_site"),
        "disease": text_of(hit, "diagnoses", "disease") or text_of(hit, "biosamples", "disease"),
        "phenotype": text_of(hit, "diagnoses", "phenotype"),
        "species": text_of(hit, "donors", "organism_type"),
        "sex": text_of(hit, "donors", "phenotypic_sex"),
        "activity": text_of(hit, "activities", "activity_type"),
        "assay": text_of(hit, "activities", "assay_type"),
        "modality": text_of(hit, "activities", "data_modality"),
        "access": "" if accessible is None else "open" if accessible else "managed",
    }
    if kind == "files":
        return row | _file_columns(hit)
    row["files"] = sum_of(hit, "files", "count")
    row["formats"] = text_of(hit, "files", "file_format")
    if kind == "bundles":
        row["version"] = text_of(hit, "bundles", "bundle_version")
    elif kind == "datasets":
        row["consent"] = text_of(hit, "datasets", "consent_group")
        row["accession"] = text_of(hit, "datasets", "registered_identifier")
        row["duosId"] = first_of(hit, "datasets", "duos_id")
        row["dataUseRestriction"] = text_of(hit, "datasets", "data_use_permission")
        row["owner"] = text_of(hit, "datasets", "owner")
        row["investigator"] = text_of(hit, "datasets", "principal_investigator")
    return row


def _file_columns(hit: Hit) -> dict[str, Any]:
    return {
        "id": first_of(hit, "files", "document_id") or first_of(hit, "files", "uuid"),
        "name": first_of(hit, "files", "file_name"),
        "format": first_of(hit, "files", "file_format"),
        "bytes": sum_of(hit, "files", "file_size"),
        "version": first_of(hit, "files", "version"),
        "md5": first_of(hit, "files", "file_md5sum"),
        "drs_uri": first_of(hit, "files", "drs_uri"),
        "mirrored": bool(first_of(hit, "files", "azul_mirror_uri")),
    }


def _unit(hit: Hit) -> Unit:
    return Unit(
        plain(hit.get("entryId")),
        first_of(hit, "datasets", "dataset_id"),
        first_of(hit, "datasets", "title"),
        first_of(hit, "datasets", "title"),
        all_true(hit, "datasets"),
        first_of(hit, "datasets", "duos_id"),
        text_of(hit, "datasets", "data_use_permission"),
    )


def _unit_in(table: str, values: Mapping[str, Any]) -> tuple[str, str] | None:
    if table in ("datasets", "anvil_dataset"):
        return first(values.get("dataset_id")), first(values.get("title"))
    return None


def _file(hit: Hit, file: Mapping[str, Any]) -> dict[str, Any]:
    uuid = plain(file.get("uuid") or file.get("document_id"))
    size = whole(file.get("file_size"))
    return {
        "uuid": uuid,
        "name": plain(file.get("file_name") or file.get("name")) or uuid,
        "size": whole(file.get("size")) if size is None else size,
        "md5": plain(file.get("file_md5sum")),
        "sha256": plain(file.get("sha256")),
        "version": plain(file.get("version")),
        "format": plain(file.get("file_format")),
        "url": plain(file.get("azul_url")) or plain(file.get("url")),
        "mirror": plain(file.get("azul_mirror_uri")),
        "drs": plain(file.get("drs_uri")),
        "project": first_of(hit, "datasets", "title"),
        "project_id": first_of(hit, "datasets", "dataset_id"),
        "bundle": first_of(hit, "bundles", "bundle_uuid"),
        "sample": first_of(hit, "biosamples", "biosample_id"),
        "organ": first_of(hit, "biosamples", "anatomical_site"),
        "species": first_of(hit, "donors", "organism_type"),
        "library": first_of(hit, "activities", "assay_type"),
    }


ANVIL = Flavour(
    name="anvil",
    kinds=("datasets", "donors", "biosamples", "activities", "files", "bundles"),
    unit="dataset",
    units="datasets",
    unit_field="datasets.dataset_id",
    unit_names=("datasets.title", "datasets.registered_identifier"),
    accession_field="datasets.registered_identifier",
    file_field="files.document_id",
    document_field="files.document_id",
    bundle_field="bundle_uuid",
    table=_TABLE,
    columns=_COLUMNS,
    row=_row,
    unit_of=_unit,
    unit_in=_unit_in,
    file_of=_file,
    list_columns=_LIST_COLUMNS,
    list_required=("files.document_id", "files.file_name", "files.file_size", "files.file_md5sum"),
    summary={
        "datasets": "datasetCount",
        "donors": "donorCount",
        "biosamples": "biosampleCount",
        "activities": "activityCount",
        "files": "fileCount",
    },
)
