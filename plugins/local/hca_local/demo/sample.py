"""Makes a bundle of invented data: metadata documents as the Human Cell Atlas wrote them, and paired reads.

The documents have the members, schema types and links of real bundles of that time; all values are invented. The
same seed gives the same bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import uuid
from pathlib import Path
from typing import Any

#: ``project_core.project_short_name`` of the invented project; the demo searches for it.
SHORT_NAME = "hca-local-demo"

_SCHEMAS = "https://schema.humancellatlas.org"
_SUBMITTED = "2019-01-15T10:00:00.000Z"
_UPDATED = "2019-01-15T10:30:00.000Z"
_READ_LENGTH = 75
_READS = 24_000


def write_bundle(folder: Path, seed: int = 1) -> list[Path]:
    """Write the files of one bundle into a folder, which is created.

    :return: their paths: about twelve documents of 1 KB and two FASTQ files of about 1.6 MB
    :raises OSError: they cannot be written
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = random.Random(seed)
    files = {f"{name}.json": _json(document) for name, document in _documents(names).items()}
    for read in (1, 2):
        files[f"demo_R{read}.fastq.gz"] = _reads(random.Random(f"{seed}/{read}"), read)
    paths = []
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content)
        paths.append(path)
    return paths


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()


def _documents(names: random.Random) -> dict[str, dict[str, Any]]:
    """Documents by file name without suffix, numbered as in the data store's bundles."""
    made: dict[str, dict[str, Any]] = {}

    def add(kind: str, schema: str, schema_type: str, **members: Any) -> str:
        number = sum(name.rpartition("_")[0] == kind for name in made)
        document_id = str(uuid.UUID(int=names.getrandbits(128), version=4))
        made[f"{kind}_{number}"] = {
            "describedBy": f"{_SCHEMAS}/type/{schema}/{kind}",
            "schema_type": schema_type,
            **members,
            "provenance": {"document_id": document_id, "submission_date": _SUBMITTED, "update_date": _UPDATED},
        }
        return document_id

    add("project", "project/9.0.3", "project", **_project())
    donor = add("donor_organism", "biomaterial/10.1.2", "biomaterial", **_donor())
    specimen = add("specimen_from_organism", "biomaterial/6.3.3", "biomaterial", **_specimen())
    suspension = add("cell_suspension", "biomaterial/8.6.1", "biomaterial", **_suspension())
    files = [add("sequence_file", "file/6.5.2", "file", **_sequence_file(read)) for read in (1, 2)]
    protocols = {kind: add(kind, f"protocol/{schema}", "protocol", **members) for kind, schema, members in _protocols()}
    steps = [
        add("process", "process/6.0.2", "process", process_core={"process_id": f"demo_process_{step}"})
        for step in (1, 2, 3)
    ]
    made["links"] = {
        "describedBy": f"{_SCHEMAS}/system/1.1.3/links",
        "schema_type": "link_bundle",
        "schema_version": "1.1.3",
        "links": [
            _link(steps[0], [donor], "biomaterial", [specimen], "biomaterial", {}),
            _link(steps[1], [specimen], "biomaterial", [suspension], "biomaterial", _some(protocols, "dissociation")),
            _link(steps[2], [suspension], "biomaterial", files, "file", _some(protocols, "library", "sequencing")),
        ],
    }
    return made


def _some(protocols: dict[str, str], *beginnings: str) -> dict[str, str]:
    return {kind: identifier for kind, identifier in protocols.items() if kind.startswith(beginnings)}


def _link(
    process: str, inputs: list[str], input_type: str, outputs: list[str], output_type: str, protocols: dict[str, str]
) -> dict[str, Any]:
    return {
        "process": process,
        "inputs": inputs,
        "input_type": input_type,
        "outputs": outputs,
        "output_type": output_type,
        "protocols": [{"protocol_type": kind, "protocol_id": identifier} for kind, identifier in protocols.items()],
    }


def _term(text: str, ontology: str) -> dict[str, str]:
    return {"text": text, "ontology": ontology, "ontology_label": text}


def _biomaterial(identifier: str, **core: Any) -> dict[str, Any]:
    return {
        "biomaterial_core": {"biomaterial_id": identifier, "ncbi_taxon_id": [9606], **core},
        "genus_species": [_term("Homo sapiens", "NCBITaxon:9606")],
    }


def _project() -> dict[str, Any]:
    return {
        "project_core": {
            "project_short_name": SHORT_NAME,
            "project_title": "Invented single-cell reads of an invented donor",
            "project_description": "A data set that hca local demo makes up, to be uploaded, found and downloaded.",
        },
        "contributors": [
            {
                "contact_name": "Ada,,Example",
                "email": "ada@example.org",
                "institution": "Example Institute",
                "country": "Nowhere",
                "corresponding_contributor": True,
            }
        ],
    }


def _donor() -> dict[str, Any]:
    return {
        **_biomaterial("demo_donor"),
        "is_living": "yes",
        "sex": "female",
        "organism_age": "40-44",
        "organism_age_unit": _term("year", "UO:0000036"),
        "development_stage": _term("human adult stage", "EFO:0001272"),
    }


def _specimen() -> dict[str, Any]:
    return {
        **_biomaterial("demo_specimen"),
        "organ": _term("blood", "UBERON:0000178"),
        "organ_part": _term("venous blood", "UBERON:0013756"),
        "diseases": [_term("normal", "PATO:0000461")],
    }


def _suspension() -> dict[str, Any]:
    return {
        **_biomaterial("demo_cells", biomaterial_description="Cells that never were"),
        "estimated_cell_count": 1200,
        "selected_cell_type": [_term("T cell", "CL:0000084")],
    }


def _sequence_file(read: int) -> dict[str, Any]:
    return {
        "file_core": {"file_name": f"demo_R{read}.fastq.gz", "file_format": "fastq.gz"},
        "read_index": f"read{read}",
        "lane_index": 1,
        "read_length": _READ_LENGTH,
    }


def _protocols() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (
            "dissociation_protocol",
            "biomaterial_collection/5.0.3",
            {
                "protocol_core": {"protocol_id": "demo_dissociation"},
                "dissociation_method": _term("mechanical dissociation", "EFO:0009129"),
            },
        ),
        (
            "library_preparation_protocol",
            "sequencing/4.3.3",
            {
                "protocol_core": {"protocol_id": "demo_library"},
                "nucleic_acid_source": "single cell",
                "library_construction_approach": _term("Smart-seq2", "EFO:0008931"),
                "end_bias": "full length",
                "strand": "unstranded",
            },
        ),
        (
            "sequencing_protocol",
            "sequencing/9.0.3",
            {
                "protocol_core": {"protocol_id": "demo_sequencing"},
                "instrument_manufacturer_model": _term("Illumina NextSeq 500", "EFO:0008566"),
                "paired_end": True,
                "sequencing_approach": _term("RNA-Seq", "EFO:0008896"),
            },
        ),
    ]


def _reads(source: random.Random, read: int) -> bytes:
    """Reads of random bases with random qualities, compressed."""
    bases = bytes(b"ACGT"[byte % 4] for byte in range(256))
    # Phred+33 qualities, binned to a few levels as many sequencers do.
    qualities = bytes(b"#,:FFFFF"[byte % 8] for byte in range(256))
    raw = io.BytesIO()
    for number in range(_READS):
        x, y = source.randrange(30_000), source.randrange(30_000)
        raw.write(b"@DEMO:1:FC0001:1:%d:%d:%d %d:N:0:ACGTACGT\n" % (number % 12 + 1101, x, y, read))
        raw.write(source.randbytes(_READ_LENGTH).translate(bases) + b"\n+\n")
        raw.write(source.randbytes(_READ_LENGTH).translate(qualities) + b"\n")
    return gzip.compress(raw.getvalue(), compresslevel=6, mtime=0)
