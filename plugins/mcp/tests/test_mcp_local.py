"""An assistant with the services of the embedded deployment."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BOTH = ("--service", "dss", "--service", "upload", "--max-bytes", "2000")
BUNDLES = 15


@pytest.fixture
def local(hca: Any, tmp_path: Path) -> Iterator[Any]:
    """Runs ``hca`` with a separate deployment that has some bundles."""
    hca("local", "start", "--port", "0")
    try:
        source = tmp_path / "source"
        source.mkdir()
        (source / "cell.json").write_text(json.dumps({"note": "x" * 300}))
        for _ in range(BUNDLES):
            hca("dss", "upload", "--replica", "aws", "--src-dir", source)
        yield hca
    finally:
        hca("local", "stop")


def secrets_of(hca: Any) -> list[str]:
    """The tokens and keys of the deployment's profile."""
    token = hca("auth", "token", "dss").stdout.strip()
    key = hca("auth", "token", "upload").stdout.strip()
    assert len(token) > 20 and len(key) > 10
    return [token, key]


@pytest.mark.timeout(400)
def test_two_services_of_the_embedded_deployment(local: Any, assistant: Any) -> None:
    found: dict[str, Any] = {}

    async def converse(client: Any) -> None:
        found["tools"] = {tool.name: tool for tool in (await client.list_tools()).tools}

        async def call(tool: str, **arguments: Any) -> tuple[str, bool]:
            result = await client.call_tool(tool, arguments)
            return result.content[0].text, bool(result.is_error)

        listing = {"replica": "aws", "es_query": {}, "per_page": 10, "hca_query": "results[].bundle_fqid"}
        found["first"] = await call("dss_post_search", **listing)
        found["second"] = await call("dss_post_search", **listing, hca_page=2)
        bundle = json.loads(found["first"][0].partition("\n")[0].rstrip(",").strip("[]"))
        name = bundle.partition(".")[0]
        found["bundle"] = await call("dss_get_bundle", uuid=name, replica="aws", presignedurls=True)
        file = (await call("dss_get_bundle", uuid=name, replica="aws", hca_query="bundle.files[0].uuid"))[0]
        found["file"] = await call("dss_get_file", uuid=file, replica="aws")
        found["delete"] = await call("dss_delete_bundle", uuid=name, replica="aws", reason="none")
        found["put"] = await call("dss_put_collection", replica="aws", uuid=str(uuid.uuid4()))
        found["area"] = await call("upload_post_area_by_upload_area_uuid", upload_area_uuid=str(uuid.uuid4()))
        found["health"] = await call("upload_get_v1_health")
        for tool in found["tools"].values():
            required = tool.input_schema["required"]
            found[f"any {tool.name}"] = await call(tool.name, **dict.fromkeys(required, "aws"))

    assistant.session(*BOTH, do=converse)
    assert {name.split("_")[0] for name in found["tools"]} == {"dss", "upload"}
    assert not [name for name in found["tools"] if any(word in name for word in ("put_", "delete_", "patch_"))]

    (first, failed), (second, _) = found["first"], found["second"]
    assert not failed and first.endswith("[page 1; the service has more: call again with hca_page=2]")
    pages = [json.loads(text.partition("\n[page ")[0]) for text in (first, second)]
    assert len(pages[0]) == 10 and len(set(pages[0] + pages[1])) == BUNDLES

    assert "cell.json" in found["bundle"][0]
    signatures = re.findall(r"Signature=([^&\"]*)", found["bundle"][0])
    assert set(signatures) == {"[hidden]"}
    assert "note" in found["file"][0]
    for refused in ("delete", "put", "area"):
        text, failed = found[refused]
        assert failed and "no such tool" in text
    assert not found["health"][1]
    said = "".join(text for key, (text, *_) in found.items() if key != "tools")
    assert not [secret for secret in secrets_of(local) if secret in said]
    # Nothing was deleted or created.
    assert len(local.rows("dss", "get-bundles-all", "--replica", "aws", "--query", "bundles[].uuid")) == BUNDLES


@pytest.mark.timeout(400)
def test_a_write_that_the_user_allows(local: Any, assistant: Any) -> None:
    options = (*BOTH, "--allow-writes", "dss:put-collection")
    made = str(uuid.uuid4())
    body = {"contents": [], "description": "d", "details": {}, "name": "n", "version": "2026-01-01T000000.000000Z"}
    text, failed = assistant.call(*options, tool="dss_put_collection", replica="aws", uuid=made, **body)
    assert not failed, text
    assert local("dss", "get-collection", "--uuid", made, "--replica", "aws").json["name"] == "n"
    text, failed = assistant.call(*options, tool="dss_delete_collection", replica="aws", uuid=made)
    assert failed and "no such tool" in text
