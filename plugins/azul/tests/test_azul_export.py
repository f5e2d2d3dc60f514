"""Lists for other programs; tokens and signed URLs never appear where they must not."""

from __future__ import annotations

import csv
import io
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import requests
from hca_azul.client import AzulClient
from hca_azul.download.exports import _ListWriter
from hca_azul.download.mirror import Mirror
from hca_azul.download.naming import Template
from hca_azul.download.plan import Plan
from hca_azul.download.repository import Repository
from hca_azul.download.sources import Sources
from hca_azul.lists.entries import Entry, checked
from hca_azul.query.managed import Managed
from hca_azul.testing import EmbeddedAzul, Project
from hca_azul.testing.hca_shape import PRIVATE_BUCKET, PUBLIC_BUCKET

from tests.lib import Runner


def test_aria2(hca: Runner, azul: EmbeddedAzul) -> None:
    done = hca("azul", "export", "BrainCells", "--to", "aria2")
    lines = done.stdout.splitlines()
    assert sum(line.startswith("http") for line in lines) == 8
    loom = azul.atlas.projects[0].files[6]
    at = lines.index(f"{azul.storage_url}/mirror/mirror-bucket/file/{loom.sha256}.sha256")
    assert lines[at + 1 : at + 3] == ["  out=BrainCells/brain.loom", f"  checksum=sha-256={loom.sha256}"]
    assert "8 files" in done.stderr and "aria2c" in done.stderr


def test_s5cmd_gets_what_the_mirror_has(hca: Runner) -> None:
    done = hca("azul", "export", "BrainCells", "--to", "s5cmd", "--output", "list")
    [line] = (hca.cwd / "list").read_text().splitlines()
    words = shlex.split(line)
    assert words[0] == "cp" and words[1].startswith("s3://mirror-bucket/file/") and words[2] == "BrainCells/brain.loom"
    assert "7 files left out" in done.stderr


def test_a_file_that_exists_is_replaced_only_with_force(hca: Runner) -> None:
    hca.write("list", b"mine")
    words = ("azul", "export", "BrainCells", "--to", "s5cmd", "--output", "list")
    assert "list already exists" in hca(*words, check=2).error and (hca.cwd / "list").read_bytes() == b"mine"
    hca(*words, "--force")
    assert (hca.cwd / "list").read_text().startswith("cp ")


def test_datalad(hca: Runner) -> None:
    done = hca("azul", "export", "Odd", "--to", "datalad")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 6 and all(len(row["sha256"]) == 64 and row["size"].isdigit() for row in rows)
    assert "Odd/a [b] #1 'c'.txt" in {row["path"] for row in rows}


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not at hand")
def test_curl_downloads_it(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("azul", "export", "Odd", "--to", "curl", "--filter", "format=txt,fastq.gz", "--output", "list")
    subprocess.run(["curl", "--silent", "--config", "list"], cwd=hca.cwd, check=True, timeout=30)
    for file in azul.atlas.projects[2].files:
        if file.format == "txt":
            assert (hca.cwd / "Odd" / file.name).read_bytes() == file.bytes
    assert len(hca.files("Odd")) == 3


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not at hand")
def test_a_token_only_when_asked_for_and_to_the_service_alone(hca: Runner, azul: EmbeddedAzul) -> None:
    env = {"HCA_ACCESS_TOKEN": azul.token}
    done = hca("azul", "export", "Managed", "--to", "curl", env=env)
    assert azul.token not in done.stdout
    done = hca("azul", "export", "Managed", "BrainCells", "--to", "curl", "--with-token", "--output", "list", env=env)
    path = hca.cwd / "list"
    assert path.stat().st_mode & 0o777 == 0o600 and path.read_text().count(azul.token) == 1
    assert "warning" in done.stderr and azul.token not in done.stderr
    assert "/mirror/" not in path.read_text()
    azul.requests.clear()
    subprocess.run(["curl", "--silent", "--config", "list"], cwd=hca.cwd, check=True, timeout=30)
    assert hca.files("Managed") == {"secret.fastq.gz", "secret.loom"}
    assert not any("Authorization" in headers for where, _, _, headers in azul.requests if where != "service")


def test_a_file_that_others_could_read_is_closed_to_them(hca: Runner, azul: EmbeddedAzul) -> None:
    path = hca.cwd / "list"
    path.write_text("old")
    path.chmod(0o644)
    env = {"HCA_ACCESS_TOKEN": azul.token}
    hca("azul", "export", "Managed", "--to", "curl", "--with-token", "--output", "list", "--force", env=env)
    assert path.stat().st_mode & 0o777 == 0o600


def copied(azul: EmbeddedAzul) -> Project:
    """The managed project, with all its files copied to the mirror's private bucket."""
    project = next(one for one in azul.atlas.projects if one.managed)
    for file in project.files:
        file.mirrored = True
    return project


@pytest.mark.parametrize("tool", ["aria2", "curl", "datalad", "s5cmd"])
@pytest.mark.parametrize("named", [["Managed", "BrainCells"], ["--manifest", "m.tsv"]], ids=["projects", "manifest"])
def test_private_buckets_of_the_mirror_are_never_offered(
    hca: Runner, azul: EmbeddedAzul, tool: str, named: list[str]
) -> None:
    project = copied(azul)
    env = {"HCA_ACCESS_TOKEN": azul.token}
    assert PRIVATE_BUCKET in hca("azul", "files", "--filter", "project=Managed", "-f", "jsonl", env=env).stdout
    hca("azul", "manifest", "--filter", "project=Managed,BrainCells", "--output", "m.tsv", env=env)
    # A manifest names the private bucket, even for users without a token.
    for who in (env, {}) if named[0] == "--manifest" else (env,):
        done = hca("azul", "export", *named, "--to", tool, env=who, check=0 if who else 3)
        assert PRIVATE_BUCKET not in done.stdout + done.stderr and PUBLIC_BUCKET in done.stdout
        assert not any(file.sha256 + ".sha256" in done.stdout for file in project.files)
    if tool in ("aria2", "curl"):
        hca("azul", "export", *named, "--to", tool, "--with-token", "--output", "list", "--force", env=env)
        assert PRIVATE_BUCKET not in (hca.cwd / "list").read_text()


def test_s5cmd_has_no_way_to_private_copies(hca: Runner, azul: EmbeddedAzul) -> None:
    copied(azul)
    env = {"HCA_ACCESS_TOKEN": azul.token}
    done = hca("azul", "export", "Managed", "--to", "s5cmd", "--output", "list", env=env, check=4)
    assert "none of 2 matching files" in done.stderr and "public mirror" in done.stderr
    assert not (hca.cwd / "list").exists()


@pytest.mark.parametrize("tool", ["aria2", "curl"])
def test_lists_of_managed_data_hold_secrets_only_with_token(hca: Runner, azul: EmbeddedAzul, tool: str) -> None:
    env = {"HCA_ACCESS_TOKEN": azul.token}
    secret = azul.token if tool == "curl" else azul.signature
    for output in ([], ["--output", "plain"]):
        done = hca("azul", "export", "Managed", "--to", tool, *output, env=env)
        text = done.stdout if not output else (hca.cwd / "plain").read_text()
        assert text.count("/repository/files/") == 2
        assert not any(one in text + done.stderr for one in (azul.token, azul.signature))
    hca("azul", "export", "Managed", "--to", tool, "--with-token", "--output", "list", "--force", env=env)
    path = hca.cwd / "list"
    assert secret in path.read_text() and path.stat().st_mode & 0o777 == 0o600
    # aria2 would forward the token on redirects to other hosts: it gets signed URLs instead.
    assert tool == "curl" or azul.token not in path.read_text()
    if tool == "aria2":
        addresses = [line for line in path.read_text().splitlines() if line.startswith("http")]
        bodies = {requests.get(address, timeout=10).content for address in addresses}
        assert bodies == {file.bytes for project in azul.atlas.projects if project.managed for file in project.files}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--filter", "organ=no such organ", "--to", "aria2"],
        ["MouseHeart", "--filter", "format=bam", "--to", "curl"],
        ["MouseHeart", "--to", "s5cmd"],
        ["BrainCells", "--sources", "mirror", "--filter", "format=bai", "--to", "datalad"],
        ["--manifest", "empty.tsv", "--to", "aria2"],
    ],
    ids=["filter", "project", "nothing in the mirror", "no source", "empty manifest"],
)
def test_a_list_of_nothing_is_an_error(hca: Runner, arguments: list[str]) -> None:
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    (hca.cwd / "empty.tsv").write_text((hca.cwd / "m.tsv").read_text().partition("\n")[0] + "\n")
    for output in ([], ["--output", "list"]):
        done = hca("azul", "export", *arguments, *output, check=4)
        assert done.stdout == "" and done.stderr.startswith("hca: error: ")
    assert not (hca.cwd / "list").exists()


@pytest.mark.parametrize("tool", ["s5cmd", "datalad"])
def test_tools_that_would_spread_a_token_get_none(hca: Runner, azul: EmbeddedAzul, tool: str) -> None:
    env = {"HCA_ACCESS_TOKEN": azul.token}
    done = hca("azul", "export", "Managed", "--to", tool, "--with-token", "--output", "list", env=env, check=2)
    assert "safely" in done.stderr and not (hca.cwd / "list").exists()


def test_tokens_need_a_file_and_a_login(hca: Runner, azul: EmbeddedAzul) -> None:
    env = {"HCA_ACCESS_TOKEN": azul.token}
    arguments = ("azul", "export", "Managed", "--to", "curl", "--with-token")
    assert "requires --output FILE" in hca(*arguments, env=env, check=2).stderr
    assert "no token" in hca(*arguments, "--output", "list", check=3).stderr


def test_hostile_metadata_cannot_speak_to_the_other_program(client: AzulClient) -> None:
    plan = Plan(Template("{name}"))
    evil = 'http://x/"\noutput = "/etc/passwd\n  out=/etc/passwd'
    sha256 = "a" * 64
    plan.fill(
        [
            checked(Entry("1", "good.txt", 1, sha256, url=evil)),
            checked(Entry("2", "x\n  out=/etc/passwd", 1, sha256, url="http://x/")),
            checked(Entry("3", "../up", 1, sha256, url="http://x/")),
            checked(Entry("4", "-rf", 1, sha256, url="http://x/", mirror="s3://bucket/key; rm -rf ~")),
            checked(Entry("5", "signed", 1, sha256, url="https://b.s3.amazonaws.com/k?X-Amz-Signature=abcdef&x=1")),
        ]
    )
    for tool in ("aria2", "s5cmd", "curl", "datalad"):
        found = _ListWriter(client, Sources(client, ("azul",)), tool, "").write(plan, Managed([]))
        assert "\n  out=/etc" not in found.text and '\noutput = "/etc' not in found.text
        assert "abcdef" not in found.text and "../up" not in found.text
        assert not any(line.endswith(" -rf") for line in found.text.splitlines())
        assert tool == "s5cmd" or "signed" in found.left_out
        assert "../up" in found.left_out
    plan.close()


def test_files_of_the_repository_are_known_by_their_identifiers(client: AzulClient) -> None:
    repository = Repository(client)
    assert repository.has("drs://data.terra.bio/v1_a_b") and repository.has("drs://drs.anv0:v2_a")
    others = ("drs://dg.4503:abc", "drs://other.example.org/x", "drs://unknown:x", "https://data.terra.bio/x", "")
    assert not any(repository.has(uri) for uri in others)


def test_addresses_of_the_mirror(client: AzulClient) -> None:
    mirror = Mirror(client, trusted=True)
    mirror._base = None
    assert mirror.url("s3://b-u/file/x.sha256") == "https://b-u.s3.amazonaws.com/file/x.sha256"
    assert mirror.url("s3://b.u/file/x") == "https://s3.amazonaws.com/b.u/file/x"
    assert mirror.url("s3://../x") is None and mirror.url("file:///etc/passwd") is None


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def test_tokens_and_signed_addresses_are_nowhere(hca: Runner, azul: EmbeddedAzul) -> None:
    """All output, logs and files, with all faults, at the highest verbosity."""
    env = {"HCA_ACCESS_TOKEN": azul.token}
    azul.faults.manifest_waits = azul.faults.file_waits = 1
    azul.faults.drop, azul.faults.burst_every, azul.faults.burst_length, azul.faults.retry_after = 0.2, 10, 1, 0
    said = ""
    for arguments in (
        ["projects"],
        ["manifest", "--output", "m.tsv"],
        ["metadata", "Managed"],
        ["download", "Managed", "BrainCells", "Odd", "--report", "r.json", "--samplesheet", "s.csv"],
        ["download", "Managed", "--sources", "drs", "--download-dir", "drs", "--report", "d.tsv"],
        ["download", "--file", "nothing"],
        *(
            ["export", "Managed", "--to", tool, "--output", tool, "--force"]
            for tool in ("aria2", "curl", "datalad", "s5cmd")
        ),
        ["get-fetch-repository-files", "--file-uuid", "nothing"],
    ):
        done = hca("--debug", "azul", *arguments, env=env, check=None, traceback=True)
        said += done.stdout + done.stderr
    azul.faults.url_life = -1
    done = hca("-vv", "azul", "manifest", "--output", "n.tsv", env=env, check=None)
    done2 = hca("-vv", "azul", "download", "Managed", "--download-dir", "n", "--retries", "0", env=env, check=None)
    said += done.stdout + done.stderr + done2.stdout + done2.stderr
    assert done.returncode != 0 and done2.returncode != 0
    assert azul.token not in said and azul.signature not in said
    assert len(said) > 10_000, "something was said"
    for path, content in contents(hca.home).items():
        assert azul.token.encode() not in content, path
        assert azul.signature.encode() not in content, path
