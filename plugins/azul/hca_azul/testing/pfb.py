"""PFB manifests: one Avro container with records of many kinds, distinguished by a union's names."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hca_azul.testing.listing import Listing
from hca_azul.testing.model import uuid_of


class Entity(NamedTuple):
    """A record of a PFB."""

    table: str
    id: str
    facts: dict[str, Any]
    links: tuple[tuple[str, str], ...] = ()


def pfb(listing: Listing, verbatim: bool) -> bytes:
    """A PFB of the files in a listing."""
    if verbatim:
        return container(Entity(*replica) for replica in listing.shape.replicas(listing))
    entities: dict[str, Entity] = {}
    for project, file in listing.pairs():
        sample = project.sample_id(file.sample)
        linked = {
            listing.shape.whole: listing.shape.unit_facts(project),
            "samples": {"document_id": [uuid_of(sample)], "biomaterial_id": [sample]},
        }
        links = []
        for table, told in linked.items():
            key = f"{table}.{told['document_id'][0]}.1"
            entities.setdefault(key, Entity(table, key, told))
            links.append((table, key))
        # Unlike listings and compact manifests, PFBs have no URLs of the service or the mirror.
        facts = listing.shape.file_facts(project, file)
        key = f"files.{file.uuid}.1"
        entities[key] = Entity("files", key, facts, tuple(links))
    return container(sorted(entities.values(), key=lambda one: bool(one.links)))


def container(entities: Iterable[Entity]) -> bytes:
    """An Avro container of entities."""
    import fastavro

    found = list(entities)
    tables: dict[str, dict[str, list[Any]]] = {}
    for entity in found:
        columns = tables.setdefault(entity.table, {})
        for name, value in entity.facts.items():
            columns.setdefault(name, []).append(value)
    schema = _schema(tables)
    nodes = [
        {"name": name, "ontology_reference": "", "values": {}, "links": [], "properties": []} for name in sorted(tables)
    ]
    records: list[Mapping[str, Any]] = [
        {"id": None, "name": "Metadata", "object": ("Metadata", {"nodes": nodes, "misc": {}}), "relations": []}
    ]
    for entity in found:
        facts = {name: entity.facts.get(name) for name in tables[entity.table]}
        facts = {name: _of_type(_type(tables[entity.table][name]), value) for name, value in facts.items()}
        relations = [{"dst_name": table, "dst_id": key} for table, key in entity.links]
        records.append({"id": entity.id, "name": entity.table, "object": (entity.table, facts), "relations": relations})
    stream = io.BytesIO()
    fastavro.writer(stream, fastavro.parse_schema(schema), records, codec="deflate")
    return stream.getvalue()


def _type(values: list[Any]) -> str:
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return "boolean"
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        return "long"
    for kind, name in ((list, "list"), (dict, "map")):
        if any(isinstance(value, kind) for value in known):
            return name
    return "string"


def _of_type(kind: str, value: Any) -> Any:
    if kind == "list":
        return [str(one) for one in value] if isinstance(value, list) else []
    if kind == "map":
        return {name: str(one) for name, one in value.items()} if isinstance(value, dict) else {}
    return value if value is None or kind != "string" else value if isinstance(value, str) else str(value)


def _schema(tables: Mapping[str, Mapping[str, list[Any]]]) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    link = {"type": "record", "name": "Link", "fields": [{"name": n, **text} for n in ("multiplicity", "dst", "name")]}
    prop = {"type": "record", "name": "Property", "fields": [{"name": "name", **text}]}
    node_fields = [
        {"name": "name", **text},
        {"name": "ontology_reference", **text},
        {"name": "values", "type": {"type": "map", "values": "string"}},
        {"name": "links", "type": {"type": "array", "items": link}},
        {"name": "properties", "type": {"type": "array", "items": prop}},
    ]
    node = {"type": "record", "name": "Node", "fields": node_fields}
    metadata = {
        "type": "record",
        "name": "Metadata",
        "fields": [
            {"name": "nodes", "type": {"type": "array", "items": node}},
            {"name": "misc", "type": {"type": "map", "values": "string"}},
        ],
    }
    kinds: list[Any] = [metadata]
    for table, columns in tables.items():
        fields = []
        for name, values in columns.items():
            kind = _type(values)
            avro: Any = {
                "list": {"type": "array", "items": ["null", "string"]},
                "map": {"type": "map", "values": "string"},
            }.get(kind, ["null", kind])
            fields.append({"name": name, "type": avro})
        kinds.append({"type": "record", "name": table, "fields": fields})
    relation = {"type": "record", "name": "Relation", "fields": [{"name": n, **text} for n in ("dst_id", "dst_name")]}
    return {
        "type": "record",
        "name": "Entity",
        "fields": [
            {"name": "id", "type": ["null", "string"], "default": None},
            {"name": "name", **text},
            {"name": "object", "type": kinds},
            {"name": "relations", "type": {"type": "array", "items": relation}},
        ],
    }
