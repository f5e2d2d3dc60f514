"""Real metadata: bundles of the repository, served by the embedded Azul."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hca_azul.client import AzulClient
from hca_azul.lists.entries import of_hit
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
    """Names, UUIDs, versions and sizes are real; so are checksums, which is why no bytes can be made for them."""
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
    # These protocols name their methods, and tell nothing of barcodes.
    assert protocols(tmp_path / "lines") == {method: {}}
