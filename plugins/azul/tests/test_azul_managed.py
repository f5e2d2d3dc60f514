"""Managed access: every command that matches such data reports it, and how to get access."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hca_azul.client import AzulClient
from hca_azul.query.managed import ManagedDataWarning
from hca_azul.testing import EmbeddedAzul

from hca_base.errors import AuthError
from tests.lib import Runner

PLACE = "https://duos.org/dataset/DUOS-000123"
#: Commands that match the managed project and public ones, and exit with 0.
MEET = [
    ["projects"],
    ["samples"],
    ["files", "--limit", "2"],
    ["bundles"],
    ["matrices"],
    ["summary"],
    ["facets", "--of", "files", "organ"],
    # Metadata of projects are public: those with managed access are listed and counted.
    ["facets", "--filter", "project=Managed", "organ"],
    ["projects", "--filter", "project=Managed"],
    ["manifest", "--output", "m.tsv", "--force"],
    ["download", "--filter", "organ=lung,heart", "--download-dir", "d"],
    ["export", "--filter", "organ=lung,heart", "--to", "aria2"],
]
#: Commands that name it, or match nothing else.
ALL = [
    ["files", "--filter", "project=Managed"],
    ["samples", "--filter", "organ=lung"],
    ["manifest", "--project", "Managed"],
    ["manifest", "--filter", "organ=lung", "--output", "m.tsv"],
    ["manifest", "--filter", "project=Managed", "--format", "verbatim.jsonl", "--output", "m.jsonl"],
    ["metadata", "Managed"],
    ["download", "Managed"],
    ["download", "MouseHeart", "Managed", "--download-dir", "d"],
    ["download", "--filter", "organ=lung"],
    ["export", "Managed", "--to", "curl"],
    ["matrices", "Managed", "--download"],
    ["matrices", "Managed"],
    ["matrices", "MouseHeart", "Managed"],
    ["matrices", "--filter", "project=Managed"],
    ["facets", "--of", "files", "--filter", "project=Managed", "organ"],
    ["facets", "--of", "samples", "--filter", "organ=lung"],
]


@pytest.mark.parametrize("command", MEET, ids=lambda command: " ".join(command[:3]))
def test_told_by_every_command_that_meets_it(hca: Runner, command: list[str]) -> None:
    for options in ([], ["--quiet"]):
        done = hca(*options, "azul", *command)
        assert "Managed" in done.stderr and "managed access" in done.stderr and PLACE in done.stderr, options


@pytest.mark.parametrize("command", ALL, ids=lambda command: " ".join(command[:3]))
def test_an_error_where_it_is_all_or_named(hca: Runner, command: list[str]) -> None:
    done = hca("azul", *command, check=3)
    assert PLACE in done.stderr and "log in" in done.stderr


@pytest.mark.parametrize("command", [*MEET, *ALL], ids=lambda command: " ".join(command[:3]))
def test_told_in_the_interactive_shell(hca: Runner, command: list[str]) -> None:
    # Twice: the message is repeated in every run.
    line = " ".join(shlex.quote(word) for word in command)
    done = hca("shell", stdin=f"azul {line} --help\nuse azul\n{line}\n{line}\n", check=None)
    assert done.returncode == (0 if command in MEET else 3), done.stderr
    assert done.stderr.count(PLACE) >= 2


@pytest.mark.parametrize("words", [["files"], ["facets", "--of", "files", "organ"]], ids=lambda words: words[0])
def test_what_managed_projects_have_is_not_said_to_be_nowhere(hca: Runner, words: list[str]) -> None:
    for term in ("organ=lung", "project=Managed"):
        done = hca("azul", *words, "--filter", term, check=3)
        assert "nothing here has" not in done.stderr
    done = hca("azul", *words, "--filter", "format=bamm", check=None)
    assert "nothing here has format 'bamm'" in done.stderr


def test_matrices_of_managed_projects_are_listed(hca: Runner) -> None:
    done = hca("azul", "matrices", "Managed", "-f", "jsonl", check=3)
    assert [json.loads(line)["name"] for line in done.stdout.splitlines()] == ["secret.loom"]
    assert done.stderr.count(PLACE) == 1
    skipped = hca("azul", "matrices", "Managed", "--skip-unavailable", "-f", "jsonl")
    assert skipped.stdout == done.stdout and skipped.stderr.count(PLACE) == 1


@pytest.mark.parametrize("fetch", ["", "/fetch"])
@pytest.mark.parametrize(("organs", "code"), [(["lung", "heart"], 0), (["lung"], 3)])
def test_told_where_the_manifest_of_an_address_is_requested(
    hca: Runner, azul: EmbeddedAzul, fetch: str, organs: list[str], code: int
) -> None:
    query = urlencode({"catalog": "dcp44", "format": "compact", "filters": json.dumps({"organ": {"is": organs}})})
    url = f"{azul.url}{fetch}/manifest/files?{query}"
    done = hca("azul", "download", "--manifest", url, "--report", "r.json", check=code)
    assert "Managed" in done.stderr and PLACE in done.stderr
    if not code:
        rows = {row["name"]: row for row in json.loads((hca.cwd / "r.json").read_text())["rows"]}
        assert rows["Managed"]["outcome"] == "managed"
    done = hca("azul", "export", "--manifest", url, "--to", "aria2", check=code)
    assert "Managed" in done.stderr and PLACE in done.stderr


def test_skipped_when_asked(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "download", "Managed", "--skip-unavailable")
    done = hca("azul", "download", "MouseHeart", "Managed", "--skip-unavailable", "--report", "r.json")
    assert "managed access" in done.stderr
    report = json.loads((hca.cwd / "r.json").read_text())
    rows = {row["name"]: row for row in report["rows"]}
    assert rows["Managed"]["outcome"] == "managed" and PLACE in rows["Managed"]["error"]


def test_not_told_to_those_who_have_access(hca: Runner, azul: EmbeddedAzul) -> None:
    env = {"HCA_ACCESS_TOKEN": azul.token}
    for command in (["files", "--limit", "2"], ["projects"], ["download", "Managed"]):
        assert "managed access" not in hca("azul", *command, env=env).stderr


def test_a_question_that_cannot_be_asked_is_said(hca: Runner, azul: EmbeddedAzul) -> None:
    honest = azul.service

    def service(method: str, target: str, headers: dict[str, str], body: bytes):  # type: ignore[no-untyped-def]
        from hca_azul.testing.answers import error

        if target.startswith("/index/projects") and "accessible" in target:
            return error(400, "BadRequestError", "no such thing")
        return honest(method, target, headers, body)

    azul.__dict__["service"] = service
    for options in ([], ["--quiet"]):
        done = hca(*options, "azul", "files", "--limit", "2")
        assert "cannot find out whether data of managed access match" in done.stderr


def test_from_python(client: AzulClient, azul: EmbeddedAzul, tmp_path: Path) -> None:
    with pytest.warns(ManagedDataWarning, match=PLACE):
        assert len(list(client.search("files"))) == 20
    with pytest.warns(ManagedDataWarning, match="Managed"):
        client.matrices()
    with pytest.warns(ManagedDataWarning):
        client.download(filters={"organ": {"is": ["lung", "heart"]}}, download_dir=tmp_path)
    with pytest.warns(ManagedDataWarning):
        client.manifest(tmp_path / "m.tsv")
    for search in (
        lambda: list(client.search("files", {"project": {"is": ["Managed"]}})),
        lambda: client.download("Managed", download_dir=tmp_path),
        lambda: client.download(filters={"organ": {"is": ["lung"]}}, download_dir=tmp_path),
        lambda: client.manifest(tmp_path / "none.tsv", {"organ": {"is": ["lung"]}}),
        lambda: client.matrices({"project": {"is": ["Managed"]}}),
    ):
        with pytest.raises(AuthError) as caught:
            search()
        assert PLACE in str(caught.value.hint)
    assert not (tmp_path / "none.tsv").exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.download("MouseHeart", download_dir=tmp_path)


SCRIPT = """
from hca_azul.client import AzulClient

azul = AzulClient()
azul.manifest("a.tsv")  # told
azul.manifest("b.tsv")  # told
azul.download(filters={"organ": {"is": ["lung", "heart"]}}, download_dir="d")  # told
list(azul.search("files", limit=1))  # told
for hit in azul.search("samples"):  # told
    pass
azul.matrices()  # told
"""


def test_a_script_is_warned_at_each_of_its_lines(hca: Runner) -> None:
    """By default Python drops repeated warnings of the same line: that must be the caller's line."""
    hca.write("script.py", SCRIPT.encode())
    env = {name: value for name, value in hca.env.items() if name != "PYTHONWARNINGS"}
    done = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, env=env, cwd=hca.cwd, timeout=60, check=True
    )
    lines = [n for n, line in enumerate(SCRIPT.splitlines(), 1) if line.endswith("# told")]
    told = re.findall(r"script\.py:(\d+): ManagedDataWarning", done.stderr)
    assert [int(number) for number in told] == lines, done.stderr


def test_columns(hca: Runner) -> None:
    row = hca.rows("azul", "projects", "--filter", "project=Managed", "-c", "duosId", "-c", "dataUseRestriction")[0]
    assert row["duosId"] == "DUOS-000123" and row["dataUseRestriction"] == "GRU"


def test_hostile_identifiers_do_not_steer_the_address(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.atlas.projects[3].duos_id = "../../evil?x=\x1b[31m"
    done = hca("azul", "download", "Managed", check=3)
    assert "https://duos.org/dataset/..%2F..%2Fevil%3Fx%3D%1B%5B31m" in done.stderr and "\x1b" not in done.stderr
