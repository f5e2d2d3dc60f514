"""Tools for assistants, tested with the protocol's own client."""

from __future__ import annotations

import json
from typing import Any

from hca_azul.testing import EmbeddedAzul
from hca_cellxgene.testing import EmbeddedCellxgene

READS = ("--service", "cellxgene")


def test_two_services_become_tools_that_read(assistant: Any) -> None:
    tools = assistant.tools("--service", "cellxgene", "--service", "azul")
    assert {name.split("_")[0] for name in tools} == {"cellxgene", "azul"}
    assert all(tool.annotations.read_only_hint for tool in tools.values())
    listing = next(tool for tool in tools.values() if tool.annotations.title == "cellxgene list-collection-versions")
    assert listing.input_schema["required"] == ["collection_id"]
    assert "List all versions of a collection" in listing.description


def test_a_tool_calls_the_service(assistant: Any, cellxgene: EmbeddedCellxgene) -> None:
    text, failed = assistant.call(*READS, tool="cellxgene_list_datasets", hca_query="[].title")
    assert not failed
    assert set(json.loads(text)) == {one["title"] for one in cellxgene.library.datasets()}


def test_what_changes_data_is_no_tool_unless_the_user_says_so(assistant: Any, cellxgene: EmbeddedCellxgene) -> None:
    assert not [
        name
        for name in assistant.tools(*READS)
        if any(word in name for word in ("delete", "create", "update", "upload_dataset"))
    ]
    text, failed = assistant.call(*READS, tool="cellxgene_create_revision", collection_id="x")
    assert failed
    assert "no such tool" in text
    assert not [request for request in cellxgene.requests if request[0] not in ("GET", "HEAD")]
    tools = assistant.tools(*READS, "--allow-writes", "cellxgene:create-revision")
    changing = {name for name, tool in tools.items() if not tool.annotations.read_only_hint}
    assert changing == {"cellxgene_create_revision"}
    assert tools["cellxgene_create_revision"].description.startswith("CHANGES DATA.")


def test_no_argument_makes_a_setting_for_writes(hca: Any) -> None:
    hca.configure({**hca.config(), "mcp": {"services": ["cellxgene"], "allow_writes": ["*"]}})
    rows = hca.rows("mcp", "tools")
    assert {row["effect"] for row in rows} == {"reads"}
    assert "allow_writes" in hca("config", "validate", check=None).stdout


def test_patterns_choose_operations(assistant: Any) -> None:
    assert set(assistant.tools(*READS, "--operations", "list-dataset*s")) == {
        "cellxgene_list_dataset_assets",
        "cellxgene_list_datasets",
        "cellxgene_list_dataset_versions",
    }


def test_long_results_are_cut_and_can_be_continued(assistant: Any, cellxgene: EmbeddedCellxgene) -> None:
    options = (*READS, "--max-bytes", "1000")

    async def read_all(client: Any) -> str:
        text, offset = "", 0
        while True:
            result = await client.call_tool("cellxgene_list_collections", {"hca_offset": offset})
            part = result.content[0].text
            shown, mark, note = part.rpartition("\n[cut: ")
            if not mark:
                return text + part
            assert len(shown.encode()) <= 1000
            text, offset = text + shown, int(note.split("hca_offset=")[1].split()[0])

    found = json.loads(assistant.session(*options, do=read_all))
    assert {one["name"] for one in found} == {one["name"] for one in cellxgene.library.collections.values()}


def test_a_secret_is_never_in_a_result(assistant: Any, cellxgene: EmbeddedCellxgene) -> None:
    canary = "canary-0123456789abcdef"
    cellxgene.library.collections[next(iter(cellxgene.library.collections))]["description"] = f"echo of {canary}"
    answers = []

    async def ask(client: Any) -> None:
        for tool in (await client.list_tools()).tools:
            arguments = dict.fromkeys(tool.input_schema["required"], "00000000-0000-0000-0000-000000000000")
            answers.append(str(await client.call_tool(tool.name, arguments)))
        for resource in (await client.list_resources()).resources:
            answers.append(str(await client.read_resource(resource.uri)))

    assistant.session(*READS, "--service", "azul", do=ask, env={"HCA_ACCESS_TOKEN": canary})
    assert len(answers) > 20
    assert canary not in "".join(answers)


def test_errors_are_results_in_our_words(assistant: Any) -> None:
    text, failed = assistant.call(*READS, tool="cellxgene_list_dataset_versions", dataset_id="nothing")
    assert failed
    assert "404" in text
    text, failed = assistant.call(*READS, tool="cellxgene_list_dataset_versions")
    assert failed
    assert "dataset_id" in text
    text, failed = assistant.call(*READS, tool="cellxgene_list_datasets", nonsense=1)
    assert failed
    assert "nonsense" in text


def test_documents_are_resources(assistant: Any) -> None:
    async def read(client: Any) -> Any:
        (resource,) = (await client.list_resources()).resources
        return (await client.read_resource(resource.uri)).contents[0].text

    assert json.loads(assistant.session(*READS, do=read))["info"]["title"].startswith("CELLxGENE")


def test_what_cannot_be_served(hca: Any) -> None:
    assert "no service is chosen" in hca("mcp", "serve", check=2).error
    assert "matches no operation" in hca("mcp", "serve", *READS, "--operations", "get-everything", check=2).error
    assert "matches no operation" in hca("mcp", "tools", *READS, "--allow-writes", "drop-*", check=2).error
    assert hca("mcp", "serve", "--service", "nowhere", check=2).error
    assert "is not a whole number of at least 256" in hca("mcp", "serve", *READS, "--max-bytes", "1", check=2).error


def test_settings_choose_services_and_are_checked(hca: Any) -> None:
    hca("config", "set", "mcp.services", '["cellxgene"]')
    assert {row["tool"].split("_")[0] for row in hca.rows("mcp", "tools")} == {"cellxgene"}
    run = hca("config", "set", "mcp.max_bytes", "few", check=None)
    assert run.returncode != 0
    assert "mcp.max_bytes" in run.stderr


def test_the_server_ends_when_the_assistant_goes(hca: Any) -> None:
    run = hca("mcp", "serve", *READS, stdin="", timeout=60)
    assert run.stdout == ""


def test_a_list_in_pages_says_how_to_get_the_next_one(assistant: Any, azul: EmbeddedAzul) -> None:
    options = ("--service", "azul", "--max-bytes", "1000000")
    arguments = {"entity_type": "files", "size": 4, "hca_query": "hits[].entryId"}

    async def read_all(client: Any) -> list[Any]:
        found, page = [], 1
        while True:
            result = await client.call_tool("azul_get_index_by_entity_type", {**arguments, "hca_page": page})
            text, _, note = result.content[0].text.partition("\n[page ")
            found.append(json.loads(text))
            if not note:
                return found
            page = int(note.split("hca_page=")[1].rstrip("]"))

    pages = assistant.session(*options, do=read_all)
    assert len(pages) > 2 and all(len(page) == 4 for page in pages[:-1])
    whole = assistant.hca(
        "azul", "get-index-by-entity-type", "--entity-type", "files", "--query", "hits[].entryId"
    ).json
    assert [one for page in pages for one in page] == whole
    call = {"tool": "azul_get_index_by_entity_type", **arguments, "hca_page": len(pages) + 1}
    text, failed = assistant.call(*options, **call)
    assert failed and f"the result has {len(pages)} pages" in text
