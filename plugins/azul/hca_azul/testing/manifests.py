"""The manifests of an embedded Azul, in the service's formats."""

from __future__ import annotations

import csv
import io
import json

from hca_azul.testing.listing import Listing
from hca_azul.testing.model import VERSION, uuid_of

FORMATS = ("compact", "terra.bdbag", "terra.pfb", "curl", "verbatim.jsonl", "verbatim.pfb")


def manifest(listing: Listing, form: str) -> bytes:
    """A manifest of the files that a listing has."""
    if form == "compact":
        return compact(listing)
    if form == "curl":
        return curl(listing)
    if form == "verbatim.jsonl":
        return verbatim(listing)
    # Containers of other kinds: only their bytes matter here.
    return b"Obj\x01" + json.dumps([file.uuid for _, file in listing.pairs()]).encode()


def compact(listing: Listing) -> bytes:
    """A table, a row for each file and bundle."""
    text = io.StringIO(newline="")
    rows = []
    for project, file in listing.pairs():
        facts = listing.facts(project, file)
        url = listing.file_url(file) or ""
        links = {"file_url": url}
        if not listing.old:
            links = {"file_azul_url": url, "file_mirror_uri": listing.mirror_uri(file) or ""}
        rows.append(
            {
                "source_id": uuid_of("snapshot"),
                "source_spec": "tdr:bigquery:gcp:p:snapshot/x:/0",
                "bundle_uuid": project.bundle(file.sample),
                "bundle_version": VERSION,
                "file_document_id": uuid_of("document", file.uuid),
                "file_type": "sequence_file" if file.read else "analysis_file",
                "file_name": file.name,
                "file_format": file.format,
                "read_index": file.read,
                "file_size": str(file.size),
                "file_uuid": file.uuid,
                "file_version": file.version,
                "file_crc32c": file.crc32c,
                "file_sha256": file.sha256,
                "file_content_type": "application/octet-stream",
                "file_drs_uri": file.drs_uri,
                **links,
                "cell_suspension.provenance.document_id": uuid_of("cells", project.short, file.sample),
                "cell_suspension.biomaterial_core.biomaterial_id": f"{project.sample_id(file.sample)}_cells",
                "sequencing_process.provenance.document_id": uuid_of("run", project.short, file.sample, file.lane),
                "library_preparation_protocol.library_construction_approach": facts["libraryConstructionApproach"][0],
                "project.provenance.document_id": project.uuid,
                "project.project_core.project_short_name": project.short,
                "project.project_core.project_title": project.title,
                "specimen_from_organism.organ": facts["organ"][0],
                "donor_organism.genus_species": facts["genusSpecies"][0],
                "donor_organism.sex": project.sex,
                "cell_line.type": "",
                "sample.provenance.document_id": uuid_of("sample", project.short, file.sample),
                "sample.biomaterial_core.biomaterial_id": project.sample_id(file.sample),
            }
        )
    names = list(rows[0]) if rows else ["bundle_uuid", "file_uuid", "file_name", "file_size", "file_sha256"]
    writer = csv.DictWriter(text, names, dialect="excel-tab")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def curl(listing: Listing) -> bytes:
    """A configuration file of curl."""
    lines = ["--create-dirs", "", "--compressed", "", "--location", "", "--globoff", "", "--fail", ""]
    lines += ['--write-out "Downloading to: %{filename_effective}\\n\\n"', ""]
    for project, file in listing.pairs():
        url = listing.file_url(file)
        if url is None or file.phantom:
            lines += [f"# File {file.uuid!r}, version {file.version!r} is currently not available", ""]
            continue
        name = file.name.replace("\\", "\\\\").replace('"', '\\"')
        lines += [f'url="{url}"', f'output="{project.bundle(file.sample)}/{name}"', ""]
    return "\n".join(lines).encode()


def verbatim(listing: Listing) -> bytes:
    """Metadata as they are in the repository, one entity a line."""
    lines = []
    projects = {}
    for project, file in listing.pairs():
        projects[project.uuid] = project
        lines.append({"type": "sequence_file", "value": {"sequence_file_id": uuid_of("document", file.uuid)}})
    for project in projects.values():
        content = {
            "library_construction_method": {"text": project.library},
            "nucleic_acid_source": "single cell",
            "cell_barcode": {"barcode_read": "Read 1", "barcode_offset": 0, "barcode_length": 16},
            "umi_barcode": {"barcode_read": "Read 1", "barcode_offset": 16, "barcode_length": 10},
        }
        value = {
            "library_preparation_protocol_id": uuid_of("library", project.short),
            "content": json.dumps(content),
        }
        lines.append({"type": "library_preparation_protocol", "value": value})
    return "".join(json.dumps(line) + "\n" for line in lines).encode()
