"""The hand-written commands, through the command line."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hca_drs.testing import Blob, Bundle, EmbeddedDrs, Member
from hca_drs.testing.storage import Answer


def test_resolve_asks_no_server(hca: Any) -> None:
    rows = hca.json("drs", "resolve", "drs://drs.example.org/a", "drs://dg.4503:dg.4503/b")
    assert [row["server"] for row in rows] == ["drs.example.org", "gen3.biodatacatalyst.nhlbi.nih.gov"]
    assert [row["named by"] for row in rows] == ["uri", "bundled"]


def test_stat(hca: Any, drs: EmbeddedDrs) -> None:
    table = hca("drs", "stat", drs.uri("table"), drs.uri("study")).stdout
    assert "counts.csv" in table and "bundle" in table and "sha256:" in table
    rows = hca.json("drs", "stat", drs.uri("table"))
    assert rows[0]["self_uri"] == drs.uri("table")
    assert rows[0]["access_methods"][0]["access_id"] == "https-access"


def test_list_goes_into_bundles(hca: Any, drs: EmbeddedDrs) -> None:
    rows = hca.json("drs", "list", drs.uri("study"))
    assert [row["path"] for row in rows] == [
        "study",
        "study/counts.csv",
        "study/notes.txt",
        "study/raw",
        "study/raw/reads.fastq",
    ]
    assert rows[-1]["uri"] == drs.uri("reads")


def test_download(hca: Any, drs: EmbeddedDrs) -> None:
    done = hca("drs", "download", drs.uri("study"), "--download-dir", "data", "--report", "report.json")
    assert hca.contents("data") == {
        "study/counts.csv": drs.repository.objects["table"].data,  # type: ignore[union-attr]
        "study/notes.txt": b"A made-up study.\n",
        "study/raw/reads.fastq": drs.repository.objects["reads"].data,  # type: ignore[union-attr]
    }
    assert "3 downloaded" in done.stderr
    assert json.loads((hca.cwd / "report.json").read_text())["files"] == 3
    before = drs.count("storage")
    assert "3 present" in hca("drs", "download", drs.uri("study"), "--download-dir", "data").stderr
    assert drs.count("storage") == before


def test_download_from_a_list(hca: Any, drs: EmbeddedDrs) -> None:
    (hca.cwd / "list.tsv").write_text(f"# a comment\n{drs.uri('table')}\tmore\n\n{drs.uri('notes')}\n")
    hca("drs", "download", "--from", "list.tsv", "--download-dir", "a")
    assert set(hca.contents("a")) == {"counts.csv", "notes.txt"}
    hca("drs", "download", "--from", "-", "--download-dir", "b", stdin=f"{drs.uri('table')}\n")
    assert set(hca.contents("b")) == {"counts.csv"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain", "{table}\n{notes}\n"),
        ("ends of Windows", "\ufeff{table}\r\n\r\n{notes}\r\n"),
        ("with spaces", "  {table}  \n# {table}\n\t\n {notes}"),
        ("a.tsv", "drs_uri\tname\n{table}\ta, b\n{notes}\tc\n"),
        ("quoted.tsv", '"{table}"\t"x"\n"{notes}"\t"y"\n'),
        ("a.csv", 'uri,name\n{table},"a, b"\n"{notes}",c\n'),
        ("A.CSV", "{table}\n{notes}\n"),
    ],
)
def test_lists_of_identifiers(hca: Any, drs: EmbeddedDrs, name: str, content: str) -> None:
    hca.write(name, content.format(table=drs.uri("table"), notes=drs.uri("notes")).encode())
    assert [row["name"] for row in hca.json("drs", "stat", "--from", name)] == ["counts.csv", "notes.txt"]


def test_a_first_line_that_is_no_identifier_is_told_where_it_is_no_header(hca: Any) -> None:
    # Longer than a table cell's limit.
    hca.write("list", b"x" * 200_000)
    assert "is not a DRS identifier" in hca("drs", "resolve", "--from", "list", check=2).error
    hca.write("list", b"nonsense\ndrs://h.example/x\n")
    assert "nonsense" in hca("drs", "resolve", "--from", "list", check=2).error


def test_dry_run_fetches_no_byte(hca: Any, drs: EmbeddedDrs) -> None:
    plan = json.loads(hca("drs", "download", drs.uri("study"), "--dry-run").stdout)
    assert plan["files"] == 3
    assert plan["bytes"] == drs.repository.size("study")
    assert hca.contents() == {}
    assert drs.count("storage") == 0


def test_flat_and_names_that_collide(hca: Any, drs: EmbeddedDrs) -> None:
    for name in ("a", "b", "c"):
        drs.repository.add(f"id-{name}", Blob(name.encode() * 20, "Same.txt" if name == "b" else "same.txt"))
    drs.repository.add("twins", Bundle([Member(f"{n}/same.txt", f"id-{n}") for n in "abc"], "twins"))
    for _ in range(2):
        done = hca("drs", "download", drs.uri("twins"), drs.uri("id-a"), "--flat", "--download-dir", "flat")
    files = hca.contents("flat")
    assert len(files) == 3 and files["same.txt"] == b"a" * 20
    assert "2 files have the same names as others" in done.stderr
    assert "present" in done.stderr and "downloaded" not in done.stderr
    twins = drs.uri("twins")
    done = hca("drs", "download", twins, "--flat", "--on-collision", "error", "--download-dir", "x", check=None)
    assert done.returncode != 0 and "called same.txt" in done.stderr


#: arguments, exit code, message
MISTAKES: list[tuple[list[str], int, str]] = [
    (["stat", "nonsense"], 2, "is not a DRS identifier"),
    (["stat"], 2, "no identifier is given"),
    (["stat", "--from", "file"], 2, "file lists no identifier"),
    (["stat", "--from", "-"], 2, "stdin lists no identifier"),
    (["download", "--from", "nowhere.txt"], 2, "cannot read nowhere.txt"),
    (["stat", "drs://drs.42:x"], 4, "drs.resolver is none"),
    (["stat", "{missing}"], 4, "answered 404 for missing"),
    (["download", "{missing}"], 4, "answered 404 for missing"),
    (["list", "{missing}"], 4, "answered 404 for missing"),
    (["stat", "drs://127.0.0.1:9/x"], 6, "127.0.0.1"),
    (["download", "{table}", "--access", "ftp"], 2, "'ftp' is not an access method"),
    (["download", "{table}", "--access", "gs"], 4, "by https only"),
    (["download", "{table}", "--access", " , "], 2, "no access method is given"),
    (["download", "{table}", "--region", ""], 2, "the region is empty"),
    (["download", "{table}", "--download-dir", "file"], 2, "file is not a directory"),
    (["download", "{table}", "--download-dir", "file/below"], 2, "file is not a directory"),
    (["download", "{wrong}"], 7, "sha256"),
    (["download", "{table}", "--passport", "file"], 2, "does not name a host"),
    (["list", "{table}", "--max-depth", "0"], 2, "whole number"),
    (["prefixes", "--confirm", "x"], 2, "drs.resolver is none"),
    (["prefixes", "--confirm", ""], 2, "no prefix is given"),
    (["get-object", "--object-id", "x"], 6, "drs.example.org"),
]


@pytest.mark.parametrize(
    ("words", "code", "told"), MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_mistakes_are_told_in_one_line(hca: Any, drs: EmbeddedDrs, words: list[str], code: int, told: str) -> None:
    if words[0] == "get-object":
        words = ["get-objects" if "get-objects" in hca("drs").stdout else "get-object", *words[1:]]
    drs.repository.add("wrong", Blob(b"right", "wrong.txt", bytes_sent=b"wrong"))
    hca.write("file", b"")
    names = {name: drs.uri(name) for name in ("missing", "table", "wrong")}
    done = hca("drs", *(word.format(**names) for word in words), check=code)
    error = [line for line in done.stderr.splitlines() if line.startswith("hca: error: ")]
    assert len(error) == 1 and told in error[0], done.stderr
    assert "Traceback" not in done.stderr


#: The response of a server or its storage, the command, exit code, error and hint.
REFUSALS: list[tuple[str, str, int, str, str]] = [
    ("lapsed", "download", 3, "127.0.0.1 answered 403 (Forbidden) for counts.csv", "its DRS server gave this address"),
    ("web page", "stat", 1, "responded with a web page where JSON was expected", "hca config set 'drs.hosts."),
    ("not JSON", "download", 1, "its response is not JSON", "hca config set 'drs.hosts."),
    ("500", "stat", 1, "{host} answered 500 for table: database on fire", ""),
    ("400", "list", 5, "{host} answered 400 for table: bad identifier", ""),
    ("other", "stat", 1, "{host} sent something that is not a DRS object", ""),
    ("no way", "download", 4, "{host} offers table by globus, htsget only", "hca reads no others"),
    ("file", "download", 1, "the server's address of type https begins with file://: hca does not read it", ""),
    ("page for bytes", "download", 7, "counts.csv: expected 4,951 bytes, received 20", ""),
]


@pytest.mark.parametrize(("what", "command", "code", "told", "hint"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_each_refusal_says_who_refused_what(
    hca: Any, drs: EmbeddedDrs, what: str, command: str, code: int, told: str, hint: str
) -> None:
    answers = {
        "web page": Answer(200, b"<html>Sign in</html>", {"Content-Type": "text/html"}),
        "not JSON": Answer(200, b"{broken", {"Content-Type": "application/json"}),
        "500": Answer(500, {"msg": "database on fire", "status_code": 500}),
        "400": Answer(400, {"msg": "bad identifier", "status_code": 400}),
        "other": Answer(200, ["x"]),
    }
    # Servers that violate the specification.
    drs.contract = None
    table = drs.repository.objects["table"]
    assert isinstance(table, Blob)
    if what in answers:
        drs.__dict__["api"] = lambda *request: answers[what]
    elif what == "page for bytes":
        drs.__dict__["storage"] = lambda *request: Answer(200, b"<html>Sign in</html>", {"Content-Type": "text/html"})
    elif what == "lapsed":
        drs.faults.url_life, drs.faults.opaque = -5.0, True
    elif what == "no way":
        table.access = ("globus", "htsget")
    else:
        table.extra = {"access_methods": [{"type": "https", "access_url": {"url": "file:///etc/passwd"}}]}
    done = hca("--config", "http.retries=0", "drs", command, drs.uri("table"), check=code)
    assert told.format(host=drs.host) in done.error
    assert hint in done.stderr
    assert done.error.count(drs.host) <= 1 and "table: table" not in done.stderr


def test_an_identifier_stands_once_in_a_message(hca: Any, drs: EmbeddedDrs) -> None:
    done = hca("drs", "download", "nonsense", drs.uri("gone"), check=1)
    assert "the first: nonsense: it is not a DRS identifier" in done.error
    done = hca("drs", "stat", "nonsense", drs.uri("gone"), check=1)
    assert "nonsense: it is not a DRS identifier" in done.stderr
    assert "needs no confirmation" in hca("drs", "prefixes", "--confirm", "dg.4503", check=2).error


@pytest.mark.parametrize("command", ["stat", "list"])
def test_each_failure_is_said_once(hca: Any, drs: EmbeddedDrs, command: str) -> None:
    one = hca("drs", command, drs.uri("table"), drs.uri("gone"), check=4)
    assert one.stderr.count("answered 404 for gone") == 1
    assert "counts.csv" in one.stdout
    two = hca("drs", command, drs.uri("table"), drs.uri("gone"), drs.uri("lost"), check=4)
    assert "2 of 3 objects could not be read" in two.error
    assert (two.stderr.count("answered 404 for gone"), two.stderr.count("answered 404 for lost")) == (1, 1)
    hca("drs", command, drs.uri("gone"), "nonsense", check=1)


def test_one_missing_object_does_not_stop_the_others(hca: Any, drs: EmbeddedDrs) -> None:
    done = hca("drs", "download", drs.uri("table"), drs.uri("gone"), "drs://nonsense", "--report", "r.tsv", check=None)
    assert done.returncode == 1
    assert set(hca.contents()) == {"counts.csv", "r.tsv"}
    assert "answered 404 for gone" in (hca.cwd / "r.tsv").read_text()


@pytest.mark.parametrize("first", ["drs://drs.42:x", "{gone}", "{globus}"])
def test_fail_fast_stops_at_what_cannot_be_found(hca: Any, drs: EmbeddedDrs, first: str) -> None:
    drs.repository.add("globus", Blob(b"x", access=("globus",)))
    uri = first.format(gone=drs.uri("gone"), globus=drs.uri("globus"))
    words = ("drs", "download", uri, drs.uri("table"), "--report", "r.json")
    done = hca(*words, "--fail-fast", check=4)
    assert len([line for line in done.stderr.splitlines() if line.startswith("hca: error: ")]) == 1
    assert hca.files() == {"r.json"}
    assert json.loads((hca.cwd / "r.json").read_text())["counts"]["failed"] == 1
    hca(*words, check=4)
    assert hca.files() == {"r.json", "counts.csv"}


def test_generated_operations_talk_to_the_server_of_the_settings(hca: Any, drs: EmbeddedDrs) -> None:
    hca.set(base_url=drs.url)
    listed = hca("drs").stdout
    command = "get-object" if "  get-object " in listed else "get-objects"
    found = json.loads(hca("drs", command, "--object-id", "table").stdout)
    assert found["id"] == "table"
    assert json.loads(hca("drs", "get-service-info").stdout)["type"]["artifact"] == "drs"


def test_what_is_said_of_checksums(hca: Any, drs: EmbeddedDrs) -> None:
    drs.repository.add("odd", Blob(b"odd", "odd.bin", [("blake3", "af13")]))
    done = hca("drs", "download", drs.uri("odd"))
    assert "only the size of 1 file could be verified: odd.bin (blake3" in done.stderr
    assert "blake3" in hca("drs", "stat", drs.uri("odd")).stderr


def test_a_file_that_nothing_vouches_for_is_named(hca: Any, drs: EmbeddedDrs) -> None:
    """Neither a size nor a known checksum: a truncated body cannot be detected."""
    drs.repository.add("bare", Blob(b"bare", "bare.bin", [("blake3", "af13")], extra={"size": None}))
    done = hca("drs", "download", drs.uri("bare"))
    assert "1 file could not be verified: the server gives neither" in done.stderr and "bare.bin" in done.stderr
    assert "only the size" not in done.stderr
    # A server that violates the specification, which requires a size.
    drs.problems.clear()


def test_of_a_file_that_does_not_arrive_nothing_is_said_to_be_verified(hca: Any, drs: EmbeddedDrs) -> None:
    odd: dict[str, Any] = {"checksums": [("blake3", "af13")]}
    drs.repository.add("here", Blob(b"here", "here.bin", **odd))
    drs.repository.add("short", Blob(b"short", "short.bin", bytes_sent=b"sh", **odd))
    drs.repository.add("bare", Blob(b"bare", "bare.bin", extra={"size": None}, bytes_sent=b"", **odd))
    drs.repository.add("both", Blob(b"both", "both.bin", [("md5", "0" * 32), ("blake3", "af13")]))
    drs.repository.add("evil", Bundle([Member("../evil", "here")], "evil"))
    names = ("here", "short", "both", "evil")
    done = hca("drs", "download", *map(drs.uri, names), "--download-dir", "out", check=None)
    assert hca.files("out") == {"here.bin"}
    assert "only the size of 1 file could be verified: here.bin (blake3" in done.stderr
    assert "could not be verified" not in done.stderr and "checksums not verified" not in done.stderr
    done = hca("drs", "download", drs.uri("short"), "--download-dir", "none", check=None)
    assert "verified" not in done.stderr
    assert "verified" not in hca("drs", "download", drs.uri("here"), "--dry-run", "--download-dir", "none").stderr


@pytest.mark.parametrize("part_size", [5 << 20, 8 << 20, 6_000_001])
def test_etags_of_parts_are_compared(hca: Any, drs: EmbeddedDrs, part_size: int) -> None:
    data = random.Random(3).randbytes(12_000_001)
    parts = [data[at : at + part_size] for at in range(0, len(data), part_size)]
    etag = f"{hashlib.md5(b''.join(hashlib.md5(part).digest() for part in parts)).hexdigest()}-{len(parts)}"
    drs.repository.add("parts", Blob(data, "parts.bin", [("etag", f'"{etag}"')]))
    drs.repository.add("wrong", Blob(data, "wrong.bin", [("etag", etag)], bytes_sent=data[:-1] + b"?"))
    done = hca("drs", "download", drs.uri("parts"), "--report", "r.json")
    assert "could be verified" not in done.stderr
    assert json.loads((hca.cwd / "r.json").read_text())["counts"] == {"downloaded": 1}
    # An uploader may have used parts of any size: a mismatch does not prove wrong bytes, and is reported.
    done = hca("drs", "download", drs.uri("parts"), drs.uri("wrong"))
    assert f"only the size of 1 file could be verified: wrong.bin (no common part size matches its ETag, {etag})" in (
        " ".join(done.stderr.split())
    )


def test_prefixes_and_hosts_are_listed(hca: Any) -> None:
    hca.set(prefixes={"dg.mine": "mine.example"})
    rows = {row["prefix"]: row for row in hca.json("drs", "prefixes")}
    assert rows["dg.mine"]["named by"] == "settings"
    assert rows["drs.anv0"]["leads to"].startswith("https://data.terra.bio/")
    rows = {row["host"]: row for row in hca.json("drs", "hosts")}
    assert rows["data.terra.bio"]["tokens from"] == "google"


def test_settings_are_checked(hca: Any, tmp_path: Path) -> None:
    hca.set(prefixes={"dg.mine": "not a host"})
    assert "drs.prefixes.dg.mine" in hca("drs", "resolve", "drs://a.example/b", check=2).stderr
    before = hca.config_file.read_bytes()
    assert "drs.resolver" in hca("config", "set", "drs.resolver", "bogus", check=2).stderr
    assert hca.config_file.read_bytes() == before
    for value in ("none", "identifiers.org", "https://registry.example"):
        hca("config", "set", "drs.resolver", value)
    hca.set(resolver="nobody")
    assert "drs.resolver" in hca("drs", "resolve", "drs://unknown:b", check=2).stderr
    hca.set(connections=0)
    assert "drs.connections" in hca("drs", "stat", "drs://127.0.0.1:9/b", check=2).stderr
    assert (
        "drs.connections" in hca("config", "validate", check=None).stdout + hca("config", "validate", check=None).stderr
    )
