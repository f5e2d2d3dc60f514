"""The plugins' clients for type checkers: a base class from each document, and the mistakes that mypy finds with it."""

from __future__ import annotations

import importlib
import importlib.resources
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lib.house import ROOT

#: A line with a mistake ends in "# error".
SCRIPT = """\
from __future__ import annotations

from typing import TYPE_CHECKING

import hca_base
from hca_azul.client import AnvilClient, AzulClient
from hca_base.openapi import BaseClient, Client
from hca_cellxgene.client import CellxgeneClient
from hca_drs.client import DRSClient
from hca_dss.client import DSSClient
from hca_upload import UploadArea, UploadClient, UploadService

if TYPE_CHECKING:
    from hca_dss.operations import BundleFile, DssOperations, Replica


def newest(dss: DssOperations, uuid: str, replica: Replica) -> str:
    return dss.get_bundle(uuid=uuid, replica=replica)["bundle"]["version"]


def host(client: BaseClient) -> str:
    return client.base_url.lower()


dss = DSSClient(swagger_url="http://127.0.0.1:8765/v1/swagger.json")
print(newest(dss, "u", "aws"), host(dss), dss.config.get("log_level"))
print(newest(dss, "u", "azure"))  # error
dss.get_bundel(uuid="u", replica="aws")  # error
dss.get_bundle(uuid=5, replica="aws")  # error
dss.get_bundle("u", "aws", versoin="2019")  # error
dss.get_bundle("u")  # error
for file in dss.get_bundle("u", "aws")["bundle"]["files"]:
    print(file["name"].upper(), file["size"] + 1, file["content-type"])
    print(file["length"])  # error
    print(file["size"].upper())  # error
for hit in dss.post_search.iterate(es_query={"query": {"match_all": {}}}, replica="aws", per_page=500):
    print(hit)
for listed in dss.get_bundles_all.iterate(replica="gcp"):
    print(listed["uuid"].upper())
    print(listed["uid"])  # error
for page in dss.get_bundles_all.paginate(replica="gcp"):
    print(page["per_page"] + 1)
bundled: list[BundleFile] = [{"name": "a", "uuid": "u", "version": "v", "indexed": False}]
dss.put_bundle(uuid="u", version="v", replica="aws", creator_uid=1, files=bundled)
dss.put_bundle(uuid="u", version="v", replica="aws", creator_uid=1, files=[{"nme": "a"}])  # error
with dss.get_file.stream(uuid="u", replica="aws") as response:
    print(response.headers["X-DSS-SHA256"])
print(dss.download(bundle_uuid="u", replica="aws", download_dir="data").rows)
dss.download(bundle_uuid="u", replica="aws", directory="data")  # error
dss.download(bundle_uuid="u", replica="azure")  # error
dss.login(remote=True)

upload = UploadClient()
print(upload.get_area_checksum(upload_area_uuid="u", filename="f")["checksum_status"])
print(upload.get_area_checksum(upload_area_uuid="u", filename="f")["status"])  # error
print(upload.post_area(upload_area_uuid="u", filename="f"))
upload.get_area_checksumm(upload_area_uuid="u", filename="f")  # error
area: UploadArea = UploadService(deployment_stage="local", api_token="t").create_area("u")
area.upload_flies(["a"])  # error

azul = AzulClient()
for project in azul.search("projects", {"genusSpecies": {"is": ["Homo sapiens"]}}):
    print(project)
print(azul.get_index_catalogs()["default_catalog"].upper())
print(azul.get_index_catalogs()["default"])  # error
azul.get_index_by_entity_type("projects", size="10")  # error
azul.get_index_by_entity_type("projects", filter={})  # error
azul.get_index(entity_type="projects")
azul.get_openapi()
azul.serach("projects")  # error
azul.download(project="p", download_dir="data", on_colision="rename")  # error

anvil = AnvilClient()
anvil.get_index_by_entity_type("datasets")
anvil.get_index_by_entity_type("projects")  # error
anvil.get_openapi()  # error
print(anvil.matrices())

drs = DRSClient()
print(drs.get_object(object_id="o")["size"] + 1, drs.get_objects(object_id="o")["id"].upper())
print(drs.get_object(object_id="o")["sizes"])  # error
drs.get_object(object="o")  # error
print(drs.stat("drs://drs.example.org/o").size)
drs.resovle("drs://drs.example.org/o")  # error

cellxgene = CellxgeneClient()
for dataset in cellxgene.list_datasets():
    print(dataset["dataset_id"].upper(), dataset["assets"][0]["filesize"])
    print(dataset["id"])  # error
print(cellxgene.list_datasets().to_pandas(), cellxgene.datasets({"tissue": ["lung"]}))
cellxgene.list_dataset()  # error
cellxgene.datasets({"tissue": 5})  # error

any_service: Client = hca_base.client("tes")
any_service.what_only_its_document_says(page_size=5)
hca_base.clients("tes")  # error
"""
PACKAGES = ("hca_azul", "hca_base", "hca_cellxgene", "hca_drs", "hca_dss", "hca_upload")


def mypy(folder: Path, script: str) -> list[str]:
    """mypy's errors for a script that uses the installed distributions."""
    (folder / "use.py").write_text(script)
    found = {Path(str(importlib.import_module(each).__file__)).parents[1] for each in PACKAGES}
    # mypy finds wheels by itself, but not `pip install --editable`.
    env = {
        **os.environ,
        "MYPYPATH": os.pathsep.join(map(str, (each for each in found if each.name != "site-packages"))),
    }
    words = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary", "--no-pretty"]
    words += ["--hide-error-context", "--config-file=", "--cache-dir", str(folder / ".mypy"), "use.py"]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


@pytest.mark.timeout(900)
def test_mypy_finds_the_mistakes_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    errors = mypy(tmp_path, SCRIPT)
    lines = {int(error.split(":")[1]) for error in errors if error.startswith("use.py:")}
    planted = {number for number, line in enumerate(SCRIPT.splitlines(), 1) if line.endswith("# error")}
    assert lines == planted, "\n".join([*errors, f"not found: {sorted(planted - lines)}"])
    assert len(planted) > 25 and not [error for error in errors if not error.startswith("use.py:")]


def test_the_base_classes_are_what_the_documents_say(tmp_path: Path) -> None:
    program = ROOT / ".ci" / "stubs.py"
    subprocess.run([sys.executable, program, tmp_path], capture_output=True, timeout=120, check=True)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.pyi")}
    there = {path.relative_to(ROOT): path.read_text() for path in ROOT.glob("plugins/*/hca_*/*operations.pyi")}
    assert len(made) >= 6
    assert made == there, "run 'make stubs'"


@pytest.mark.parametrize("package", PACKAGES)
def test_they_are_installed(package: str) -> None:
    names = {each.name for each in importlib.resources.files(package).iterdir()}
    assert "py.typed" in names
    assert any(name.endswith(".pyi") for name in names)
    assert not any(name.endswith("operations.py") for name in names), "nothing imports it when a program runs"


def test_clients_are_what_they_were_when_a_program_runs() -> None:
    from hca_azul.client import AnvilClient, AzulClient
    from hca_cellxgene.client import CellxgeneClient
    from hca_drs.client import DRSClient
    from hca_dss.client import DSSClient
    from hca_upload.client import UploadClient

    from hca_base.openapi import Client

    for kind in (AnvilClient, AzulClient, CellxgeneClient, DRSClient, DSSClient, UploadClient):
        assert issubclass(kind, Client)
        with pytest.raises(AttributeError, match="get_bundel"):
            _ = kind().get_bundel
