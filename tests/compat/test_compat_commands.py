"""Command lines of hca 7 have the same output and exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("hca7")


def _dss(side: Any, source: Path) -> dict[str, Any]:
    """Output of the DSS commands; JSON is parsed."""
    said: dict[str, Any] = {}

    def run(name: str, *args: object, check: int | None = 0) -> Any:
        done = side.command("dss", *args, check=check)
        said[name] = done.stdout
        try:
            said[name] = json.loads(done.stdout)
            # Two spaces for each level, because scripts that read lines rely on it.
            assert done.stdout == json.dumps(said[name], indent=2) + "\n" or len(done.stdout) > 2000, name
        except ValueError:
            pass
        return said[name]

    replica = ("--replica", "aws")
    run("version", "create-version")
    upload = run("upload", "upload", "--src-dir", source, *replica, "--staging-bucket", "dss-staging", "--no-progress")
    one = ("--uuid", upload["bundle_uuid"], *replica)
    bundle = run("bundle", "get-bundle", *one)
    run("first", "get-bundle", *one, "--no-paginate", "--version", upload["version"])
    files = {each["name"]: each for each in bundle["bundle"]["files"]}
    run("file", "get-file", "--uuid", files["links.json"]["uuid"], *replica)
    run("search", "post-search", "--es-query", '{"query": {"match": {"files.x": "none"}}}', *replica)
    run("checkout", "post-bundles-checkout", *one)
    run("subscriptions", "get-subscriptions", *replica, "--subscription-type", "elasticsearch")
    key = "11111111-2222-4333-8444-" + ("5" if side.old else "6") * 12
    # An array argument is one JSON word for each of its items.
    contents = json.dumps({"type": "bundle", "uuid": upload["bundle_uuid"], "version": upload["version"]})
    collection = ("--uuid", key, *replica)
    words = ("--name", "n", "--description", "d", "--details", "{}", "--contents", contents)
    run("collection", "put-collection", *collection, "--version", upload["version"], *words)
    run("got", "get-collection", *collection)
    run("deleted", "delete-collection", *collection)
    run("download", "download", "--bundle-uuid", upload["bundle_uuid"], *replica, "--download-dir", "data", "--no-data")
    said["files"] = sorted(path.name for path in (side.work / "data").rglob("*.json"))
    for name, args in {
        "missing": ("get-bundle", "--uuid", key, *replica),
        "usage": ("get-bundle", "--uuid", key),
        "choice": ("get-bundle", "--uuid", key, "--replica", "azure"),
    }.items():
        done = side.command("dss", *args, check=None)
        said[name] = done.stdout, done.returncode != 0
    return said


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_commands_of_the_dss_say_the_same(ours: Any, theirs: Any, bundle_source: Path, stable: Any) -> None:
    new, old = _dss(ours, bundle_source), _dss(theirs, bundle_source)
    # hca 7 set a wrong content type for compressed files, and listed files in the order of the disk.
    text = {key: stable(json.dumps(value, sort_keys=True)) for key, value in new.items()}
    before = {key: stable(json.dumps(value, sort_keys=True)) for key, value in old.items()}
    for key in ("bundle", "first", "upload"):
        assert list(new[key]) == list(old[key])
        place = new[key].get("bundle", new[key])["files"], old[key].get("bundle", old[key])["files"]
        assert [sorted(each) for each in place[0]] == [sorted(each) for each in place[1]]
        del text[key], before[key]
    assert text == before


def _upload(side: Any, area: str, source: Path) -> list[tuple[str, str, int]]:
    """Output of the Upload Service's commands."""
    name = area.rstrip("/").rpartition("/")[2]
    said = []
    for args in (
        ("areas",),
        ("select", area),
        ("areas",),
        ("select", name[:6]),
        ("files", "--no-transfer-acceleration", source / "cells.csv", source / "links.json"),
        ("list",),
        ("creds", name[:6]),
        ("forget", name),
        ("areas",),
    ):
        done = side.command("upload", *args)
        lines = [
            line
            for line in re.split(r"[\r\n]", done.stdout)
            # hca 7 printed timings and progress, which vary.
            if not line.startswith(("Checksumming took", "Completed "))
        ]
        text = re.sub(r"(AWS_[A-Z_]+)=.*", r"\1=", "\n".join(sorted(line for line in lines if line)))
        said.append((" ".join(map(str, args[:2])), text.replace(name, "AREA"), done.returncode))
    return said


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_commands_of_the_upload_service_say_the_same(
    ours: Any, theirs: Any, bundle_source: Path, stable: Any, deployment: Any
) -> None:
    service = deployment.ctx._upload_service
    found = []
    for side, digit in ((ours, "8"), (theirs, "9")):
        area = str(service.areas.create(f"1{digit * 7}-2222-4333-8444-555555555555")["uri"])
        found.append(json.loads(stable(json.dumps(_upload(side, area, bundle_source)))))
    new, old = found
    for mine, before in zip(new, old, strict=True):
        assert mine[1:] == before[1:], mine[0]


def test_main_of_hca_cli(ours: Any) -> None:
    code = "import hca.cli; assert hca.cli.main(['dss', 'create-version']) is None; hca.cli.main(['no-such-command'])"
    done = ours._run(["-c", code], None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z\n", done.stdout)
    assert done.returncode == 2
    assert "no-such-command" in done.stderr


def test_classes_of_the_upload_commands(ours: Any, bundle_source: Path, deployment: Any) -> None:
    area = deployment.ctx._upload_service.areas.create("33333333-2222-4333-8444-555555555555")["uri"]
    code = f"""
import argparse
from hca.upload.cli import add_commands
from hca.upload.cli.select_command import SelectCommand
parser = argparse.ArgumentParser()
add_commands(parser.add_subparsers())
SelectCommand(argparse.Namespace(uri_or_alias={area!r}))
for line in (["upload", "files", "-q", {str(bundle_source / "cells.csv")!r}], ["upload", "list"], ["upload", "areas"]):
    args = parser.parse_args(line)
    args.entry_point(args)
"""
    done = ours._run(["-c", code], 0)
    name = "33333333-2222-4333-8444-555555555555"
    assert done.stdout.splitlines()[0] == f"Upload area {name} selected."
    assert done.stdout.splitlines()[-2:] == ["cells.csv", f"{name} <- selected"]
