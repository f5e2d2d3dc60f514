"""``hca dss download``: the files on disk afterwards, and the requests to the service."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from hca_base.errors import HCAError, UsageError
from tests.lib import Runner

UUID = "00000000-0000-4000-8000-000000000000"
CONTENTS = {
    "links.json": b'{"describedBy": "https://schema.example/links"}',
    "donor_organism_0.json": b'{"sex": "female"}',
    "reads_R1.fastq.gz": os.urandom(300_000),
    "deep/er/cells.csv": b"a,b\n1,2\n",
    "empty.txt": b"",
    "two words é.txt": b"name",
}


@pytest.fixture(scope="module")
def bundle(site: Any) -> Any:
    return site.put_bundle(CONTENTS)


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".hca" not in path.relative_to(folder).parts
    }


def stored(root: Path, content: bytes) -> Path:
    sha256 = hashlib.sha256(content).hexdigest()
    return root / ".hca" / "v2" / "files_2_4" / sha256[:2] / sha256[2:6] / sha256


def download(hca: Runner, bundle: Any, *args: str, **options: Any) -> Any:
    return hca("dss", "download", "--bundle-uuid", bundle.uuid, "--replica", "aws", *args, **options)


def test_a_bundle_is_downloaded_byte_for_byte(hca: Runner, bundle: Any) -> None:
    done = download(hca, bundle, "--download-dir", "data")
    assert done.stdout == ""
    folder = hca.cwd / "data" / bundle.folder
    found = files_below(folder)
    manifest = json.loads(found.pop("bundle.json"))
    assert found == bundle.contents
    assert manifest["bundle"]["uuid"] == bundle.uuid
    assert {file["name"] for file in manifest["bundle"]["files"]} == set(bundle.contents)
    for name, content in bundle.contents.items():
        assert (folder / name).samefile(stored(hca.cwd / "data", content)), name
    assert (folder / "bundle.json").samefile(stored(hca.cwd / "data", (folder / "bundle.json").read_bytes()))


def test_bundle_json_is_written_as_hca_7_wrote_it(hca: Runner, bundle: Any, site: Any) -> None:
    download(hca, bundle, "--no-data", "--no-metadata")
    answer = site.send("GET", f"bundles/{bundle.uuid}", {"replica": "aws"})
    expected = json.dumps(answer, indent=4, sort_keys=True)
    assert (hca.cwd / bundle.folder / "bundle.json").read_text() == expected
    assert list(files_below(hca.cwd)) == [f"{bundle.folder}/bundle.json"]


def test_the_default_is_the_working_directory_and_the_latest_version(hca: Runner, site: Any) -> None:
    old = site.put_bundle({"a.txt": b"old"})
    new = site.put_bundle({"a.txt": b"new"}, old.uuid)
    download(hca, new)
    assert files_below(hca.cwd / new.folder)["a.txt"] == b"new"
    download(hca, old, "--version", old.version)
    assert files_below(hca.cwd / old.folder)["a.txt"] == b"old"


def test_a_second_run_asks_for_the_bundle_only(hca: Runner, bundle: Any, traffic: Any) -> None:
    download(hca, bundle)
    assert traffic.count("api", "GET", "/v1/files/") > 0
    before = files_below(hca.cwd)
    traffic.requests.clear()
    done = download(hca, bundle)
    assert [(side, method) for side, method, _ in traffic.requests] == [("api", "GET")]
    assert traffic.requests[0][2].lower() == f"/v1/bundles/{bundle.uuid}"
    assert files_below(hca.cwd) == before
    assert "6 present" in done.stderr


def test_identical_content_is_fetched_once(hca: Runner, site: Any, traffic: Any) -> None:
    twins = site.put_bundle({"one.txt": b"same", "two.txt": b"same"})
    traffic.requests.clear()
    download(hca, twins)
    assert traffic.count("api", "GET", "/v1/files/") == 1
    assert (hca.cwd / twins.folder / "one.txt").samefile(hca.cwd / twins.folder / "two.txt")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--no-data"], {"links.json", "donor_organism_0.json"}),
        (["--no-metadata"], set(CONTENTS) - {"links.json", "donor_organism_0.json"}),
        (["--metadata-filter", "links*", "--no-data"], {"links.json"}),
        (["--metadata-filter", "LINKS*", "--no-data"], set()),
        (["--data-filter", "*.gz", "deep/*", "--no-metadata"], {"reads_R1.fastq.gz", "deep/er/cells.csv"}),
        (["--data-filter", "*.gz", "--metadata-filter", "d*"], {"reads_R1.fastq.gz", "donor_organism_0.json"}),
    ],
)
def test_filters_choose_files(hca: Runner, bundle: Any, options: list[str], names: set[str]) -> None:
    done = download(hca, bundle, *options)
    assert set(files_below(hca.cwd / bundle.folder)) == names | {"bundle.json"}
    told = f"no file of bundle {bundle.folder} matches --metadata-filter 'LINKS*'"
    assert (told in done.stderr) is ("LINKS*" in options)
    assert done.stderr.count(" matches ") == int("LINKS*" in options)


@pytest.mark.parametrize("kind", ["metadata", "data"])
def test_a_filter_and_its_exclusion_exclude_each_other(hca: Runner, bundle: Any, site: Any, kind: str) -> None:
    done = download(hca, bundle, f"--{kind}-filter", "a*", f"--no-{kind}", check=2)
    assert f"--{kind}-filter and --no-{kind} cannot be combined" in done.stderr
    with pytest.raises(ValueError, match="cannot be combined"):
        client(site).download(bundle.uuid, "aws", **{f"{kind}_filter": ("a*",), f"no_{kind}": True})


def client(site: Any) -> Any:
    from hca_dss.client import DSSClient

    return DSSClient(swagger_url=site.url, token=site.token)


def test_the_method_takes_the_arguments_of_hca_7(site: Any, bundle: Any, tmp_path: Path) -> None:
    dss = client(site)
    report = dss.download(
        bundle_uuid=bundle.uuid,
        replica="aws",
        version=bundle.version,
        download_dir=str(tmp_path),
        metadata_filter=("*",),
        data_filter=["empty*"],
        num_retries=1,
        min_delay_seconds=0.1,
    )
    assert report.ok
    assert set(files_below(tmp_path / bundle.folder)) == {
        "bundle.json",
        "links.json",
        "donor_organism_0.json",
        "empty.txt",
    }


def test_a_bundle_of_several_pages_comes_whole(hca: Runner, fake: Any, nowhere: Runner) -> None:
    nowhere.configure({"DSSClient": {"swagger_url": fake.url}})
    nowhere.env.pop("HCA_ACCESS_TOKEN", None)
    made = fake.put_bundle({f"f{number:04}.txt": b"%d" % number for number in range(25)})
    path = f"/v1/bundles/{made.uuid}"
    whole = fake.routes["GET", path]({})

    def page(query: dict[str, str]) -> Any:
        start = int(query.get("start_at", 0))
        part = {"bundle": {**whole["bundle"], "files": whole["bundle"]["files"][start : start + 10]}}
        if start + 10 >= 25:
            return part
        link = f"<{fake.base}{path}?start_at={start + 10}&version={made.version}&token=None>; rel='next'"
        return 206, {"Link": link}, json.dumps(part).encode()

    fake.route("GET", path, page)
    download(hca, made)
    found = files_below(hca.cwd / made.folder)
    manifest = json.loads(found.pop("bundle.json"))
    assert found == made.contents
    assert len(manifest["bundle"]["files"]) == 25


def test_a_dry_run_does_nothing(hca: Runner, bundle: Any, traffic: Any) -> None:
    done = download(hca, bundle, "--dry-run")
    assert "6 would-download" in done.stderr
    assert list(hca.cwd.iterdir()) == []
    assert traffic.count("api", "GET", "/v1/files/") == 0


def test_a_report_lists_every_file(hca: Runner, bundle: Any) -> None:
    download(hca, bundle, "--report", "report.json")
    rows = json.loads((hca.cwd / "report.json").read_text())["rows"]
    assert {row["name"]: row["outcome"] for row in rows} == dict.fromkeys(bundle.contents, "downloaded")


def test_a_filestore_elsewhere_serves_many_directories(hca: Runner, bundle: Any, traffic: Any) -> None:
    download(hca, bundle, "--filestore", "store", "--download-dir", "one")
    traffic.requests.clear()
    download(hca, bundle, "--filestore", "store", "--download-dir", "two")
    assert traffic.count("api", "GET", "/v1/files/") == 0
    assert not (hca.cwd / "two" / ".hca").exists()
    assert (hca.cwd / "one" / bundle.folder / "empty.txt").samefile(hca.cwd / "two" / bundle.folder / "empty.txt")


def test_defaults_come_from_the_configuration(hca: Runner, bundle: Any, site: Any) -> None:
    hca.configure({**site.settings(), "dss_download": {"replica": "aws", "no_data": True}})
    hca("dss", "download", "--bundle-uuid", bundle.uuid)
    assert set(files_below(hca.cwd / bundle.folder)) == {"links.json", "donor_organism_0.json", "bundle.json"}


# Attacks and conflicts


@pytest.mark.parametrize(
    "names",
    [
        ["../x"],
        ["/etc/x"],
        ["a/../../b"],
        ["CON"],
        ["sub/nul.txt"],
        ["Foo", "foo"],
        ["a", "a/b"],
        ["caf\u00e9", "cafe\u0301"],
        [".hca/v2/x"],
        ["a\nb"],
        ["\x1b[31mred"],
        [""],
        ["C:\\x"],
    ],
)
def test_hostile_names_are_refused_before_anything_is_written(fake_hca: Runner, fake: Any, names: list[str]) -> None:
    made = fake.put_bundle({"good.txt": b"good"} | dict.fromkeys(names, b"bad"))
    done = download(fake_hca, made, "--download-dir", "deep/er", check=5)
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith(f"hca: error: bundle {made.folder} was not downloaded: ")
    assert len(lines) <= 2
    assert "\x1b" not in done.stderr
    assert files_below(fake_hca.cwd) == {}
    assert not any(path.startswith("/v1/files") for _, path in fake.requests)


def test_a_hostile_name_may_be_left_out(fake_hca: Runner, fake: Any) -> None:
    made = fake.put_bundle({"good.txt": b"good", "../x": b"bad"})
    download(fake_hca, made, "--data-filter", "good*")
    assert set(files_below(fake_hca.cwd / made.folder)) == {"good.txt", "bundle.json"}


@pytest.mark.parametrize("version", ["../../x", "a/b", "", "..", 7])
def test_a_hostile_version_is_refused(fake_hca: Runner, fake: Any, version: Any) -> None:
    made = fake.put_bundle({"good.txt": b"good"})
    answer = fake.routes["GET", f"/v1/bundles/{made.uuid}"]({})
    answer["bundle"]["version"] = version
    done = download(fake_hca, made, "--download-dir", "deep/er", check=None)
    assert done.returncode in (1, 5)
    assert done.stderr.count("\n") <= 2
    assert files_below(fake_hca.cwd) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": None},
        {"sha256": "../../../x"},
        {"size": -1},
        {"size": "12"},
        {"size": None},
        {"name": None},
        {"uuid": 7},
        {"uuid": "\ud800"},
        {"version": "\ud800"},
        "not an object",
    ],
)
def test_a_malformed_entry_is_one_clear_line(fake_hca: Runner, fake: Any, change: Any) -> None:
    made = fake.put_bundle({"good.txt": b"good"})
    answer = fake.routes["GET", f"/v1/bundles/{made.uuid}"]({})
    files = answer["bundle"]["files"]
    files[0] = change if isinstance(change, str) else {**files[0], **change}
    done = download(fake_hca, made, check=1)
    assert "malformed" in done.stderr
    assert files_below(fake_hca.cwd) == {}


@pytest.mark.parametrize("answer", [[], {}, {"bundle": None}, {"bundle": {"files": []}}, "text", None, 7])
def test_an_answer_that_is_no_bundle(fake_hca: Runner, fake: Any, answer: Any) -> None:
    made = fake.put_bundle({})
    fake.route("GET", f"/v1/bundles/{made.uuid}", answer)
    done = download(fake_hca, made, check=1)
    assert "hca: error:" in done.stderr


def test_another_version_than_the_one_asked_for(fake_hca: Runner, fake: Any) -> None:
    made = fake.put_bundle({"a.txt": b"a"})
    done = download(fake_hca, made, "--version", "2018-11-02T113344.698029Z", check=1)
    assert "was requested in version 2018-11-02T113344.698029Z" in done.stderr


def test_a_bundle_with_a_file_called_bundle_json_keeps_it(hca: Runner, site: Any) -> None:
    made = site.put_bundle({"bundle.json": b'{"mine": 1}', "a.txt": b"a"})
    download(hca, made)
    assert files_below(hca.cwd / made.folder) == made.contents


def test_a_wrong_sha256_never_gets_its_name(hca: Runner, site: Any) -> None:
    made = site.put_bundle({"bad.dat": b"bytes", "good.dat": b"good"}, bad_dat="0" * 64)
    done = download(hca, made, "--num-retries", "1", "--min-delay-seconds", "0.01", check=7)
    assert "bad.dat" in done.stderr
    assert re.search(r"^1 downloaded, 1 mismatch; 4 B transferred in", done.stderr, re.MULTILINE), done.stderr
    assert files_below(hca.cwd / made.folder) == {"good.dat": b"good"}
    assert not stored(hca.cwd, b"bytes").exists()


def test_a_file_of_the_user_is_not_replaced(hca: Runner, bundle: Any) -> None:
    own = hca.cwd / bundle.folder / "links.json"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    done = download(hca, bundle, check=5)
    assert "links.json" in done.stderr
    assert own.read_text() == "mine"


def test_a_bundle_that_is_not_there(hca: Runner, bundle: Any) -> None:
    done = hca("dss", "download", "--bundle-uuid", "00000000-0000-4000-8000-000000000000", "--replica", "aws", check=4)
    assert done.stderr.startswith("hca: error:")
    assert list(hca.cwd.iterdir()) == []
    download(hca, bundle, "--version", "2018-11-02T113344.698028Z", check=4)
    hca("dss", "download", "--bundle-uuid", "no uuid", "--replica", "aws", check=None)


def test_a_file_that_is_gone_is_a_failure_and_the_others_come(fake_hca: Runner, fake: Any) -> None:
    made = fake.put_bundle({"gone.txt": b"gone", "good.txt": b"good"})
    del fake.blobs[made.files["gone.txt"][0]]
    done = download(fake_hca, made, check=4)
    assert "gone.txt" in done.stderr
    assert done.stderr.startswith("1 downloaded, 1 failed; "), done.stderr
    assert files_below(fake_hca.cwd / made.folder) == {"good.txt": b"good"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--replica", "aws"], 2),
        (["--bundle-uuid", "x"], 2),
        (["--bundle-uuid", "x", "--replica", "azure"], 2),
        (["--bundle-uuid", "x", "--replica", "aws", "--num-retries", "many"], 2),
        (["--bundle-uuid", "x", "--replica", "aws", "--min-delay-seconds", "-1"], 2),
        (["--bundle-uuid", "x", "--replica", "aws", "--nonsense"], 2),
    ],
)
def test_wrong_arguments(hca: Runner, traffic: Any, arguments: list[str], code: int) -> None:
    done = hca("dss", "download", *arguments, check=code)
    assert done.stderr.startswith("hca: error:")
    assert traffic.requests == []


def test_an_unreachable_server_is_told_so(nowhere: Runner) -> None:
    nowhere.configure({"DSSClient": {"swagger_url": "http://127.0.0.1:9/v1/swagger.json"}})
    done = nowhere("dss", "download", "--bundle-uuid", UUID, "--replica", "aws", check=6)
    assert done.stderr.startswith("hca: error:")
    assert done.stderr.count("\n") <= 3


def test_a_server_that_is_no_dss(nowhere: Runner, fake: Any) -> None:
    fake.route("GET", "/v1/swagger.json", (200, {"Content-Type": "text/html"}, b"<html>hello</html>"))
    nowhere.configure({"DSSClient": {"swagger_url": fake.url}})
    done = nowhere("dss", "download", "--bundle-uuid", UUID, "--replica", "aws", check=1)
    assert done.stderr.startswith("hca: error:")
    fake.route("GET", "/v1/swagger.json", {"openapi": "3.0.0", "info": {"title": "x", "version": "1"}, "paths": {}})
    done = nowhere("dss", "download", "--bundle-uuid", UUID, "--replica", "aws", check=None)
    assert done.returncode in (1, 2, 4)
    assert done.stderr.startswith("hca: error:")


@pytest.mark.skipif(os.name == "nt", reason="only on POSIX")
def test_a_disk_that_takes_no_more(hca: Runner, bundle: Any) -> None:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = download(hca, bundle, check=1, preexec_fn=limit)
    assert "reads_R1.fastq.gz" in done.stderr
    left = files_below(hca.cwd / bundle.folder)
    assert left == {name: content for name, content in bundle.contents.items() if len(content) < 100_000}
    download(hca, bundle)
    assert files_below(hca.cwd / bundle.folder).keys() == {*bundle.contents, "bundle.json"}


@pytest.mark.skipif(os.name == "nt", reason="only on POSIX")
def test_killed_in_mid_file_and_run_again(fake_hca: Runner, fake: Any) -> None:
    large = os.urandom(24 << 20)
    made = fake.put_bundle({"large.bin": large, "small.txt": b"small"})
    fake.slow = 0.004
    arguments = ("dss", "download", "--bundle-uuid", made.uuid, "--replica", "aws")
    process = subprocess.Popen(
        fake_hca.command(*arguments), env=fake_hca.env, cwd=fake_hca.cwd, stderr=subprocess.DEVNULL
    )
    small = fake_hca.cwd / made.folder / "small.txt"
    deadline = time.monotonic() + 60
    while not (small.exists() and _partial_bytes(fake_hca.cwd) > 1 << 20) and time.monotonic() < deadline:
        time.sleep(0.02)
        assert process.poll() is None, "it was done before it could be killed"
    process.kill()
    process.wait()
    assert not (fake_hca.cwd / made.folder / "large.bin").exists()
    fake.slow = 0.0
    fake.requests.clear()
    fake_hca(*arguments)
    assert files_below(fake_hca.cwd / made.folder).keys() == {"large.bin", "small.txt", "bundle.json"}
    assert (fake_hca.cwd / made.folder / "large.bin").read_bytes() == large
    small_uuid = made.files["small.txt"][0]
    assert not any(path.endswith(small_uuid) for _, path in fake.requests)
    assert not list((fake_hca.cwd / ".hca" / "v2").glob("partial/*"))


def _partial_bytes(root: Path) -> int:
    total = 0
    for path in root.glob(".hca/v2/partial/*"):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            pass
    return total


def test_errors_of_the_method_are_of_this_house(site: Any) -> None:
    with pytest.raises(HCAError):
        client(site).download("00000000-0000-4000-8000-000000000000", "aws")
    with pytest.raises(UsageError):
        client(site).get_bundle(uuid="x", replica="azure")
