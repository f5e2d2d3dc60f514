"""Entities in the format of AnVIL's metadata plugin."""

from __future__ import annotations

from typing import Any

from hca_azul.flavours.anvil import ANVIL
from hca_azul.testing.hca_shape import PRIVATE_BUCKET, PUBLIC_BUCKET
from hca_azul.testing.listing import Listing, Pair
from hca_azul.testing.model import VERSION, File, Project, uuid_of

_SPEC = "tdr:bigquery:gcp:p:snapshot/x:/0"


class AnvilShape:
    """Activities, biosamples, bundles, datasets, donors and files."""

    kinds = {
        "activities": ("activities.activity_id", "asc"),
        "biosamples": ("biosamples.biosample_id", "asc"),
        "bundles": ("bundle_uuid", "asc"),
        "datasets": ("datasets.dataset_id", "asc"),
        "donors": ("donors.donor_id", "asc"),
        "files": ("files.file_id", "asc"),
    }
    known = frozenset(ANVIL.fields)
    facets = (
        "accessible",
        "activities.activity_type",
        "biosamples.anatomical_site",
        "biosamples.disease",
        "datasets.consent_group",
        "datasets.title",
        "diagnoses.disease",
        "donors.organism_type",
        "donors.phenotypic_sex",
        "files.file_format",
        "files.is_supplementary",
    )
    whole = "datasets"
    plugin = "anvil"
    curl_of_mirrored = True

    def facts(self, project: Project, file: File) -> dict[str, list[Any]]:
        """The fields of a file for filters."""
        ids = self._ids(project, file)
        return {
            "accessible": [not project.managed],
            "source_id": [uuid_of("snapshot")],
            "source_spec": [_SPEC],
            "bundle_uuid": [project.bundle(file.sample)],
            "bundle_version": [VERSION],
            "activities.activity_id": [ids["activity"]],
            "activities.document_id": [uuid_of(ids["activity"])],
            "activities.activity_type": ["Sequencing"],
            "biosamples.anatomical_site": [project.organ],
            "biosamples.biosample_id": [ids["biosample"]],
            "biosamples.document_id": [uuid_of(ids["biosample"])],
            "biosamples.disease": [project.disease],
            "datasets.consent_group": [project.restriction],
            "datasets.data_use_permission": [project.restriction],
            "datasets.dataset_id": [ids["dataset"]],
            "datasets.document_id": [project.uuid],
            "datasets.duos_id": [project.duos_id],
            "datasets.registered_identifier": [one for _, one in project.accessions] or [None],
            "datasets.title": [project.short],
            "diagnoses.disease": [project.disease],
            "donors.donor_id": [ids["donor"]],
            "donors.document_id": [uuid_of(ids["donor"])],
            "donors.organism_type": [project.species],
            "donors.phenotypic_sex": [project.sex],
            "files.document_id": [file.uuid],
            "files.file_id": [ids["file"]],
            "files.file_format": [f".{file.format}"],
            "files.file_md5sum": [file.md5],
            "files.file_name": [file.name],
            "files.file_size": [file.size],
            "files.is_supplementary": [False],
            "files.drs_uri": [file.drs_uri],
        }

    def _ids(self, project: Project, file: File) -> dict[str, str]:
        """Identifiers within the data, different from those of the entities."""
        sample = project.sample_id(file.sample)
        return {
            "dataset": uuid_of("dataset", project.short),
            "file": uuid_of("file id", file.uuid),
            **{name: uuid_of(name, sample) for name in ("activity", "biosample", "donor")},
        }

    def uuid(self, kind: str, project: Project, file: File) -> str:
        """The entity of a kind that a file belongs to."""
        singular = {"activities": "activity", "biosamples": "biosample", "donors": "donor"}.get(kind)
        if singular:
            return uuid_of(self._ids(project, file)[singular])
        return {"files": file.uuid, "datasets": project.uuid, "bundles": project.bundle(file.sample)}[kind]

    def hit(self, listing: Listing, kind: str, uuid: str, pairs: list[Pair]) -> dict[str, Any]:
        """One entity."""
        first, file = pairs[0]
        facts = listing.facts(first, file)

        def inner(table: str, *names: str) -> dict[str, Any]:
            """Values shared by the entity's parts, as lists; strings for the entity itself."""
            if kind == table:
                return {name: facts.get(f"{table}.{name}", [None])[0] for name in names}
            return {name: listing.values(pairs, f"{table}.{name}") for name in names}

        def own(table: str, *names: str) -> dict[str, Any]:
            """Members of the entity itself only."""
            if kind != table:
                return {}
            told = {name: facts.get(f"{table}.{name}", [None])[0] for name in ("document_id", *names)}
            return told | {"source_datarepo_row_ids": [f"{table}:{uuid_of(uuid)}"], "accessible": accessible}

        accessible = listing.accessible(first)
        hit: dict[str, Any] = {
            "entryId": uuid,
            "sources": [{"source_spec": _SPEC, "source_id": uuid_of("snapshot")}],
            "bundles": [
                {"bundle_uuid": bundle, "bundle_version": VERSION}
                for bundle in sorted({project.bundle(file.sample) for project, file in pairs})
            ],
            "activities": [inner("activities", "activity_type") | own("activities", "activity_id")],
            "biosamples": [inner("biosamples", "anatomical_site", "disease") | own("biosamples", "biosample_id")],
            "datasets": [{**inner("datasets", "dataset_id", "title"), **own("datasets")}],
            "diagnoses": [{"disease": listing.values(pairs, "diagnoses.disease"), "phenotype": [None]}],
            "donors": [inner("donors", "organism_type", "phenotypic_sex") | own("donors", "donor_id")],
        }
        if kind == "datasets":
            names = ("consent_group", "data_use_permission", "registered_identifier", "duos_id")
            hit["datasets"][0] |= {name: facts[f"datasets.{name}"] for name in names}
        if kind == "bundles":
            hit["bundles"][0]["accessible"] = accessible
        hit["files"] = [self.file_entry(listing, first, file)] if kind == "files" else self._formats(listing, pairs)
        return hit

    def _formats(self, listing: Listing, pairs: list[Pair]) -> list[dict[str, Any]]:
        found: dict[str, int] = {}
        for _, file in pairs:
            found[file.format] = found.get(file.format, 0) + 1
        return [{"file_format": [f".{name}"], "count": count} for name, count in sorted(found.items())]

    def file_entry(self, listing: Listing, project: Project, file: File) -> dict[str, Any]:
        """A file in a listing."""
        facts = listing.facts(project, file)
        names = ("document_id", "file_id", "file_format", "file_size", "file_md5sum", "file_name", "is_supplementary")
        return {
            **{name: facts[f"files.{name}"][0] for name in names},
            "source_datarepo_row_ids": [f"file_inventory:{file.uuid}"],
            "uuid": file.uuid,
            "version": file.version,
            "name": file.name,
            "size": file.size,
            "crc32": "",
            "sha256": "",
            "accessible": listing.accessible(project),
            "drs_uri": file.drs_uri,
            "azul_url": listing.file_url(file),
            "azul_mirror_uri": self.mirror_uri(project, file),
        }

    def mirror_uri(self, project: Project, file: File) -> str | None:
        """The mirror URI of a file, which may not exist there."""
        bucket = PRIVATE_BUCKET if project.managed else PUBLIC_BUCKET
        return f"s3://{bucket}/file/{file.true_md5}.md5" if file.mirrored else None

    def row(self, listing: Listing, project: Project, file: File) -> dict[str, str]:
        """A file's row of a compact manifest."""
        row = {
            "bundles.bundle_uuid": project.bundle(file.sample),
            "bundles.bundle_version": VERSION,
            "sources.source_id": uuid_of("snapshot"),
            "sources.source_spec": _SPEC,
        }
        tables = ("datasets", "donors", "diagnoses", "biosamples", "activities", "files")
        facts = listing.facts(project, file)
        for table in tables:
            for name in sorted(facts):
                if name.startswith(f"{table}.") and not name.endswith("duos_id"):
                    row[name] = " || ".join("" if value is None else str(value) for value in facts[name])
        return row | {
            "files.azul_url": listing.file_url(file) or "",
            "files.azul_mirror_uri": self.mirror_uri(project, file) or "",
        }

    def unit_facts(self, project: Project) -> dict[str, Any]:
        """A dataset in PFB."""
        return {
            "document_id": [project.uuid],
            "dataset_id": [uuid_of("dataset", project.short)],
            "title": [project.short],
        }

    def file_facts(self, project: Project, file: File) -> dict[str, Any]:
        """A file in PFB."""
        facts = {"document_id": file.uuid, "uuid": file.uuid, "version": file.version, "drs_uri": file.drs_uri}
        names = {"file_name": file.name, "file_size": file.size, "file_format": f".{file.format}"}
        return facts | names | {"file_md5sum": file.md5, "sha256": "", "crc32": ""}

    def replicas(self, listing: Listing) -> list[tuple[str, str, dict[str, Any]]]:
        """The metadata as stored in the repository."""
        found: dict[str, tuple[str, str, dict[str, Any]]] = {}
        for project, file in listing.pairs():
            ids = self._ids(project, file)
            dataset = {"dataset_id": ids["dataset"], "title": project.short, "consent_group": [project.restriction]}
            donor = {"donor_id": ids["donor"], "part_of_dataset_id": ids["dataset"], "organism_type": project.species}
            facts = listing.facts(project, file)
            names = ("file_id", "file_name", "file_size", "file_format", "file_md5sum", "drs_uri")
            own = {name: facts[f"files.{name}"][0] for name in names}
            for table, key, told in (
                ("anvil_dataset", project.uuid, dataset),
                ("anvil_donor", uuid_of(ids["donor"]), donor),
                ("anvil_file", file.uuid, own),
            ):
                found[key] = (table, key, {"datarepo_row_id": key, **told})
        return list(found.values())

    def summary(self, listing: Listing) -> dict[str, Any]:
        """The sums."""
        pairs = listing.pairs()
        formats: dict[str, list[File]] = {}
        for _, file in pairs:
            formats.setdefault(f".{file.format}", []).append(file)
        samples = {(project.uuid, file.sample) for project, file in pairs}
        return {
            "datasetCount": len({project.uuid for project, _ in listing.pairs(self.whole, hidden=True)}),
            "donorCount": len(samples),
            "biosampleCount": len(samples),
            "activityCount": len(samples),
            "fileCount": len(pairs),
            "totalFileSize": float(sum(file.size for _, file in pairs)),
            "fileFormats": [{"format": name, "count": len(files)} for name, files in sorted(formats.items())],
        }
