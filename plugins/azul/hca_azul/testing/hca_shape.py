"""Entities in the format of the Human Cell Atlas's metadata plugin."""

from __future__ import annotations

import json
from typing import Any

from hca_azul.flavours.hca import HCA
from hca_azul.testing.listing import Listing, Pair
from hca_azul.testing.model import VERSION, File, Project, uuid_of

_SPEC = "tdr:bigquery:gcp:p:snapshot/x:/0"
#: Buckets of the mirror: that for managed data is private.
PUBLIC_BUCKET, PRIVATE_BUCKET = "mirror-bucket", "managed-mirror-bucket"


class HcaShape:
    """Projects, samples, files and bundles."""

    kinds = {
        "files": ("fileName", "asc"),
        "samples": ("sampleId", "asc"),
        "projects": ("projectTitle", "asc"),
        "bundles": ("bundleVersion", "desc"),
    }
    known = frozenset(HCA.fields)
    facets = (
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
    )
    whole = "projects"
    plugin = "hca"
    curl_of_mirrored = False

    def facts(self, project: Project, file: File) -> dict[str, list[Any]]:
        """The fields of a file for filters."""
        value, _, unit = project.age.partition(" ")
        seconds = int(value) * 31_536_000
        places = [file.matrix or (project.species, project.stage, project.organ, project.library), *file.also]
        species, stages, organs, libraries = (list(dict.fromkeys(values)) for values in zip(*places, strict=True))
        return {
            "accessible": [not project.managed],
            "accessions": [{"namespace": name, "accession": one} for name, one in project.accessions] or [None],
            "biologicalSex": [project.sex],
            "bundleUuid": [project.bundle(file.sample)],
            "bundleVersion": [VERSION],
            "cellCount": [project.cells],
            "contentDescription": [file.content],
            "developmentStage": stages,
            "donorDisease": [project.disease],
            "duosId": [project.duos_id],
            "dataUseRestriction": [project.restriction],
            "effectiveOrgan": organs,
            "fileFormat": [file.format],
            "fileId": [file.uuid],
            "fileName": [file.name],
            "fileSize": [file.size],
            "fileVersion": [file.version],
            "genusSpecies": species,
            "laboratory": [project.lab],
            "libraryConstructionApproach": libraries,
            "organ": organs,
            "organismAge": [{"value": value, "unit": unit}],
            "organismAgeRange": [(seconds, seconds)],
            "project": [project.short],
            "projectId": [project.uuid],
            "projectTitle": [project.title],
            "sampleId": [project.sample_id(file.sample)],
            "sampleDisease": [project.disease],
            "sourceId": [uuid_of("snapshot")],
            "specimenOrgan": organs,
            "sha256": [file.sha256],
        }

    def uuid(self, kind: str, project: Project, file: File) -> str:
        """The entity of a kind that a file belongs to."""
        if kind == "samples":
            return uuid_of("sample", project.short, file.sample)
        document = uuid_of("document", file.uuid)
        return {"files": document, "projects": project.uuid, "bundles": project.bundle(file.sample)}[kind]

    def hit(self, listing: Listing, kind: str, uuid: str, pairs: list[Pair]) -> dict[str, Any]:
        """One entity."""
        projects = {project.uuid: project for project, _ in pairs}
        samples = {(project.uuid, file.sample): project for project, file in pairs}
        stages, species, organs, libraries = (
            listing.values(pairs, name)
            for name in ("developmentStage", "genusSpecies", "organ", "libraryConstructionApproach")
        )
        first = pairs[0][0]
        names = [project.sample_id(number) for (_, number), project in samples.items()]
        hit: dict[str, Any] = {
            "entryId": uuid,
            "sources": [{"sourceId": uuid_of("snapshot"), "sourceSpec": _SPEC}],
            "bundles": [
                {"bundleUuid": bundle, "bundleVersion": VERSION}
                for bundle in sorted({project.bundle(file.sample) for project, file in pairs})
            ],
            "projects": [self._project(listing, kind, project) for project in projects.values()],
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
            hit["files"] = [self.file_entry(listing, *pairs[0])]
        else:
            hit["fileTypeSummaries"] = self._file_types(pairs)
        return hit

    def _project(self, listing: Listing, kind: str, project: Project) -> dict[str, Any]:
        """A project within an entity; in kinds other than its own, strings are lists."""
        facts: dict[str, Any] = {
            "projectId": project.uuid,
            "projectTitle": project.title,
            "projectShortname": project.short,
        }
        if kind != "projects":
            facts = {name: [value] for name, value in facts.items()}
        facts |= {
            "laboratory": [project.lab],
            "estimatedCellCount": project.cells,
            "accessible": listing.accessible(project),
            "dataUseRestriction": project.restriction,
            "duosId": project.duos_id,
            "azulSlug": project.name,
        }
        if kind == "projects":
            facts |= {
                "projectDescription": "A project that was made up.",
                "publications": [{"publicationTitle": t, "publicationUrl": u} for t, u in project.publications],
                "accessions": [{"namespace": name, "accession": one} for name, one in project.accessions],
                "supplementaryLinks": list(project.links),
                **self._trees(listing, project),
            }
        return facts

    def file_entry(self, listing: Listing, project: Project, file: File) -> dict[str, Any]:
        """A file in a listing or in a matrix tree."""
        addresses: dict[str, Any] = {"url": listing.file_url(file)}
        if not listing.old:
            addresses = {"azul_url": listing.file_url(file), "azul_mirror_uri": self.mirror_uri(project, file)}
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
            "accessible": listing.accessible(project),
            **addresses,
        }

    def mirror_uri(self, project: Project, file: File) -> str | None:
        """The mirror URI of a file, which may not exist there."""
        bucket = PRIVATE_BUCKET if project.managed else PUBLIC_BUCKET
        return f"s3://{bucket}/file/{file.sha256}.sha256" if file.mirrored else None

    def _file_types(self, pairs: list[Pair]) -> list[dict[str, Any]]:
        found: dict[str, list[File]] = {}
        for _, file in pairs:
            found.setdefault(file.format, []).append(file)
        return [
            {"format": name, "count": len(files), "totalSize": float(sum(file.size for file in files))}
            for name, files in sorted(found.items())
        ]

    def _trees(self, listing: Listing, project: Project) -> dict[str, Any]:
        """A project's matrices, by species, stage, organ and library."""
        tree: dict[str, Any] = {}
        dimensions = ("genusSpecies", "developmentStage", "organ", "libraryConstructionApproach")
        for file in project.files:
            if file.matrix is None:
                continue
            for place in (file.matrix, *file.also):
                node: Any = tree
                for dimension, value in zip(dimensions[:-1], place[:-1], strict=True):
                    node = node.setdefault(dimension, {}).setdefault(value, {})
                entry = self.file_entry(listing, project, file)
                node.setdefault(dimensions[-1], {}).setdefault(place[-1], []).append(entry)
        return {"matrices": tree, "contributedAnalyses": {}}

    def row(self, listing: Listing, project: Project, file: File) -> dict[str, str]:
        """A file's row of a compact manifest."""
        facts = listing.facts(project, file)
        url = listing.file_url(file) or ""
        links = {"file_url": url}
        if not listing.old:
            links = {"file_azul_url": url, "file_mirror_uri": self.mirror_uri(project, file) or ""}
        samples = (file.sample, *file.pooled)
        libraries = " || ".join(project.library_ids(file))
        suspensions = " || ".join(uuid_of("cells", name) for name in project.library_ids(file))
        return {
            "source_id": uuid_of("snapshot"),
            "source_spec": _SPEC,
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
            "cell_suspension.provenance.document_id": suspensions,
            "cell_suspension.biomaterial_core.biomaterial_id": libraries,
            "sequencing_process.provenance.document_id": uuid_of("run", project.short, *samples, file.well, file.lane),
            "library_preparation_protocol.library_construction_approach": facts["libraryConstructionApproach"][0],
            "project.provenance.document_id": project.uuid,
            "project.project_core.project_short_name": project.short,
            "project.project_core.project_title": project.title,
            "specimen_from_organism.organ": facts["organ"][0],
            "donor_organism.genus_species": facts["genusSpecies"][0],
            "donor_organism.sex": project.sex,
            "cell_line.type": "",
            "sample.provenance.document_id": " || ".join(uuid_of("sample", project.short, one) for one in samples),
            "sample.biomaterial_core.biomaterial_id": " || ".join(project.sample_id(one) for one in samples),
            "sequencing_input.provenance.document_id": suspensions,
            "sequencing_input.biomaterial_core.biomaterial_id": libraries,
            "sequencing_input_type": "cell_suspension",
        }

    def unit_facts(self, project: Project) -> dict[str, Any]:
        """A project in PFB."""
        names = {"project_short_name": [project.short], "project_title": [project.title]}
        return {"document_id": [project.uuid], **names}

    def file_facts(self, project: Project, file: File) -> dict[str, Any]:
        """A file in PFB."""
        facts = {"uuid": file.uuid, "name": file.name, "size": file.size, "version": file.version}
        digests = {"sha256": file.sha256, "crc32c": file.crc32c}
        return facts | digests | {"file_format": file.format, "drs_uri": file.drs_uri}

    def replicas(self, listing: Listing) -> list[tuple[str, str, dict[str, Any]]]:
        """The metadata as stored in the repository."""
        found: list[tuple[str, str, dict[str, Any]]] = []
        projects = {}
        for project, file in listing.pairs():
            projects[project.uuid] = project
            key = uuid_of("document", file.uuid)
            core = {"file_name": file.name, "format": file.format}
            content = {"describedBy": "https://schema.humancellatlas.org/type/file/9.0.0/sequence_file"}
            facts: dict[str, Any] = {"file_core": core, "provenance": {"document_id": key}, **content}
            if file.read:
                facts["insdc_run_accessions"] = [f"SRR{1_000_000 + file.sample * 10 + (file.lane or 0)}"]
            found.append(("sequence_file", key, facts))
        for project in projects.values():
            core = {"project_short_name": project.short, "project_title": project.title}
            provenance = {"document_id": project.uuid}
            found.append(("project", project.uuid, {"project_core": core, "provenance": provenance}))
            key = uuid_of("library", project.short)
            content_of_protocol = {
                "library_construction_method": {"text": project.library},
                "nucleic_acid_source": "single cell",
                "cell_barcode": {"barcode_read": "Read 1", "barcode_offset": 0, "barcode_length": 16},
                "umi_barcode": {"barcode_read": "Read 1", "barcode_offset": 16, "barcode_length": 10},
            }
            value = {"library_preparation_protocol_id": key, "content": json.dumps(content_of_protocol)}
            found.append(("library_preparation_protocol", key, value))
        return found

    def summary(self, listing: Listing) -> dict[str, Any]:
        """The sums."""
        pairs = listing.pairs()
        projects = {project.uuid: project for project, _ in pairs}.values()
        return {
            "projectCount": len({project.uuid for project, _ in listing.pairs(self.whole, hidden=True)}),
            "specimenCount": len({(p.uuid, f.sample) for p, f in pairs}),
            "speciesCount": len({p.species for p in projects}),
            "fileCount": len(pairs),
            "totalFileSize": float(sum(f.size for _, f in pairs)),
            "donorCount": len(projects),
            "labCount": len({p.lab for p in projects}),
            "organTypes": sorted({p.organ for p in projects}),
            "fileTypeSummaries": self._file_types(pairs),
            "cellCountSummaries": [
                {"organType": [p.organ], "countOfDocsWithOrganType": 1, "totalCellCountByOrgan": float(p.cells)}
                for p in projects
            ],
            "projects": [],
        }
