"""``hca dss search`` and ``hca dss manifest``: bundles by short field names, over a real index, and their files."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.lib import Runner


def metadata(organ: str, sex: str, project: str, paired: bool, taxon: int = 9606) -> dict[str, bytes]:
    documents: dict[str, Any] = {
        "donor_organism_0.json": {"sex": sex, "biomaterial_core": {"ncbi_taxon_id": taxon}},
        "specimen_from_organism_0.json": {"organ": {"text": organ, "ontology": "UBERON:1"}},
        "project_0.json": {"project_core": {"project_short_name": project}},
        "sequencing_protocol_0.json": {"paired_end": paired},
    }
    made = {name: json.dumps(document).encode() for name, document in documents.items()}
    return {**made, "reads.fastq.gz": uuid.uuid4().bytes * 100}


@pytest.fixture(scope="module")
def bundles(site: Any) -> dict[str, Any]:
    return {
        "a": site.put_bundle(metadata("pancreas", "female", "search-one", True)),
        "b": site.put_bundle(metadata("heart", "male", "search-one", True)),
        "c": site.put_bundle(metadata("brain stem", "female", "search-two", False, 10090)),
    }


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["project=search-one"], "ab"),
        (["project=search-one", "sex=female"], "a"),
        (["organ=pancreas,brain stem", "project=search-one,search-two"], "ac"),
        (["project=search-one,search-two", "paired-end=false"], "c"),
        (["project=search-one,search-two", "paired_end=TRUE"], "ab"),
        (["project=search-two", "taxon=10090"], "c"),
        (["project=search-one,search-two", "organ=*"], "abc"),
        (["files.project_json.project_core.project_short_name=search-two"], "c"),
        (
            [
                "--es-query",
                '{"query": {"match": {"files.project_json.project_core.project_short_name": "search-two"}}}',
            ],
            "c",
        ),
    ],
)
def test_filters_find_bundles(hca: Runner, bundles: dict[str, Any], filters: list[str], names: str) -> None:
    found = hca.rows("dss", "search", *filters, "--replica", "aws")
    expected = {(bundles[name].uuid, bundles[name].version) for name in names}
    assert {(row["bundle_uuid"], row["bundle_version"]) for row in found} == expected
    assert len(hca.rows("dss", "search", *filters, "--replica", "aws", "--max", "1")) == 1


def test_the_query_is_shown_and_is_one_for_post_search(hca: Runner, bundles: dict[str, Any]) -> None:
    shown = hca("dss", "search", "project=search-one", "organ=heart", "--show-query").json
    answer = hca("dss", "post-search", "--replica", "aws", "--es-query", json.dumps(shown)).json
    assert [hit["bundle_fqid"] for hit in answer["results"]] == [bundles["b"].folder]
    fields = hca.rows("dss", "search", "--fields")
    assert {"organ", "project", "sex"} <= {row["field"] for row in fields} and all(row["about"] for row in fields)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["search", "orgn=brain", "--replica", "aws"], 2, "hint: did you mean organ?"),
        (["search", "brain", "--replica", "aws"], 2, "'brain' is not FIELD=VALUE"),
        (["search", "organ=", "--replica", "aws"], 2, "is not FIELD=VALUE"),
        (["search", "taxon=human", "--replica", "aws"], 2, "taxon requires a number, not 'human'"),
        (["search", "paired-end=maybe", "--replica", "aws"], 2, "paired-end requires true or false"),
        (["search", "--replica", "aws"], 2, "no search terms"),
        (["search", "organ=brain"], 2, "--replica"),
        (["search", "organ=brain", "--es-query", "{}", "--replica", "aws"], 2, "not both"),
        (["search", "--es-query", "[]", "--replica", "aws"], 2, "must be a JSON object"),
        (["search", "project=nowhere-to-be-found", "--replica", "aws"], 4, "no bundle matches"),
        (["manifest", "--replica", "aws"], 2, "no bundles are named"),
        (["manifest", "organ=brain", "11111111-1111-4111-8111-111111111111", "--replica", "aws"], 2, "not both"),
        (["manifest", "11111111-1111-4111-8111-111111111111", "--replica", "aws", "--output", "m.tsv"], 4, ""),
        (["manifest", "project=nowhere-to-be-found", "--replica", "aws", "--output", "m.tsv"], 4, "no bundle matches"),
    ],
)
def test_what_cannot_be_searched_is_one_clear_line(hca: Runner, words: list[str], code: int, text: str) -> None:
    done = hca("dss", *words, check=code)
    assert done.stdout == "" and done.stderr.startswith("hca: error: ") and text in done.stderr
    assert not hca.files()


def test_a_manifest_has_the_files_of_the_bundles_and_can_be_downloaded(hca: Runner, bundles: dict[str, Any]) -> None:
    done = hca("dss", "manifest", "project=search-one", "--replica", "aws", "--output", "m.tsv")
    assert done.stdout == "" and done.stderr == "10 files, listed in m.tsv\n"
    text = (hca.cwd / "m.tsv").read_text()
    header, *rows = text.splitlines()
    assert header == "bundle_uuid\tbundle_version\tfile_name\tfile_uuid\tfile_version\tfile_sha256\tfile_size"
    by_hand = {line.rpartition("\t")[0] for name in "ab" for line in bundles[name].manifest().splitlines()[1:]}
    assert set(rows) == by_hand
    # The same by name, on stdout; and for a version.
    one, two = bundles["a"], bundles["b"]
    named = hca("dss", "manifest", one.folder, two.uuid, "--replica", "aws")
    assert sorted(named.stdout.splitlines()) == sorted(text.splitlines())
    hca("dss", "download-manifest", "--manifest", "m.tsv", "--replica", "aws", "--layout", "bundle")
    assert (hca.cwd / one.folder / "reads.fastq.gz").read_bytes() == one.contents["reads.fastq.gz"]


def test_a_search_is_downloaded_and_the_same_command_continues(
    hca: Runner, bundles: dict[str, Any], traffic: Any
) -> None:
    command = ("dss", "search", "project=search-one", "--replica", "aws", "--download", "--download-dir", "data")
    dry = hca(*command, "--dry-run")
    assert "10 files" in dry.stderr and not hca.files()
    hca(*command)
    for name in "ab":
        for file, content in bundles[name].contents.items():
            assert (hca.cwd / "data" / bundles[name].folder / file).read_bytes() == content
    assert (hca.cwd / "manifest.tsv").read_text().startswith("bundle_uuid\t")
    before = traffic.count("dss", "GET", "/v1/files")
    again = hca(*command)
    assert "present" in again.stderr and traffic.count("dss", "GET", "/v1/files") == before
    # Another search does not overwrite this one's list.
    kept = (hca.cwd / "manifest.tsv").read_bytes()
    refused = hca("dss", "search", "project=search-two", *command[3:], check=5)
    assert "--manifest FILE" in refused.stderr and (hca.cwd / "manifest.tsv").read_bytes() == kept
