"""Standard output, line by line as in hca 7, except for timings and hca 7's errors.

The session is the recorded one (reference-upload-output.txt); its text is repeated here as facts about hca 7.0.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Runner

FIRST = "11111111-aaaa-4bbb-8ccc-179543181700"
SECOND = "11122222-aaaa-4bbb-8ccc-179543181700"
RECORDED = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "reference-upload-output.txt"

#: Exit codes of hca 7 that were 0 despite an error, and ours.
FIXED_CODES = {
    "select 111": 1,
    "select zzz": 4,
    "files --no-transfer-acceleration does-not-exist": 4,
    "files --no-transfer-acceleration --file-extension .json sample.json": 2,
    "files --no-transfer-acceleration -t x sample.json reads_R1.fastq.gz": 2,
    "creds nope": 4,
    "status nope.txt": 4,
    # The UUID is incomplete: hca 7 printed a traceback, because the service did not know such an area.
    "report --uuid 1111 --env local --output_file_name rep2": 2,
}
#: Commands that failed in hca 7, and their output here.
FIXED_OUTPUT = {
    "files --no-transfer-acceleration -q -t renamed.json sample.json": [],
    "files --no-transfer-acceleration does-not-exist": ["does-not-exist does not exist"],
    "files --no-transfer-acceleration empty.bin": [
        "",
        f"Starting upload of 1 files to upload area {FIRST}",
        f"Upload complete of empty.bin to upload area s3://org-humancellatlas-upload-local/{FIRST}/",
        f"Completed upload of 1 files to upload area {FIRST}",
        "",
    ],
}
_NOISE = re.compile(r"Checksumming took .*|Completed [\d.]+ \S+/[\d.]+ .*remaining ")


def recorded() -> list[tuple[str, list[str], int]]:
    """(command, lines of stdout, exit code) of the part of the session that this test replays."""
    text = RECORDED.read_text(encoding="utf-8").replace("^I", "\t")
    text = text.partition("##### uploaded but never checksummed")[0]
    found = []
    for block in re.split(r"^\$ hca upload ", text, flags=re.MULTILINE)[1:]:
        command, _, rest = block.partition("\n")
        out, _, rest = rest.partition("--stdout--\n")[2].partition("--stderr")
        code = re.search(r"--rc=(\d+)--", rest)
        assert code
        found.append((command, _lines(out), int(code[1])))
    return found


def _lines(out: str) -> list[str]:
    pieces = [piece for line in out.split("\n")[:-1] for piece in (line.split("^M") if "^M" in line else [line])]
    return [piece for piece in pieces if not _NOISE.fullmatch(piece)]


def normal(lines: list[str]) -> list[str]:
    """Without what differs between runs: secrets, checksums, URLs, and the order of files."""
    plain = []
    for line in lines:
        line = re.sub(r"^(AWS_\w+=).+", r"\1…", line)
        line = re.sub(r"\b[0-9a-f]{8}$|\b[0-9a-f]{32,64}\b", "…", line)
        line = re.sub(r"(STATUS_RETRIEVAL_ERROR: ).*", r"\1…", line)
        # hca 7 did not distinguish uploaded files from present ones.
        plain.append(line.removesuffix(" (it was there already)"))
    complete = sorted(line for line in plain if line.startswith("Upload complete"))
    return [complete.pop(0) if line.startswith("Upload complete") else line for line in plain]


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded contracts are not beside this checkout")
def test_the_recorded_session(hca: Runner, site: Any) -> None:
    for uuid in (FIRST, SECOND):
        site.area(uuid)
    hca.write("sample.json", b'{"describedBy": "a sample"}\n')
    hca.write("reads_R1.fastq.gz", b"\x1f\x8b" + bytes(32))
    hca.write("d/one.json", b'{"describedBy": "a sample"}\n')
    hca.write("d/sub/two.fastq.gz", b"\x1f\x8b" + bytes(32))
    hca.write("empty.bin", b"")
    compared = 0
    for command, out, code in recorded():
        if command in ("files sample.json", "list") and code == 1 and compared > 5:
            # With a custom endpoint, hca 7 could not disable acceleration; here nothing fails.
            continue
        site.until(lambda: set(site.checksum_states(FIRST).values()) <= {"CHECKSUMMED"})
        done = hca("upload", *command.split(), check=None)
        expected = FIXED_OUTPUT.get(command, out)
        ours = done.stdout.split("\n")[:-1]
        if command.startswith(("list", "report")):
            ours = _without_the_empty_file(ours)
        assert normal(ours) == normal(expected), command
        wanted = FIXED_CODES.get(command, 0 if command in FIXED_OUTPUT else code)
        assert done.returncode == wanted, (command, done.stderr)
        compared += 1
        if command == "report":
            _compare_report((hca.cwd / f"{FIRST}.txt").read_text())
    assert compared > 20


def _without_the_empty_file(lines: list[str]) -> list[str]:
    """hca 7 could not upload the empty file; here it is in the area."""
    kept, skipping = [], False
    for line in lines:
        skipping = line == "empty.bin" or (skipping and line.startswith("\t"))
        if not skipping:
            kept.append(line)
    return kept


def _compare_report(text: str) -> None:
    assert text.splitlines() == [
        "FILE STATUS REPORT",
        f"UploadArea: {FIRST}",
        "Total Number of Files: 6",
        "CHECKSUMS",
        "\tCHECKSUMMED files: 6",
        "\tCHECKSUMMING files: 0",
        "\tCHECKSUMMING_UNSCHEDULED files: 0",
        "VALIDATIONS",
        "\tSCHEDULED files: 0",
        "\tVALIDATED files: 0",
        "\tVALIDATING files: 0",
        "\tVALIDATION_UNSCHEDULED files: 6",
    ]


def test_without_an_area(hca: Runner) -> None:
    hca.write("a.txt", b"")
    assert hca("upload", "areas").stdout == ""
    for command in (("files", "a.txt"), ("list",), ("creds",), ("report",), ("status", "x")):
        done = hca("upload", *command, check=1)
        assert done.stdout == ""
        assert "There is no upload area selected." in done.stderr
        assert 'Please select one with "hca upload select <uri_or_alias>"' in done.stderr


def test_what_scripts_look_for_on_stdout(hca: Runner, site: Any, area: str, pattern_of: Callable[..., bytes]) -> None:
    """hca 7 reported unknown areas on stdout and exited with 0; scripts read the text. Both work."""
    for command in (("select", "zzz"), ("forget", "zzz"), ("creds", "zzz"), ("delete", "zzz", "--yes")):
        done = hca("upload", *command, check=4)
        assert done.stdout == 'Sorry I don\'t recognize area "zzz"\n'
        assert done.stderr == 'hca: error: Sorry I don\'t recognize area "zzz"\n'
    assert hca("upload", "select", "zzz", "-f", "json", check=4).stdout == ""
    assert hca("upload", "forget", area[:6]).stdout == f"Forgetting about area {area}\n"
