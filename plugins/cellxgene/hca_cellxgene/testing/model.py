"""The data of an embedded CELLxGENE: collections, versions of their datasets, and the bytes of their files."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

_SPACE = uuid.UUID("7d7cabfd-1d1f-40af-96b7-26a0825a306d")
_TERMS = ("assay", "cell_type", "development_stage", "disease", "organism", "self_reported_ethnicity", "sex", "tissue")


def stable_uuid(*parts: object) -> str:
    """Return a UUID derived from the parts, the same in every run."""
    return str(uuid.uuid5(_SPACE, "/".join(map(str, parts))))


@dataclass
class Library:
    """The data of an embedded service.

    :ivar collections: by UUID
    :ivar versions: versions of datasets by the UUID of the dataset, newest first
    :ivar files: bytes by file name
    """

    collections: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def datasets(self) -> list[dict[str, Any]]:
        """Return the current version of every dataset."""
        return [versions[0] for versions in self.versions.values()]

    def add_collection(self, name: str, doi: str | None = None, **members: Any) -> str:
        """Add a collection and return its UUID."""
        identifier = stable_uuid("collection", name)
        self.collections[identifier] = {
            "collection_id": identifier,
            "collection_version_id": stable_uuid("collection version", name, 1),
            "collection_url": f"https://cellxgene.example.org/collections/{identifier}",
            "name": name,
            "doi": doi,
            "description": f"Data of {name}",
            "consortia": [],
            "contact_name": "Ada Example",
            "contact_email": "ada@example.org",
            "links": [],
            "publisher_metadata": None,
            "published_at": "2023-04-01T12:00:00+00:00",
            "revised_at": None,
            "visibility": "PUBLIC",
            **members,
        }
        return identifier

    def add_dataset(self, collection_id: str, title: str, *, version: int = 1, size: int = 2048, **members: Any) -> str:
        """Add a dataset, or a newer version of it, and return its UUID.

        :param size: bytes of its H5AD file
        :param members: members of the dataset; terms as pairs: ``tissue=[("lung", "UBERON:0002048")]``
        """
        identifier = stable_uuid("dataset", collection_id, title)
        version_id = stable_uuid("version", identifier, version)
        collection = self.collections[collection_id]
        terms = {
            name: [{"label": label, "ontology_term_id": term} for label, term in members.pop(name, ())]
            for name in _TERMS
        }
        self.files[f"{version_id}.h5ad"] = hashlib.shake_128(version_id.encode()).digest(size)
        record = {
            "dataset_id": identifier,
            "dataset_version_id": version_id,
            "collection_id": collection_id,
            "collection_version_id": collection["collection_version_id"],
            "collection_name": collection["name"],
            "collection_doi": collection["doi"],
            "title": title,
            "assets": [{"filetype": "H5AD", "filesize": size, "url": f"{{storage}}/{version_id}.h5ad"}],
            "cell_count": 1000 * version,
            "published_at": f"2023-04-{version:02}T12:00:00+00:00",
            "revised_at": None,
            "schema_version": "5.2.0",
            "suspension_type": ["cell"],
            "is_primary_data": [True],
            **terms,
            **members,
        }
        self.versions.setdefault(identifier, []).insert(0, record)
        return identifier


HUMAN = [("Homo sapiens", "NCBITaxon:9606")]
MOUSE = [("Mus musculus", "NCBITaxon:10090")]
_PUBLICATION = {
    "authors": [{"given": "Ada", "family": "Example"}, {"name": "The Lung & Airway Group"}],
    "is_preprint": False,
    "journal": "Journal of Examples",
    "published_day": 18,
    "published_month": 11,
    "published_year": 2020,
}


def sample() -> Library:
    """Return a small library: three collections, five datasets, one of them with two versions."""
    library = Library()
    tenx, smart = [("10x 3' v2", "EFO:0009899")], [("Smart-seq2", "EFO:0008931")]
    normal, covid = [("normal", "PATO:0000461")], [("COVID-19", "MONDO:0100096")]
    cortex = [("cerebral cortex", "UBERON:0000956")]
    lung = library.add_collection("A cell atlas of the lung", "10.1234/lung.2020", publisher_metadata=_PUBLICATION)
    library.add_dataset(
        lung,
        "Lung, healthy",
        organism=HUMAN,
        tissue=[("lung", "UBERON:0002048")],
        disease=normal,
        assay=tenx,
        cell_type=[("T cell", "CL:0000084"), ("club cell", "CL:0000158")],
    )
    library.add_dataset(
        lung,
        "Lung, COVID-19",
        organism=HUMAN,
        tissue=[("lung parenchyma", "UBERON:0008946")],
        disease=covid,
        assay=tenx,
        cell_type=[("T cell", "CL:0000084")],
    )
    brain = library.add_collection("A cell atlas of the brain", "10.1234/brain.2021", contact_name="Bo & Co_1")
    for version in (1, 2):
        library.add_dataset(
            brain,
            "Cortex",
            version=version,
            organism=HUMAN,
            tissue=cortex,
            disease=normal,
            assay=smart,
            suspension_type=["nucleus"],
        )
    library.add_dataset(brain, "Cortex of the mouse", organism=MOUSE, tissue=cortex)
    other = library.add_collection("Unpublished data")
    library.add_dataset(other, "Blood", organism=HUMAN, tissue=[("blood", "UBERON:0000178")], size=300_000)
    return library
