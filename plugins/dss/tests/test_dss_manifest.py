"""``hca dss download-manifest``: both layouts, the copy of the manifest, and invalid manifests."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from hca_dss.download_manifest import groups_of
from hca_dss.manifest import Manifest

from hca_base.errors import UsageError
from tests.lib import Runner

CONTENTS = {
    "links.json": b'{"links": []}',
    "reads.fastq.gz": b"reads" * 1000,
    "sub/cells.csv": b"a,b\n",
    "empty.txt": b"",
}


@pytest.fixture(scope="module")
def bundle(site: Any) -> Any:
    return site.put_bundle(CONTENTS)


def run(hca: Runner, text: str, *args: str, **options: Any) -> Any:
    folder = hca.home / "lists"
    folder.mkdir(exist_ok=True)
    (folder / "list.tsv").write_bytes(text.encode(errors="surrogateescape"))
    return hca("dss", "download-manifest", "--manifest", "../lists/list.tsv", "--replica", "aws", *args, **options)


def stored(content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    return f".hca/v2/files_2_4/{sha256[:2]}/{sha256[2:6]}/{sha256}"


#: The records for 'hca transfer gc' in a store whose files have no other name.
NOTES = ".hca/v2/references.jsonl"


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_layout_none_fills_the_filestore_and_writes_the_copy(hca: Runner, bundle: Any, traffic: Any) -> None:
    done = run(hca, bundle.manifest())
    assert done.stdout == ""
    assert names_in(hca.cwd) - {NOTES} == {stored(content) for content in CONTENTS.values()} | {"list.tsv"}
    for content in CONTENTS.values():
        assert (hca.cwd / stored(content)).read_bytes() == content
    source = rows_of(hca.home / "lists" / "list.tsv")
    copy = rows_of(hca.cwd / "list.tsv")
    assert copy == [{**row, "file_path": stored(CONTENTS[row["file_name"]])} for row in source]
    assert traffic.count("api", "GET", "/v1/bundles/") == 0, "the manifest says all there is to know"


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="proxies of the system have to be asked for")
def test_small_files_need_few_modules(hca: Runner, bundle: Any) -> None:
    """Importing requests, urllib.request and email takes some 60 ms; a download of small files needs none of them."""
    pytest.importorskip("pycurl")
    run(hca, bundle.manifest())
    code = (
        "import sys; from hca_base.shell import main; code = main(sys.argv[1:]);"
        "print([m for m in ('requests', 'urllib.request', 'email', 'boto3') if m in sys.modules], code)"
    )
    command = ["dss", "download-manifest", "--manifest", "../lists/list.tsv", "--replica", "aws"]
    command += ["--download-dir", "again"]
    env = {name: value for name, value in hca.env.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        env=env,
        cwd=hca.cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip().splitlines()[-1] == "[] 0", done.stderr


def test_layout_none_again_asks_for_nothing(hca: Runner, bundle: Any, traffic: Any) -> None:
    run(hca, bundle.manifest())
    traffic.requests.clear()
    done = run(hca, bundle.manifest())
    assert [path for _, _, path in traffic.requests if path != "/v1/swagger.json"] == []
    assert "replacing the manifest" in done.stderr


def test_layout_bundle_links_data_that_is_listed_and_all_metadata(hca: Runner, bundle: Any) -> None:
    run(hca, bundle.manifest(["sub/cells.csv", "empty.txt"]), "--layout", "bundle")
    folder = hca.cwd / bundle.folder
    assert names_in(folder) == {"bundle.json", "links.json", "sub/cells.csv", "empty.txt"}
    assert (folder / "sub/cells.csv").samefile(hca.cwd / stored(CONTENTS["sub/cells.csv"]))
    assert [row["file_path"] for row in rows_of(hca.cwd / "list.tsv")] == [stored(b"a,b\n"), stored(b"")]


@pytest.mark.parametrize(
    ("options", "names"),
    [(["--no-metadata"], {"empty.txt"}), (["--no-data"], {"links.json"}), (["--no-data", "--no-metadata"], set())],
)
def test_layout_bundle_leaves_out_what_is_not_wanted(
    hca: Runner, bundle: Any, options: list[str], names: set[str]
) -> None:
    run(hca, bundle.manifest(["empty.txt"]), "--layout", "bundle", *options)
    assert names_in(hca.cwd / bundle.folder) == names | {"bundle.json"}


def test_the_version_in_the_manifest_is_the_one_that_comes(hca: Runner, site: Any) -> None:
    old = site.put_bundle({"a.txt": b"old", "m.json": b"{}"})
    new = site.put_bundle({"b.txt": b"new"}, old.uuid)
    run(hca, old.manifest(["a.txt"]), "--layout", "bundle")
    assert names_in(hca.cwd / old.folder) == {"a.txt", "m.json", "bundle.json"}
    assert not (hca.cwd / new.folder).exists()


def test_bundles_whose_rows_are_scattered_are_asked_for_once(hca: Runner, site: Any, traffic: Any) -> None:
    one, two = (site.put_bundle({f"{name}.txt": name.encode() for name in "abc"}) for _ in range(2))
    rows = [part.manifest([f"{name}.txt"]).splitlines() for name in "abc" for part in (one, two)]
    traffic.requests.clear()
    run(hca, "\n".join([rows[0][0], *(row[1] for row in rows)]), "--layout", "bundle")
    assert traffic.count("api", "GET", "/v1/bundles/") == 2
    for bundle in (one, two):
        assert names_in(hca.cwd / bundle.folder) == {"a.txt", "b.txt", "c.txt", "bundle.json"}


def test_the_download_directory_holds_the_files_and_not_the_copy(hca: Runner, bundle: Any) -> None:
    run(hca, bundle.manifest(["empty.txt"]), "--download-dir", "far/away", "--layout", "bundle")
    assert rows_of(hca.cwd / "list.tsv")[0]["file_path"] == f"far/away/{stored(b'')}"
    assert (hca.cwd / "far" / "away" / bundle.folder / "empty.txt").exists()


def test_a_manifest_in_the_working_directory_is_replaced(hca: Runner, bundle: Any) -> None:
    path = hca.cwd / "here.tsv"
    path.write_text(bundle.manifest(["empty.txt"]), encoding="utf-8")
    path.chmod(0o640)
    arguments = ("dss", "download-manifest", "--manifest", "here.tsv", "--replica", "aws")
    done = hca(*arguments)
    assert "here.tsv" in done.stderr and "replacing" in done.stderr
    first = path.read_bytes()
    assert rows_of(path)[0]["file_path"] == stored(b"")
    hca(*arguments)
    assert path.read_bytes() == first, "the column is there once"
    assert path.stat().st_mode & 0o777 == 0o640


def test_other_columns_pass_through_whatever_is_in_them(hca: Runner, bundle: Any) -> None:
    text = bundle.manifest(["empty.txt"]).replace("é 1", '"tab\there, ""quotes"" and\nlines"')
    run(hca, text)
    assert rows_of(hca.cwd / "list.tsv")[0]["specimen"] == 'tab\there, "quotes" and\nlines'
    raw = bundle.manifest(["empty.txt"]).encode().replace("é".encode(), b"\xff\xfe")
    (hca.home / "lists" / "raw.tsv").write_bytes(raw)
    hca("dss", "download-manifest", "--manifest", "../lists/raw.tsv", "--replica", "aws")
    assert b"\xff\xfe" in (hca.cwd / "raw.tsv").read_bytes()


def test_line_ends_and_the_mark_of_windows(hca: Runner, bundle: Any) -> None:
    text = "\ufeff" + bundle.manifest(["empty.txt"]).replace("\n", "\r\n")
    run(hca, text)
    lines = (hca.cwd / "list.tsv").read_bytes().split(b"\r\n")
    assert lines[0].endswith(b"\tfile_path") and lines[1].endswith(stored(b"").encode()) and lines[2] == b""


def test_columns_in_another_order_and_no_file_version(hca: Runner, bundle: Any) -> None:
    rows = [line.split("\t") for line in bundle.manifest(["sub/cells.csv"]).splitlines()]
    keep = [index for index, name in enumerate(rows[0]) if name != "file_version"][::-1]
    run(hca, "\n".join("\t".join(row[index] for index in keep) for row in rows))
    assert (hca.cwd / stored(CONTENTS["sub/cells.csv"])).exists()


def test_one_content_under_several_names_is_fetched_once(hca: Runner, bundle: Any, traffic: Any) -> None:
    run(hca, bundle.manifest(["links.json", "links.json", "links.json"]))
    assert traffic.count("api", "GET", "/v1/files/") == 1
    assert len(rows_of(hca.cwd / "list.tsv")) == 3


# Failures


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"file_sha256": "xyz"}, "file_sha256 is 'xyz'"),
        ({"file_sha256": "../../../../etc/passwd"}, "file_sha256"),
        ({"file_size": "many"}, "file_size is 'many'"),
        ({"file_size": "-1"}, "file_size"),
        ({"file_size": "1_0"}, "file_size"),
        ({"file_size": "9" * 5000}, "file_size is '999"),
        ({"file_uuid": ""}, "file_uuid is empty"),
    ],
)
def test_a_row_that_cannot_be_used_is_found_first(
    hca: Runner, bundle: Any, traffic: Any, change: dict[str, str], told: str
) -> None:
    good = bundle.manifest(["empty.txt"] * 3)
    bad = bundle.manifest(["links.json"], **change).splitlines()[1]
    done = run(hca, good + bad + "\n", check=2)
    assert "row 5: " in done.stderr and told in done.stderr
    assert traffic.count("api", "GET", "/v1/files/") == 0
    assert names_in(hca.cwd) == set()


@pytest.mark.parametrize("layout", ["none", "bundle"])
def test_a_quote_that_is_never_closed_hides_no_rows(hca: Runner, bundle: Any, traffic: Any, layout: str) -> None:
    good = bundle.manifest(["empty.txt", "links.json", "sub/cells.csv"])
    done = run(hca, good.replace("\tempty.txt", '\t"empty.txt', 1), "--layout", layout, check=2)
    assert "unexpected end of data" in done.stderr
    assert traffic.count("api", "GET", "/v1/files/") == 0
    assert names_in(hca.cwd) == set()


@pytest.mark.parametrize("text", ["", "\n", "file_name\tfile_uuid\n", "{}", "a,b\n1,2\n"])
def test_a_file_that_is_no_manifest(hca: Runner, text: str) -> None:
    done = run(hca, text, check=2)
    assert "lacks the column" in done.stderr


SHORT = ("bundle_uuid", "bundle_version", "file_name", "file_sha256")


def columns_of(text: str, *names: str) -> str:
    """A manifest with a subset of its columns."""
    header, *lines = [line.split("\t") for line in text.splitlines()]
    places = [header.index(name) for name in names]
    return "".join("\t".join(line[place] for place in places) + "\n" for line in (header, *lines))


def test_a_manifest_with_four_columns_works_in_the_layout_bundle(hca: Runner, bundle: Any) -> None:
    text = columns_of(bundle.manifest(["reads.fastq.gz", "empty.txt"]), *SHORT)
    run(hca, text, "--layout", "bundle")
    placed = {"bundle.json", "links.json", "reads.fastq.gz", "empty.txt"}
    assert {name for name in names_in(hca.cwd) if name.startswith(bundle.folder)} == {
        f"{bundle.folder}/{name}" for name in placed
    }
    copy = rows_of(hca.cwd / "list.tsv")
    assert list(copy[0]) == [*SHORT, "file_path"]
    assert [row["file_path"] for row in copy] == [stored(CONTENTS[row["file_name"]]) for row in copy]


def test_what_four_columns_say_must_be_true(hca: Runner, bundle: Any) -> None:
    text = columns_of(bundle.manifest(["empty.txt"], file_sha256="0" * 64), *SHORT)
    done = run(hca, text, "--layout", "bundle", check=7)
    assert "has the sha256" in done.stderr
    done = run(hca, columns_of(bundle.manifest(["empty.txt"], file_name=""), *SHORT), "--layout", "bundle", check=2)
    assert "row 2: file_name is empty" in done.stderr
    done = run(hca, columns_of(bundle.manifest(), *SHORT), check=2)
    assert "lacks the columns file_uuid, file_size" in done.stderr


def test_a_short_row_and_a_missing_bundle(hca: Runner, bundle: Any) -> None:
    done = run(hca, bundle.manifest(["empty.txt"]) + "x\ty\n", check=2)
    assert "row 3: has 2 of 8 columns" in done.stderr
    done = run(hca, bundle.manifest(["empty.txt"], bundle_uuid=""), "--layout", "bundle", check=2)
    assert "bundle_uuid is empty" in done.stderr
    nameless = bundle.manifest(["links.json", "empty.txt"]).replace("\tempty.txt\t", "\t\t")
    done = run(hca, nameless, "--layout", "bundle", check=2)
    assert "row 3: file_name is empty" in done.stderr
    run(hca, nameless)


def test_a_manifest_that_cannot_be_read(hca: Runner) -> None:
    for path in ("nowhere.tsv", "."):
        done = hca("dss", "download-manifest", "--manifest", path, "--replica", "aws", check=2)
        assert "cannot be read" in done.stderr


@pytest.mark.parametrize("column", ["file_uuid", "file_version", "file_name", "bundle_uuid", "bundle_version"])
def test_what_is_no_text(hca: Runner, bundle: Any, traffic: Any, column: str) -> None:
    good = bundle.manifest(["links.json"])
    text = good + bundle.manifest(["empty.txt"], **{column: "x\udcff"}).splitlines()[1] + "\n"
    told = f"row 3: {column} is 'x\\udcff', which is not valid UTF-8"
    scattered = text + good.splitlines()[1].replace(bundle.uuid, str(uuid.uuid4())) + "\n" + good.splitlines()[1] + "\n"
    for each in (text, scattered):
        assert told in run(hca, each, "--layout", "bundle", check=2).stderr
    assert traffic.count("api", "GET", "/v1/bundles/") == traffic.count("api", "GET", "/v1/files/") == 0
    if column in ("file_uuid", "file_version"):
        assert told in run(hca, text, check=2).stderr
    else:
        run(hca, text)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_manifest_that_can_be_read_only_once(hca: Runner, bundle: Any) -> None:
    os.mkfifo(hca.cwd / "pipe")
    done = hca("dss", "download-manifest", "--manifest", "pipe", "--replica", "aws", check=2)
    assert "is not a regular file" in done.stderr
    done = hca(
        "dss", "download-manifest", "--manifest", "/dev/stdin", "--replica", "aws", stdin=bundle.manifest(), check=2
    )
    assert "is not a regular file" in done.stderr


def test_a_header_alone_downloads_nothing_and_succeeds(hca: Runner, bundle: Any) -> None:
    run(hca, bundle.manifest([]))
    assert names_in(hca.cwd) == {"list.tsv"}


@pytest.mark.parametrize("option", ["--no-data", "--no-metadata"])
def test_options_of_the_other_layout(hca: Runner, bundle: Any, site: Any, option: str) -> None:
    done = run(hca, bundle.manifest(), option, check=2)
    assert "require the layout 'bundle'" in done.stderr
    from hca_dss.client import DSSClient

    with pytest.raises(ValueError, match="layout"):
        DSSClient(swagger_url=site.url).download_manifest("x.tsv", "aws", layout="spiral")


def test_a_listed_file_that_the_bundle_lacks(hca: Runner, bundle: Any) -> None:
    done = run(hca, bundle.manifest(["empty.txt", "missing.txt"]), "--layout", "bundle", check=4)
    assert "missing.txt" in done.stderr and bundle.folder in done.stderr
    assert "empty.txt" in names_in(hca.cwd / bundle.folder), "the others come"
    assert not (hca.cwd / "list.tsv").exists()


def test_a_listed_file_that_has_other_content_in_the_bundle(hca: Runner, bundle: Any) -> None:
    text = bundle.manifest(["empty.txt", "sub/cells.csv"])
    done = run(hca, text.replace(hashlib.sha256(b"a,b\n").hexdigest(), "0" * 64), "--layout", "bundle", check=7)
    assert "sub/cells.csv" in done.stderr
    assert names_in(hca.cwd / bundle.folder) == {"bundle.json", "links.json", "empty.txt"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("file_sha256", "0" * 64),
        ("file_size", "7"),
        ("file_uuid", "11111111-aaaa-4aaa-8aaa-111111111111"),
        ("file_version", "2018-01-01T000000.000000Z"),
    ],
)
def test_a_row_that_contradicts_the_bundle_or_another_row(hca: Runner, bundle: Any, column: str, value: str) -> None:
    good = bundle.manifest(["sub/cells.csv"])
    bad = bundle.manifest(["sub/cells.csv"], **{column: value})
    for text in (bad, good + bad.splitlines()[1] + "\n", bad + good.splitlines()[1] + "\n"):
        done = run(hca, text, "--layout", "bundle", check=7)
        assert f"has the {column.removeprefix('file_')} " in done.stderr and f"the manifest says {value}" in done.stderr
        assert names_in(hca.cwd / bundle.folder) == {"bundle.json", "links.json"}
    run(hca, good + good.splitlines()[1] + "\n", "--layout", "bundle")
    assert (hca.cwd / bundle.folder / "sub/cells.csv").read_bytes() == b"a,b\n"


def test_a_listed_bundle_that_is_not_there(hca: Runner, bundle: Any) -> None:
    gone = bundle.manifest(["empty.txt"], bundle_uuid=str(uuid.uuid4())).splitlines()[1]
    done = run(hca, bundle.manifest(["empty.txt"]) + gone + "\n", "--layout", "bundle", "--report", "r.json", check=4)
    assert done.stderr.count("hca: error:") == 1
    assert "empty.txt" in names_in(hca.cwd / bundle.folder)
    rows = json.loads((hca.cwd / "r.json").read_text())["rows"]
    assert sorted(row["outcome"] for row in rows) == ["downloaded", "downloaded", "failed"]


def test_a_listed_file_that_is_not_there(hca: Runner, bundle: Any) -> None:
    done = run(
        hca,
        bundle.manifest(["empty.txt", "links.json"])
        + bundle.manifest(["x"], file_uuid=str(uuid.uuid4()), file_sha256="0" * 64, file_size="5").splitlines()[1],
        check=4,
    )
    assert done.stderr.count("hca: error:") == 1
    assert (hca.cwd / stored(CONTENTS["links.json"])).exists()
    assert not (hca.cwd / "list.tsv").exists()


def test_hostile_names_in_a_bundle_of_a_manifest(fake_hca: Runner, fake: Any) -> None:
    good, bad = fake.put_bundle({"a.txt": b"a"}), fake.put_bundle({"../x": b"x", "b.txt": b"b"})
    done = run(
        fake_hca, bad.manifest() + good.manifest().split("\n", 1)[1], "--layout", "bundle", "--no-metadata", check=5
    )
    assert "'../x'" in done.stderr
    assert "a.txt" in names_in(fake_hca.cwd / good.folder)
    assert not (fake_hca.cwd / "x").exists() and not (fake_hca.cwd / bad.folder / "b.txt").exists()


def test_fail_fast_stops(hca: Runner, bundle: Any) -> None:
    gone = bundle.manifest(["empty.txt"], bundle_uuid=str(uuid.uuid4()))
    run(hca, gone, "--layout", "bundle", "--fail-fast", check=4)


def test_a_service_that_is_gone_is_one_clear_line(fake_hca: Runner, fake: Any) -> None:
    made = fake.put_bundle({"a.txt": b"a", "b.txt": b"b"})
    fake_hca("dss", "get-bundle", "--uuid", made.uuid, "--replica", "aws")
    run(fake_hca, made.manifest(["a.txt"]))
    fake.close()
    done = run(fake_hca, made.manifest(), check=6)
    assert done.stderr.startswith("hca: error: 127.0.0.1 cannot be reached: ")
    run(fake_hca, made.manifest(["a.txt"]))  # all files are present


def test_an_unreachable_service_is_not_asked_for_every_bundle(fake_hca: Runner, fake: Any) -> None:
    made = fake.put_bundle({"a.txt": b"a"})
    fake_hca("dss", "get-bundle", "--uuid", made.uuid, "--replica", "aws")
    rows = [made.manifest(["a.txt"], bundle_uuid=str(uuid.uuid4())).splitlines()[1] for _ in range(60)]
    fake.close()
    text = "\n".join([made.manifest([]).strip(), *rows])
    done = run(fake_hca, text, "--layout", "bundle", check=6, timeout=120)
    assert done.stderr.count("hca: error:") == 1


# Reading


def _write(path: Path, rows: int, bundles: int = 1) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write("bundle_uuid\tbundle_version\tfile_name\tfile_uuid\tfile_version\tfile_sha256\tfile_size\n")
        for number in range(rows):
            stream.write(f"b{number % bundles}\tv\tf{number}\tu{number}\tv\t{number:064x}\t{number}\n")


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    import tracemalloc

    def peak(rows: int, bundles: int) -> int:
        path = tmp_path / f"{rows}.tsv"
        _write(path, rows, bundles)
        tracemalloc.start()
        try:
            manifest = Manifest(path, bundles=True)
            assert manifest.check().rows == rows
            assert sum(len(group.wanted) for group in groups_of(manifest)) == rows
            manifest.write_copy(tmp_path / "copy.tsv", lambda sha256: sha256)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(2_000, 20), peak(40_000, 400)
    assert large < small + 512 * 1024


def test_groups_keep_order_inside_a_bundle_and_are_cut_when_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hca_dss.download_manifest as module

    monkeypatch.setattr(module, "GROUP", 3)
    path = tmp_path / "list.tsv"
    _write(path, 10, 2)
    groups = list(groups_of(Manifest(path, bundles=True)))
    assert [(group.uuid, list(group.wanted), group.first) for group in groups] == [
        ("b0", ["f0", "f2", "f4"], True),
        ("b0", ["f6", "f8"], False),
        ("b1", ["f1", "f3", "f5"], True),
        ("b1", ["f7", "f9"], False),
    ]


def test_a_bundle_of_many_rows_is_asked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Any, bundle: Any, traffic: Any
) -> None:
    """Rows are read in groups; each group must not request all pages of the bundle again."""
    import hca_dss.download_manifest as module
    from hca_dss.client import DSSClient

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "GROUP", 1)
    (tmp_path / "list.tsv").write_text(bundle.manifest(), encoding="utf-8")
    client = DSSClient(swagger_url=site.url)
    client.download_manifest(manifest="list.tsv", replica="aws", layout="bundle", download_dir="to")
    assert traffic.count("api", "GET", "/v1/bundles/") == 1
    assert names_in(tmp_path / "to" / bundle.folder) == {*CONTENTS, "bundle.json"}


@pytest.mark.parametrize(
    "pages",
    [
        [[]],
        [[{"b": 1, "a": 'x,\n"é"'}]],
        [[{"n": 1, "z": None}, {"n": {"q": [1, 2]}}], [], [{"x": []}, {}], [{"a": True}]],
    ],
)
def test_the_document_of_a_bundle_is_the_answer_in_one_piece(pages: list[list[Any]]) -> None:
    from hca_dss.bundles import BundleDocument

    document, entries = BundleDocument(), []
    for files in pages:
        page = {"aa": {"files": []}, "bundle": {"version": "v", "files": files, "z": {"files": []}}, "files": []}
        entries += document.add(page)
    whole = {**page, "bundle": {**page["bundle"], "files": entries}}
    assert b"".join(document.parts()) == json.dumps(whole, indent=4, sort_keys=True).encode()


def test_a_manifest_that_changes_under_us(tmp_path: Path) -> None:
    path = tmp_path / "list.tsv"
    _write(path, 3)
    manifest = Manifest(path)
    path.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        manifest.check()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux")
def test_a_million_rows(hca: Runner, bundle: Any) -> None:
    """The complete command, with all files present: its memory and its copy of the manifest."""
    run(hca, bundle.manifest())
    lines = bundle.manifest().splitlines()
    path = hca.home / "lists" / "list.tsv"
    with path.open("w", encoding="utf-8") as stream:
        stream.write(lines[0] + "\n")
        for _ in range(250_000):
            stream.write("\n".join(lines[1:]) + "\n")
    arguments = ("dss", "download-manifest", "--manifest", str(path), "--replica", "aws")
    # Through a small process: a child's peak includes the memory of the process that it was forked from.
    code = (
        "import os, subprocess, sys\n"
        "_, status, usage = os.wait4(subprocess.Popen(sys.argv[1:]).pid, 0)\n"
        "print(status, usage.ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *hca.command(*arguments)],
        env=hca.env,
        cwd=hca.cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    status, peak = map(int, done.stdout.split())
    assert status == 0, done.stderr
    assert sum(1 for _ in (hca.cwd / "list.tsv").open(encoding="utf-8")) == 1_000_001
    assert peak < 64 * 1024, f"{peak} KiB, of which Python itself takes some 13,000"
