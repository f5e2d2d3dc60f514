"""The embedded server's responses and the client's requests, compared with our document and GA4GH's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hca_drs.client import DRSClient
from hca_drs.testing import Blob, Bundle, Contract, EmbeddedDrs, Member, Repository

from hca_base.transfer import TransferOptions


@pytest.fixture(params=["ours", "theirs"])
def contract(request: pytest.FixtureRequest) -> Iterator[Contract]:
    """The bundled document, and that of a checkout if HCA_DRS_SPEC names one."""
    if request.param == "ours":
        yield Contract.bundled()
        return
    folder = os.environ.get("HCA_DRS_SPEC")
    if not folder:
        pytest.skip("HCA_DRS_SPEC names no checkout")
    yield Contract.of_checkout(Path(folder))


@pytest.mark.parametrize("version", ["1.2.0", "1.3.0", "1.4.0", "1.5.0"])
def test_all_exchanges_agree(
    contract: Contract, make_client: Callable[..., DRSClient], tmp_path: Path, version: str
) -> None:
    repository = Repository()
    kinds: list[dict[str, Any]] = [
        {},
        {"access": ("https", "s3", "gs")},
        {"signed": False, "access": ("s3", "https")},
        {"checksums": [("md5", "0" * 32), ("sha-256", "1" * 64)], "region": "us-east-1"},
        {"available": False},
    ]
    members = [Member(f"{n}", repository.add(f"o{n}", Blob(b"x", f"n{n}", **kind))) for n, kind in enumerate(kinds)]
    repository.add("all", Bundle([*members, Member("gone", "gone"), Member("far", None, ("drs://127.0.0.1:9/x",))]))
    with EmbeddedDrs(repository, version=version, header_shape="list", token="a-token-of-the-tests") as drs:
        drs.contract = contract
        client = make_client({"base_url": drs.url}, token="a-token-of-the-tests")
        client.run_download([drs.uri("all")], tmp_path, client.preferences(), options=TransferOptions(progress="none"))
        server = client.servers.of(client.resolve(drs.uri("o0")))
        server.authorizations("o0")
        assert server.info["type"]["artifact"] == "drs"
        make_client().run_download([drs.uri("o0")], tmp_path / "no", client.preferences())
        # GA4GH's document is that of 1.5, which requires members that 1.2 and 1.3 did not have.
        assert [each for each in drs.problems if version >= "1.4" or "maxBulkRequestLength" not in each] == []
        assert drs.count("api") > 6


def test_what_disagrees_is_found(contract: Contract) -> None:
    fine = {
        "id": "x",
        "self_uri": "drs://a/x",
        "size": 1,
        "created_time": "t",
        "checksums": [{"type": "a", "checksum": "b"}],
    }
    assert contract.problems("GET", "/objects/x", 200, None, fine) == []
    for answer in ({**fine, "size": "1"}, {**fine, "checksums": []}, {"id": "x"}, {**fine, "contents": [{}]}):
        assert contract.problems("GET", "/objects/x", 200, None, answer)
    assert contract.problems("GET", "/objects/x/y/z/w", 200, None, fine)
    assert contract.problems("PATCH", "/objects/x", 200, None, fine)
    assert contract.problems("GET", "/objects/x", 418, None, fine)
    assert contract.problems("POST", "/objects", 200, {"bulk_object_ids": "x"}, {})
    assert contract.problems("GET", "/objects/x/access/y", 200, None, {"url": "u", "headers": {"a": "b"}})


def test_the_documents_have_the_same_operations() -> None:
    folder = os.environ.get("HCA_DRS_SPEC")
    if not folder:
        pytest.skip("HCA_DRS_SPEC names no checkout")
    ours, theirs = Contract.bundled().root, Contract.of_checkout(Path(folder)).root
    assert set(ours["paths"]) == set(theirs["paths"])
    for path, item in ours["paths"].items():
        methods = {name for name in theirs["paths"][path] if name in ("get", "post", "options", "put", "delete")}
        assert set(item) == methods
        for name in methods:
            other = theirs["paths"][path][name]
            assert item[name]["operationId"] == other["operationId"]
            assert set(item[name]["responses"]) == set(map(str, other["responses"]))
            names = [sorted(p["name"] for p in each.get("parameters", [])) for each in (item[name], other)]
            assert names[0] == names[1]
