"""``hca local demo`` runs each of its steps as a command, and fails when a step fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hca_local.demo import SHORT_NAME, Story, StoryError, write_bundle
from hca_local.demo.story import compare


@pytest.fixture
def environment(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_", "AWS_"))}
    environment = {**kept, "HOME": str(tmp_path)}
    yield environment
    hca(environment, tmp_path, "local", "stop")


def hca(environment: dict[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hca_base", *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=150)


def test_the_story_is_told_to_its_end_and_can_be_gone_on_with(environment, tmp_path):
    done = hca(environment, tmp_path, "local", "demo", "--port", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "hca-demo"
    typed = [line for line in done.stdout.splitlines() if line.startswith("$ ")]
    for words in ("hca local start", "hca dss upload", "hca dss post-search", "hca dss download"):
        assert any(words in line for line in typed), words
    assert "all identical" in done.stdout
    assert str(folder) in done.stdout.splitlines()[-6]
    (received,) = (folder / "download").glob("*.*Z")
    count, size = compare(folder / "bundle", received)
    assert (count, size > 2_000_000) == (15, True)
    # The last lines suggest further commands.
    last = [line.split("hca ", 1)[1] for line in done.stdout.splitlines()[-4:]]
    for line in last:
        assert hca(environment, tmp_path, *line.split()).returncode == 0, line
    # Again, in another directory: leftovers of the first run do not interfere.
    second = hca(environment, tmp_path, "local", "demo", "--dir", "other")
    assert second.returncode == 0, second.stdout + second.stderr
    assert (tmp_path / "other" / "bundle" / "links.json").exists()
    refused = hca(environment, tmp_path, "local", "demo", "--dir", "other")
    assert refused.returncode == 5
    assert "is not empty" in refused.stderr


def test_a_step_that_fails_ends_the_story_with_its_code(environment, tmp_path, capfd):
    story = Story(sys.stdout)
    with pytest.raises(StoryError) as caught:
        story.hca("dss", "get-bundle", "--uuid", "x", "--no-such-option")
    assert caught.value.exit_code == 2
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "f").write_bytes(b"1")
    with pytest.raises(StoryError, match="missing"):
        compare(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "f").write_bytes(b"2")
    with pytest.raises(StoryError, match="differs") as caught:
        compare(tmp_path / "a", tmp_path / "b")
    assert caught.value.exit_code == 7


def test_the_sample_is_the_same_every_time_and_hangs_together(tmp_path):
    first, second = ({path.name: path.read_bytes() for path in write_bundle(tmp_path / name)} for name in "ab")
    assert first == second
    documents = {name: json.loads(content) for name, content in first.items() if name.endswith(".json")}
    assert documents["project_0.json"]["project_core"]["project_short_name"] == SHORT_NAME
    identifiers = {document["provenance"]["document_id"] for document in documents.values() if "provenance" in document}
    assert len(identifiers) == len(documents) - 1
    for link in documents["links.json"]["links"]:
        named = {link["process"], *link["inputs"], *link["outputs"], *(p["protocol_id"] for p in link["protocols"])}
        assert named <= identifiers
    files = {document["file_core"]["file_name"] for name, document in documents.items() if name.startswith("sequence_")}
    assert files == {name for name in first if name.endswith(".fastq.gz")}
    import gzip

    lines = gzip.decompress(first["demo_R1.fastq.gz"]).splitlines()
    assert len(lines) % 4 == 0
    assert {len(line) for line in lines[1::2] if line != b"+"} == {75}
    assert set(lines[1]) <= set(b"ACGT")
