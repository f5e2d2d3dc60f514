"""Tables of PFB and verbatim manifests."""

from __future__ import annotations

import csv
import gzip
import json
import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import hca_azul
import pytest
from hca_azul.manifest.table_files import write_tables
from hca_azul.testing import EmbeddedAzul
from hca_azul.testing.pfb import Entity, container

from hca_base.errors import UsageError
from tests.lib import Runner

fastavro = pytest.importorskip("fastavro")

SAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "samples" / "hca-metadata"
ENTITIES = [
    Entity("donors", "d1", {"sex": "male", "ages": ["1", "2"]}),
    Entity("donors", "d2", {"sex": None, "ages": []}),
    Entity("samples", "s1", {"organ": "brain"}, (("donors", "d1"),)),
    # The same members as donors: only the record's name differs.
    Entity("people", "p1", {"sex": "female", "ages": ["3"]}),
    Entity("files", "f1", {"name": "a\tb", "size": 5, "open": True}, (("samples", "s1"), ("donors", "d1"))),
    Entity("files", "f2", {"name": "c", "size": 2**40, "open": False}, (("samples", "s1"), ("samples", "s2"))),
]


@pytest.fixture
def pfb(tmp_path: Path) -> Path:
    path = tmp_path / "m.pfb"
    path.write_bytes(container(ENTITIES))
    return path


def read_by_fastavro(path: Path) -> tuple[Counter[str], Counter[tuple[str, str, str, str]]]:
    """Rows by record name, and links, as read by fastavro."""
    rows: Counter[str] = Counter()
    links: Counter[tuple[str, str, str, str]] = Counter()
    with path.open("rb") as stream:
        for record in fastavro.reader(stream, return_record_name=True):
            member: Any = record["object"]  # type: ignore[index,call-overload]
            if member[0] == "Metadata":
                continue
            rows[member[0]] += 1
            for one in record["relations"]:  # type: ignore[index,call-overload,union-attr]
                links[member[0], str(record["id"]), one["dst_name"], one["dst_id"]] += 1  # type: ignore[index,call-overload]
    return rows, links


def compare(path: Path) -> None:
    rows, links = read_by_fastavro(path)
    tables = hca_azul.tables(path)
    assert {name: len(list(table)) for name, table in tables.items()} == dict(rows)
    found: Counter[tuple[str, str, str, str]] = Counter()
    for name, table in tables.items():
        for row in table:
            for column, keys in row.items():
                if column.startswith("links."):
                    found.update((name, row["id"], column.removeprefix("links."), key) for key in keys)
    assert found == links


def test_rows_and_links(pfb: Path) -> None:
    compare(pfb)
    tables = hca_azul.tables(pfb)
    assert [row["sex"] for row in tables["donors"]] == ["male", None]
    assert [row["sex"] for row in tables["people"]] == ["female"]
    assert next(iter(tables["files"]))["links.samples"] == ["s1"]
    packed = pfb.with_suffix(".gz")
    packed.write_bytes(gzip.compress(pfb.read_bytes()))
    assert [row["id"] for row in hca_azul.tables(packed)["files"]] == ["f1", "f2"]


def test_the_command_writes_a_table_for_each_kind(hca: Runner, pfb: Path) -> None:
    rows = hca.rows("azul", "tables", pfb, "--output-dir", "t")
    assert {row["table"]: row["rows"] for row in rows} == {"donors": 2, "samples": 1, "people": 1, "files": 2}
    [first, second] = csv.DictReader((hca.cwd / "t" / "files.tsv").open(newline=""), dialect="excel-tab")
    assert first == {
        "id": "f1",
        "name": "a\tb",
        "size": "5",
        "open": "true",
        "links.samples": "s1",
        "links.donors": "d1",
    }
    assert second["links.samples"] == "s1 || s2" and second["size"] == str(2**40)
    assert "exists" in hca("azul", "tables", pfb, "--output-dir", "t", check=2).stderr
    hca("azul", "tables", pfb, "--output-dir", "t", "--force", "--as", "jsonl")
    lines = [json.loads(line) for line in (hca.cwd / "t" / "files.jsonl").read_text().splitlines()]
    assert lines[1]["links.samples"] == ["s1", "s2"]
    assert "neither a PFB" in hca("azul", "tables", __file__, check=2).stderr


def test_parquet(tmp_path: Path, pfb: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_tables(pfb, tmp_path / "t", "parquet")
    table = parquet.read_table(tmp_path / "t" / "files.parquet").to_pylist()
    assert [row["size"] for row in table] == [5, 2**40] and table[1]["links.samples"] == ["s1", "s2"]


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([1, None, 2], "int64", [1, None, 2]),
        ([1, 2.5], "double", [1.0, 2.5]),
        ([2**60, 1], "int64", [2**60, 1]),
        ([2**60, 0.5], "string", [str(2**60), "0.5"]),
        ([2**64, 1], "string", [str(2**64), "1"]),
        ([True, False], "bool", [True, False]),
        ([True, 1], "string", ["true", "1"]),
        (["a", 1], "string", ["a", "1"]),
        ([["a"], [], None, [None, "b"]], "list<element: string>", [["a"], [], None, [None, "b"]]),
        ([[1], ["a"]], "string", ["[1]", '["a"]']),
        ([["a"], "a"], "string", ['["a"]', "a"]),
        ([{"a": 1}], "string", ['{"a": 1}']),
        ([[], None], "string", ["[]", None]),
        ([[[1]], [[2], []]], "list<element: list<element: int64>>", [[[1]], [[2], []]]),
    ],
)
def test_types_of_parquet(tmp_path: Path, values: list[Any], kind: str, found: list[Any]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    lines = [{"type": "t", "value": {"x": value}} for value in values]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_tables(tmp_path / "m.jsonl", tmp_path / "t", "parquet")
    table = parquet.read_table(tmp_path / "t" / "t.parquet")
    assert str(table.schema.field("x").type).replace("item:", "element:") == kind
    assert [row["x"] for row in table.to_pylist()] == found


def test_parquet_is_written_in_groups_of_one_type(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    # The last row of the second group is the first that is not a number.
    values = [*range(9_999), "last"]
    lines = [{"type": "t", "value": {"x": value, "n": number}} for number, value in enumerate(values)]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_tables(tmp_path / "m.jsonl", tmp_path / "t", "parquet")
    with parquet.ParquetFile(tmp_path / "t" / "t.parquet") as file:
        assert file.num_row_groups == 2
        assert [row["x"] for row in file.read().to_pylist()] == [str(value) for value in values]


@pytest.mark.parametrize("form", ["tsv", "jsonl", "parquet"])
def test_manifests_from_stdin_and_pipes(hca: Runner, pfb: Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow.parquet")
    hca("azul", "tables", pfb, "--output-dir", "file", "--as", form)
    for name, data in (("plain", pfb.read_bytes()), ("packed", gzip.compress(pfb.read_bytes()))):
        hca("azul", "tables", "-", "--output-dir", name, "--as", form, stdin=data)
        pipe = hca.cwd / f"{name}.pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
        writer.start()
        hca("azul", "tables", pipe, "--output-dir", f"{name}.d", "--as", form)
        writer.join()
        for folder in (name, f"{name}.d"):
            assert hca.files(folder) == hca.files("file")
            for file in hca.files("file"):
                assert (hca.cwd / folder / file).read_bytes() == (hca.cwd / "file" / file).read_bytes()
    assert hca("azul", "tables", "-", stdin=b"no\n", check=2).error.startswith("stdin, line 1:")
    assert "stdin holds no entities" in hca("azul", "tables", "-", stdin=b"", check=2).error
    assert "nowhere cannot be read" in hca("azul", "tables", "nowhere", check=2).error


def test_nothing_is_left_of_a_damaged_manifest(tmp_path: Path, pfb: Path) -> None:
    pfb.write_bytes(pfb.read_bytes()[:-20])
    with pytest.raises(UsageError, match=r"damaged|not a PFB"):
        write_tables(pfb, tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_manifests_of_the_embedded_azul(hca: Runner) -> None:
    for form in ("terra.pfb", "verbatim.pfb", "verbatim.jsonl"):
        hca("azul", "manifest", "--project", "BrainCells", "--format", form, "--output", form)
        hca("azul", "tables", form, "--output-dir", f"{form}.d")
    compare(hca.cwd / "terra.pfb")
    compare(hca.cwd / "verbatim.pfb")
    lines = [json.loads(line) for line in (hca.cwd / "verbatim.jsonl").read_text().splitlines()]
    tables = hca_azul.tables(hca.cwd / "verbatim.jsonl")
    assert {name: len(list(rows)) for name, rows in tables.items()} == Counter(line["type"] for line in lines)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded contracts are not beside this checkout")
@pytest.mark.parametrize("name", ["terra-pfb-hca", "verbatim-pfb-hca", "verbatim-pfb-anvil"])
def test_real_manifests(tmp_path: Path, name: str) -> None:
    """Entities and schema are real; the container is built from them if their schema is available."""
    entities = json.loads(next(SAMPLES.glob(f"manifest-{name}.[re]*s.json")).read_text())
    schema_file = SAMPLES / f"manifest-{name}.schema.json"
    path = tmp_path / "m.pfb"
    if schema_file.is_file():
        for entity in entities:
            entity["object"] = (entity["name"], entity["object"])
        with path.open("wb") as stream:
            fastavro.writer(stream, fastavro.parse_schema(json.loads(schema_file.read_text())), entities)
    else:
        path.write_bytes(container(Entity(e["name"], e["id"], e["object"]) for e in entities if e["id"] is not None))
    compare(path)
    write_tables(path, tmp_path / "t")
    written = {place.stem for place in (tmp_path / "t").iterdir()}
    assert written == {entity["name"] for entity in entities} - {"Metadata"}
    verbatim = tmp_path / "m.jsonl"
    lines = [{"type": e["name"], "value": e["object"][1] if schema_file.is_file() else e["object"]} for e in entities]
    verbatim.write_text("".join(json.dumps(line) + "\n" for line in lines if line["type"] != "Metadata"))
    assert compare_lines(verbatim) or name.startswith("terra")
    found = {table: len(list(rows)) for table, rows in hca_azul.tables(verbatim).items()}
    assert found == Counter(line["type"] for line in lines if line["type"] != "Metadata")


def references(type_: str, value: Any, known: set[str], path: str = "") -> Counter[tuple[str, str, str]]:
    """The references of an entity of a verbatim manifest: (its type, member, identifier), parsed independently."""
    found: Counter[tuple[str, str, str]] = Counter()
    for name, inner in value.items() if isinstance(value, dict) else ((path, one) for one in value):
        place = f"{path}.{name}" if isinstance(value, dict) else path
        if isinstance(inner, dict | list):
            found += references(type_, inner, known, place)
        elif inner in known:
            found[type_, place, inner] += 1
    return found


def compare_lines(path: Path) -> int:
    """Compare the tables of JSON lines with the lines; return the number of references between entities."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = hca_azul.tables(path)
    rows = [(name, row) for name, table in found.items() for row in table]
    assert Counter(line["type"] for line in lines) == Counter(name for name, _ in rows)
    ids: set[str] = set()
    for line in lines:
        value = line["value"]
        ids |= {v for name, v in value.items() if name.endswith("_id") and isinstance(v, str)}
        if isinstance(value.get("provenance"), dict):
            ids.add(value["provenance"]["document_id"])
    by_lines, by_rows = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for line in lines:
        by_lines += references(line["type"], line["value"], ids)
    for name, row in rows:
        by_rows += references(name, {key: value for key, value in row.items() if key != "id"}, ids)
    assert by_rows == by_lines
    # Rows have the ids that others refer to.
    documents = [line["value"]["provenance"]["document_id"] for line in lines if "provenance" in line["value"]]
    assert set(documents) <= {row["id"] for _, row in rows}
    return sum(by_lines.values())


@pytest.mark.parametrize("service", ["azul", "anvil"])
def test_links_of_json_lines_are_those_of_the_lines(hca: Runner, service: str) -> None:
    with EmbeddedAzul(service=service) as embedded:
        hca.configure(embedded.settings)
        hca(service, "manifest", "--format", "verbatim.jsonl", "--output", "m.jsonl")
    assert compare_lines(hca.cwd / "m.jsonl")
    hca(service, "tables", "m.jsonl", "--output-dir", "t", "--as", "jsonl")
    written = {place.stem: place.read_text().splitlines() for place in (hca.cwd / "t").iterdir()}
    tables = hca_azul.tables(hca.cwd / "m.jsonl")
    assert {name: [json.loads(line) for line in lines] for name, lines in written.items()} == {
        name: list(rows) for name, rows in tables.items()
    }


def test_two_tables_never_get_one_file(hca: Runner) -> None:
    lines = [{"type": name, "value": {"n": name}} for name in ("a/b", "a_b", "A_b")]
    hca.write("m.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    rows = hca.rows("azul", "tables", "m.jsonl", "--output-dir", "out")
    assert len({row["file"].lower() for row in rows}) == 3
    assert all((hca.cwd / row["file"]).is_file() for row in rows)
