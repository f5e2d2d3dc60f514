"""Searches with short field names: ``organ=brain sex=female`` as an Elasticsearch query."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_base.errors import HCAError, UsageError

if TYPE_CHECKING:
    from hca_dss.operations import DssOperations, Replica


class Field(NamedTuple):
    """A field for searches.

    :param paths: in the index; they differ between versions of the metadata schema
    :param about: one-line description
    :param kind: text, number or truth
    """

    paths: tuple[str, ...]
    about: str
    kind: str = "text"


_DONOR = "files.donor_organism_json"
_SPECIMEN = "files.specimen_from_organism_json"
_LIBRARY = "files.library_preparation_protocol_json"
_SEQUENCING = "files.sequencing_protocol_json"
_PROJECT = "files.project_json.project_core"

#: The names, after the metadata schema of the Human Cell Atlas (https://github.com/HumanCellAtlas/metadata-schema).
FIELDS: dict[str, Field] = {
    "project": Field((f"{_PROJECT}.project_short_name",), "short name of the project"),
    "project-title": Field((f"{_PROJECT}.project_title",), "title of the project"),
    "species": Field((f"{_DONOR}.genus_species.text",), "species of the donor, such as 'Homo sapiens'"),
    "taxon": Field((f"{_DONOR}.biomaterial_core.ncbi_taxon_id",), "NCBI taxon of the donor, such as 9606", "number"),
    "donor": Field((f"{_DONOR}.biomaterial_core.biomaterial_id",), "identifier of the donor"),
    "sex": Field((f"{_DONOR}.sex",), "sex of the donor: female, male, mixed or unknown"),
    "age": Field((f"{_DONOR}.organism_age",), "age of the donor, such as 38 or 20-30"),
    "stage": Field((f"{_DONOR}.development_stage.text",), "development stage of the donor"),
    "disease": Field((f"{_DONOR}.diseases.text", f"{_SPECIMEN}.diseases.text"), "disease of the donor or specimen"),
    "specimen": Field((f"{_SPECIMEN}.biomaterial_core.biomaterial_id",), "identifier of the specimen"),
    "organ": Field((f"{_SPECIMEN}.organ.text",), "organ of the specimen, such as pancreas"),
    "organ-part": Field((f"{_SPECIMEN}.organ_parts.text", f"{_SPECIMEN}.organ_part.text"), "part of the organ"),
    "cell-type": Field(
        (
            "files.cell_suspension_json.selected_cell_types.text",
            "files.cell_suspension_json.selected_cell_type.text",
        ),
        "cell type that was selected",
    ),
    "library": Field(
        (f"{_LIBRARY}.library_construction_method.text", f"{_LIBRARY}.library_construction_approach.text"),
        "how the library was made, such as Smart-seq2",
    ),
    "instrument": Field((f"{_SEQUENCING}.instrument_manufacturer_model.text",), "model of the sequencer"),
    "paired-end": Field((f"{_SEQUENCING}.paired_end",), "whether reads are paired: true or false", "truth"),
    "format": Field(
        ("files.sequence_file_json.file_core.format", "files.sequence_file_json.file_core.file_format"),
        "format of the sequence files, such as fastq.gz",
    ),
    "file": Field(("manifest.files.name",), "name of a file in the bundle"),
}


def parse_field(text: str) -> tuple[str, list[str]]:
    """Parse ``FIELD=VALUE[,VALUE…]`` into the name and the values.

    :raises UsageError: invalid syntax
    """
    name, equals, values = text.partition("=")
    if not equals or not name.strip() or not values.strip():
        raise UsageError(f"{text!r} is not FIELD=VALUE", hint="'hca dss search --fields' lists the fields")
    return name.strip(), [value for value in (part.strip() for part in values.split(",")) if value]


def query_of(filters: Sequence[tuple[str, Sequence[str]]]) -> dict[str, Any]:
    """Return the query for bundles that match all filters.

    :param filters: names of :data:`FIELDS`, or dotted paths, with their values. Values of a filter are
        alternatives; ``*`` matches any value.
    :raises UsageError: an unknown name, a value of the wrong kind, or no filter at all
    """
    if not filters:
        raise UsageError("no search terms", hint="give FIELD=VALUE; 'hca dss search --fields' lists the fields")
    return {"query": {"bool": {"must": [_clause(name, values) for name, values in filters]}}}


def _clause(name: str, values: Sequence[str]) -> dict[str, Any]:
    field = FIELDS.get(name.replace("_", "-").lower())
    if field is None and "." in name:
        field = Field((name,), "", "any")
    if field is None:
        near = difflib.get_close_matches(name.lower(), FIELDS, 1)
        hint = f"did you mean {near[0]}?" if near else "'hca dss search --fields' lists the fields"
        raise UsageError(f"unknown field {name!r}", hint=hint)
    clauses = [_match(path, value, name, field.kind) for value in values for path in field.paths]
    if len(clauses) == 1:
        return clauses[0]
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def _match(path: str, text: str, name: str, kind: str) -> dict[str, Any]:
    if text == "*":
        return {"exists": {"field": path}}
    value: Any = text
    if kind == "number":
        if not text.lstrip("-").isdecimal():
            raise UsageError(f"{name} requires a number, not {text!r}")
        value = int(text)
    elif kind in ("truth", "any") and text.lower() in ("true", "false"):
        value = text.lower() == "true"
    elif kind == "truth":
        raise UsageError(f"{name} requires true or false, not {text!r}")
    return {"match": {path: value}}


def bundles_of(client: DssOperations, query: dict[str, Any], replica: Replica) -> Iterator[tuple[str, str]]:
    """Yield (UUID, version) of each bundle that matches a query; pages are requested as they are needed.

    :raises HCAError: the service rejects the query, or the response does not contain bundles
    """
    for hit in client.post_search.iterate(es_query=query, replica=replica):
        name = hit.get("bundle_fqid") if isinstance(hit, dict) else None
        uuid, dot, version = name.partition(".") if isinstance(name, str) else ("", "", "")
        if not dot:
            raise HCAError("the service's response to a search has a result without a bundle_fqid")
        yield uuid, version
