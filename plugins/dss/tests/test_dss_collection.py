"""``hca dss download-collection``: bundles, files, and collections in collections."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from hca_dss.versions import new_version

from tests.lib import Runner


@pytest.fixture(scope="module")
def bundle(site: Any) -> Any:
    return site.put_bundle({"links.json": b"{}", "reads.txt": b"reads"})


def put(site: Any, *links: tuple[str, str, str], collection: str = "", **more: Any) -> tuple[str, str]:
    uid, version = collection or str(uuid.uuid4()), new_version()
    contents = [{"type": kind, "uuid": link, "version": at, **more} for kind, link, at in links]
    site.send(
        "PUT",
        "collections",
        {"uuid": uid, "version": version, "replica": "aws"},
        name="n",
        description="d",
        details={},
        contents=contents,
    )
    return uid, version


def run(hca: Runner, uid: str, *args: str, **options: Any) -> Any:
    return hca("dss", "download-collection", "--uuid", uid, "--replica", "aws", *args, **options)


def names_in(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".hca" not in path.relative_to(folder).parts
    }


def of(bundle: Any) -> set[str]:
    return {f"{bundle.folder}/{name}" for name in (*bundle.contents, "bundle.json")}


def test_bundles_and_files_come(hca: Runner, site: Any, bundle: Any) -> None:
    single, at = site.put_file(b"single")
    uid, _ = put(site, ("bundle", bundle.uuid, bundle.version), ("file", single, at))
    done = run(hca, uid, "--download-dir", "data")
    assert done.stdout == ""
    assert names_in(hca.cwd) == {f"data/{name}" for name in of(bundle)} | {f"data/files/{single}.{at}"}
    assert (hca.cwd / "data" / "files" / f"{single}.{at}").read_bytes() == b"single"


def test_collections_in_collections_are_followed_also_in_circles(hca: Runner, site: Any, bundle: Any) -> None:
    other = site.put_bundle({"x.txt": b"x"})
    outer, inner = str(uuid.uuid4()), str(uuid.uuid4())
    # Both must exist before they can link to each other.
    _, outer_version = put(site, collection=outer)
    _, inner_version = put(site, ("bundle", other.uuid, other.version), collection=inner)
    link = {"type": "collection", "uuid": outer, "version": outer_version}
    changed = site.send(
        "PATCH", f"collections/{inner}", {"version": inner_version, "replica": "aws"}, add_contents=[link]
    )
    both = [("collection", inner, changed["version"]), ("bundle", bundle.uuid, bundle.version)]
    site.send(
        "PATCH",
        f"collections/{outer}",
        {"version": outer_version, "replica": "aws"},
        add_contents=[{"type": kind, "uuid": uid, "version": at} for kind, uid, at in both],
    )
    run(hca, outer)
    assert names_in(hca.cwd) == of(bundle) | of(other)


def test_a_version_can_be_asked_for(hca: Runner, site: Any, bundle: Any) -> None:
    uid, first = put(site, ("bundle", bundle.uuid, bundle.version))
    put(site, collection=uid)
    run(hca, uid)
    assert names_in(hca.cwd) == set()
    run(hca, uid, "--version", first)
    assert names_in(hca.cwd) == of(bundle)


def test_a_part_of_a_json_file_brings_the_file(hca: Runner, site: Any) -> None:
    single, at = site.put_file(b'{"a": {"b": 1}}', kind="application/json")
    uid, _ = put(site, ("project", single, at), fragment="/a/b")
    run(hca, uid)
    assert names_in(hca.cwd) == {f"files/{single}.{at}"}


def test_a_second_run_fetches_nothing(hca: Runner, site: Any, bundle: Any, traffic: Any) -> None:
    single, at = site.put_file(b"again")
    uid, _ = put(site, ("bundle", bundle.uuid, bundle.version), ("file", single, at))
    run(hca, uid)
    traffic.requests.clear()
    run(hca, uid)
    assert traffic.count("api", "GET", "/v1/files/") == 0
    assert traffic.count("s3") == 0


def test_a_collection_that_is_not_there(hca: Runner) -> None:
    done = run(hca, str(uuid.uuid4()), check=4)
    assert done.stderr.count("hca: error:") == 1


def test_what_cannot_be_had_is_a_failure_and_the_rest_comes(fake_hca: Runner, fake: Any) -> None:
    made = fake.put_bundle({"a.txt": b"a"})
    uid, gone = str(uuid.uuid4()), str(uuid.uuid4())
    contents = [
        {"type": "bundle", "uuid": gone, "version": made.version},
        {"type": "collection", "uuid": gone, "version": made.version},
        {"type": "file", "uuid": gone, "version": made.version},
        {"type": "bundle", "uuid": made.uuid, "version": made.version},
    ]
    fake.route("GET", f"/v1/collections/{uid}", {"name": "n", "contents": contents})
    done = run(fake_hca, uid, check=4, env={"HCA_ACCESS_TOKEN": "x.y.z"})
    assert "3 of 4 files" in done.stderr
    assert names_in(fake_hca.cwd) == {f"{made.folder}/a.txt", f"{made.folder}/bundle.json"}


@pytest.mark.parametrize(
    "contents",
    [None, "text", [7], [{}], [{"type": "file", "uuid": None, "version": "x"}], [{"type": 1, "uuid": "x"}]],
)
def test_malformed_collections(fake_hca: Runner, fake: Any, contents: Any) -> None:
    uid = str(uuid.uuid4())
    fake.route("GET", f"/v1/collections/{uid}", {"contents": contents})
    done = run(fake_hca, uid, check=1, env={"HCA_ACCESS_TOKEN": "x.y.z"})
    assert done.stderr.count("hca: error:") == 1


@pytest.mark.parametrize("version", ["../../x", "a/b"])
def test_hostile_versions_of_files(fake_hca: Runner, fake: Any, version: str) -> None:
    uid, file_uuid = str(uuid.uuid4()), str(uuid.uuid4())
    link = {"type": "file", "uuid": file_uuid, "version": ""}
    fake.route("GET", f"/v1/collections/{uid}", {"contents": [link]})
    headers = {"X-DSS-SHA256": "0" * 64, "X-DSS-SIZE": "1", "X-DSS-VERSION": version}
    fake.route("HEAD", f"/v1/files/{file_uuid}", (200, headers, b""))
    run(fake_hca, uid, check=1, env={"HCA_ACCESS_TOKEN": "x.y.z"})
    assert names_in(fake_hca.cwd) == set()


@pytest.mark.parametrize(
    ("sha256", "size"), [("0" * 64, "²"), ("0" * 64, "9" * 5000), ("0" * 64, "-1"), ("../../x", "1"), ("0" * 63, "1")]
)
def test_hostile_sizes_and_checksums_of_files(fake_hca: Runner, fake: Any, sha256: str, size: str) -> None:
    uid, file_uuid = str(uuid.uuid4()), str(uuid.uuid4())
    fake.route("GET", f"/v1/collections/{uid}", {"contents": [{"type": "file", "uuid": file_uuid}]})
    headers = {"X-DSS-SHA256": sha256, "X-DSS-SIZE": size, "X-DSS-VERSION": "x"}
    fake.route("HEAD", f"/v1/files/{file_uuid}", (200, headers, b""))
    done = run(fake_hca, uid, check=1, env={"HCA_ACCESS_TOKEN": "x.y.z"})
    assert "lacks its size or checksum" in done.stderr
    assert names_in(fake_hca.cwd) == set()


@pytest.mark.parametrize("kind", ["bundle", "collection", "file"])
def test_links_that_lead_nowhere_are_no_fault_of_the_command_line(fake_hca: Runner, fake: Any, kind: str) -> None:
    uid = str(uuid.uuid4())
    fake.route("GET", f"/v1/collections/{uid}", {"contents": [{"type": kind, "uuid": "..", "version": ".."}]})
    done = run(fake_hca, uid, check=1, env={"HCA_ACCESS_TOKEN": "x.y.z"})
    assert "a link of the collection cannot be followed" in done.stderr
