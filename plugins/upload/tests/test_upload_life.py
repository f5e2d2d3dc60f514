"""The whole life of an upload area through the installed command, on a machine without any setup."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lib import Runner

MIB = 1024 * 1024


def sizes(count: int, largest: int) -> list[int]:
    """Sizes from zero to the largest, most of them small as in a real submission, including the edges of the multipart
    rule."""
    generator = random.Random(20181102)
    fixed = [0, 1, 28, 8 * MIB, largest]
    if largest > 100 * MIB:
        fixed += [64 * MIB, 64 * MIB + 1]
    return fixed + [int(10 ** generator.uniform(0, 5.5)) for _ in range(count - len(fixed))]


@pytest.mark.parametrize(
    ("count", "largest"),
    [(30, 65 * MIB), pytest.param(200, 200 * MIB, marks=pytest.mark.slow, id="full")],
)
def test_the_life_of_an_area(nowhere: Runner, pattern_of: Callable[..., bytes], count: int, largest: int) -> None:
    hca = nowhere
    expected = {}
    for number, size in enumerate(sizes(count, largest)):
        name = f"file {number:03}+é.{('fastq.gz', 'json', 'txt', 'bam')[number % 4]}"
        content = pattern_of(size, number)
        # In two directories: the service does not allow slashes in names.
        hca.write(f"submission/{'ab'[number % 2]}/{name}", content)
        expected[name] = (size, hashlib.sha256(content).hexdigest())
    # The built-in validator would reject such content.
    hca("config", "set", "local.validators", json.dumps({"org/reads:1": ["true"]}))
    hca("local", "start", "--port", "0")
    try:
        created = json.loads(hca("upload", "create", "--no-select", "-f", "json").stdout)
        assert hca("upload", "areas").stdout == ""
        assert hca("upload", "select", created["uri"]).stdout.startswith(f"Upload area {created['uuid']} selected.\n")
        assert hca("upload", "areas").stdout == f"{created['uuid']} <- selected\n"

        sent = hca("upload", "files", "submission", timeout=600).stdout.splitlines()
        assert sent[:2] == ["", f"Starting upload of {count} files to upload area {created['uuid']}"]
        paths = sorted(str(path.relative_to(hca.cwd)) for path in Path(hca.cwd, "submission").rglob("*.*"))
        assert sorted(sent[2:-2]) == [f"Upload complete of {path} to upload area {created['uri']}" for path in paths]
        assert sent[-2:] == [f"Completed upload of {count} files to upload area {created['uuid']}", ""]

        waited = hca("upload", "wait", "--timeout", "120").stdout.splitlines()
        assert sorted(waited) == sorted(f"{name}: CHECKSUMMED" for name in expected)
        assert hca("upload", "list").stdout.splitlines() == sorted(expected)
        listed = json.loads(hca("upload", "list", "-l", "-f", "json").stdout)
        assert {file["name"]: (file["size"], file["checksums"]["sha256"]) for file in listed} == expected
        assert all(file["content_type"].endswith("; dcp-type=data") for file in listed)

        some = sorted(expected)[:5]
        validation = hca("upload", "validate", "--validator", "org/reads:1", *some).stdout.strip()
        assert len(validation) == 36
        waited = hca("upload", "wait", "--validated", *some).stdout.splitlines()
        assert waited == [f"{name}: VALIDATED" for name in some]
        hca("upload", "validate", "--validator", "org/unknown:1", some[0])
        failed = hca("upload", "wait", "--validated", some[0], check=7)
        assert f"1 of 1 files failed: {some[0]}" in failed.stderr
        # The hint is a complete command.
        shown = shlex.split(re.search(r"run '(hca upload get-area-validate .*)' to see", failed.stderr)[1])  # type: ignore[index]
        assert json.loads(hca(*shown[1:]).stdout)["validation_status"] == "FAILED"

        hca("upload", "report", "--output_file_name", "out")
        report = (hca.cwd / "out.txt").read_text()
        assert report.startswith(f"FILE STATUS REPORT\nUploadArea: {created['uuid']}\nTotal Number of Files: {count}\n")
        assert f"\tCHECKSUMMED files: {count}\n" in report
        assert "\tVALIDATED files: 5\n" in report

        # Everything is present already; nothing is uploaded.
        again = json.loads(hca("upload", "files", "submission", "-f", "json", timeout=600).stdout)
        assert {row["state"] for row in again} == {"present"}

        assert hca("upload", "delete", created["uuid"], check=2).stdout == ""
        hca("upload", "delete", created["uuid"], "--yes")
        assert hca("upload", "areas").stdout == ""
        gone = hca("upload", "list", check=1)
        assert "There is no upload area selected." in gone.stderr
    finally:
        hca("local", "stop")
