"""Datasets and collections as table rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hca_cellxgene.filters import labels

DATASET_COLUMNS = ("title", "cells", "assays", "tissues", "diseases", "organisms", "date", "doi", "dataset_id")
COLLECTION_COLUMNS = ("name", "datasets", "tissues", "diseases", "organisms", "date", "doi", "collection_id")


def date(record: Mapping[str, Any]) -> str:
    """Return the day on which the record was published or last revised, as ``YYYY-MM-DD``."""
    return str(record.get("revised_at") or record.get("published_at") or "")[:10]


def dataset_row(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dataset's columns."""
    return {
        "title": dataset.get("title"),
        "cells": dataset.get("cell_count"),
        "assays": labels(dataset, "assay"),
        "tissues": labels(dataset, "tissue"),
        "diseases": labels(dataset, "disease"),
        "organisms": labels(dataset, "organism"),
        "date": date(dataset),
        "doi": dataset.get("collection_doi"),
        "dataset_id": dataset.get("dataset_id"),
        "dataset_version_id": dataset.get("dataset_version_id"),
        "collection_id": dataset.get("collection_id"),
        "collection": dataset.get("collection_name"),
        "cell_types": labels(dataset, "cell_type"),
        "sexes": labels(dataset, "sex"),
        "bytes": sum(int(asset.get("filesize") or 0) for asset in dataset.get("assets") or ()) or None,
        "explorer_url": dataset.get("explorer_url"),
    }


def collection_row(collection: Mapping[str, Any]) -> dict[str, Any]:
    """Return a collection's columns; those of its datasets are joined."""
    datasets = collection.get("datasets") or []
    joined = {
        name: sorted({label for dataset in datasets for label in labels(dataset, field)})
        for name, field in (
            ("tissues", "tissue"),
            ("diseases", "disease"),
            ("organisms", "organism"),
            ("assays", "assay"),
        )
    }
    return {
        "name": collection.get("name"),
        "datasets": len(datasets),
        **joined,
        "date": date(collection),
        "doi": collection.get("doi"),
        "collection_id": collection.get("collection_id"),
        "url": collection.get("collection_url"),
        "consortia": collection.get("consortia") or [],
        "contact": collection.get("contact_name"),
        "links": [link.get("link_url") for link in collection.get("links") or ()],
    }


def short(value: Any, most: int = 3) -> Any:
    """Return a list as table text: its first values, and the number of the others."""
    if not isinstance(value, list):
        return value
    shown = ", ".join(map(str, value[:most]))
    return f"{shown} (+{len(value) - most})" if len(value) > most else shown
