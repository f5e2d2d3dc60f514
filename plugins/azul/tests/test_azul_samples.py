"""Real metadata: bundles of the repository, served by the embedded Azul."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hca_azul.client import AnvilClient, AzulClient
from hca_azul.lists.entries import NOT_LISTED, of_hit
from hca_azul.lists.read import FileList
from hca_azul.manifest.metadata import protocols
from hca_azul.testing import Atlas, EmbeddedAzul, File, Project

from hca_base.config import load

SAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "samples" / "hca-metadata"
BUNDLES = ("tdr-bundle-4426adc5.tdr.hca.json", "tdr-bundle-1b6d8348.tdr.hca.json", "cgm-bundle-4b03c1ce.dss.hca.json")


def bundle(name: str) -> dict[str, Any]:
    if not SAMPLES.is_dir():
        pytest.skip("the recorded contracts are not beside this checkout")
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
    return found


def entries_of(content: dict[str, Any]) -> list[dict[str, Any]]:
    manifest = content["manifest"]
    entries = list(manifest.values()) if isinstance(manifest, dict) else manifest
    return [entry for entry in entries if not entry.get("indexed")]


@pytest.mark.parametrize("name", BUNDLES)
def test_files_of_real_bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Names, UUIDs, versions and sizes are real; so are checksums, so there are no matching bytes."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    entries = entries_of(bundle(name))
    files = [
        File(
            entry["name"],
            entry["size"],
            format="".join(Path(entry["name"]).suffixes[-2:]).strip("."),
            version=entry["version"],
            own_uuid=entry["uuid"],
            told_sha256=entry["sha256"],
            key="real",
        )
        for entry in entries
    ]
    with EmbeddedAzul(Atlas([Project("Real", "Real", files=files)])) as azul:
        client = AzulClient(config=load(options=azul.settings))
        from hca_base.transfer import TransferOptions

        options = TransferOptions(dry_run=True)
        outcome = client.download("Real", download_dir=tmp_path / "d", options=options)
        assert outcome.plan["bytes"] == sum(entry["size"] for entry in entries)
        found = [entry for hit in client.search("files") for entry in of_hit(client.flavour, hit)]
        assert {(e.uuid, e.version, e.size, e.sha256) for e in found} == {
            (e["uuid"], e["version"], e["size"], e["sha256"]) for e in entries
        }


def test_files_without_checksums_come_down_by_their_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    files = [File(f"{n}_file_name.fmt", 1024, format="fmt", told_sha256="", key="none") for n in range(3)]
    with EmbeddedAzul(Atlas([Project("None", "None", files=files)])) as azul:
        client = AzulClient(config=load(options=azul.settings))
        for outcome in ("downloaded", "present"):
            done = client.download("None", download_dir=tmp_path / "d")
            assert done.report.counts[outcome] == 3
        for file in files:
            assert (tmp_path / "d" / "None" / file.name).read_bytes() == file.bytes


@pytest.mark.parametrize(("name", "method"), [(BUNDLES[0], "Smart-seq2"), (BUNDLES[1], "10X v2 sequencing")])
def test_methods_of_real_protocols(tmp_path: Path, name: str, method: str) -> None:
    metadata = bundle(name)["metadata"]
    (tmp_path / "lines").write_text("".join(json.dumps(document) + "\n" for document in metadata.values()))
    # These protocols name their methods, but have no barcode values.
    assert protocols(tmp_path / "lines") == {method: {}}


def container(path: Path, name: str, entities: list[Any]) -> None:
    """A PFB of real entities, with their real schema."""
    import fastavro

    schema = json.loads((SAMPLES / f"manifest-{name}.schema.json").read_text(encoding="utf-8"))
    records = [{**entity, "object": (entity["name"], entity["object"])} for entity in entities]
    with path.open("wb") as stream:
        fastavro.writer(stream, fastavro.parse_schema(schema), records)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded contracts are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "unit", "member"),
    [
        ("terra-pfb-hca", "projects", "document_id"),
        ("verbatim-pfb-hca", "project", "provenance"),
        ("verbatim-pfb-anvil", "anvil_dataset", "dataset_id"),
    ],
)
def test_files_of_real_manifests_know_where_they_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, unit: str, member: str
) -> None:
    """The project or dataset tells that files have managed access."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    entities = json.loads(next(SAMPLES.glob(f"manifest-{name}.[re]*s.json")).read_text(encoding="utf-8"))
    path = tmp_path / "list"
    if name.endswith("anvil"):
        # Its schema is not available.
        lines = [{"type": entity["name"], "value": entity["object"]} for entity in entities if entity["id"] is not None]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    else:
        pytest.importorskip("fastavro")
        container(path, name, entities)
    told = [entity["object"][member] for entity in entities if entity["name"] == unit]
    keys = {one["document_id"] if isinstance(one, dict) else one[0] if isinstance(one, list) else one for one in told}
    files = [entity for entity in entities if entity["name"] in ("files", "anvil_file", "sequence_file")]
    service, kind = ("anvil", AnvilClient) if name.endswith("anvil") else ("azul", AzulClient)
    with EmbeddedAzul(service=service) as azul, kind(config=load(options=azul.settings)) as client:
        with FileList(client, path) as found:
            entries = list(found)
    assert len(entries) == len(files) and {entry.project_id for entry in entries} == keys - {None}
    if name.startswith("terra"):
        assert {entry.project for entry in entries} >= {"Single of human pancreas", "Covid19PBMC"}
    else:
        # The embedded service has none of them.
        assert {entry.missing for entry in entries} == {NOT_LISTED}
        assert all(entry.name != entry.uuid for entry in entries)
