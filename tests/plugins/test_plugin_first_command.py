"""From an empty directory to the first working command, following the author's guide for two real documents."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.docs.snippets import snippets
from tests.lib import Loopback
from tests.lib.environment import Environment

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "plugins.rst"
OFFLINE = ("--no-index", "--no-build-isolation", "--no-deps", "--quiet")


def steps(name: str) -> list[list[str]]:
    """The command lines of the guide that create a plugin, without the prompts."""
    found = next(each.text for each in snippets(GUIDE) if f"plugin create {name} --openapi {name}.json" in each.text)
    return [line.split() for line in found.splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("name", "server", "path", "answer"),
    [
        ("drs", "https://drs.example.org/ga4gh/drs/v1", "/service-info", {"id": "org.example", "name": "here"}),
        ("cellxgene", "https://api.cellxgene.cziscience.com/curation", "/v1/collections", [{"name": "Lungs"}]),
    ],
)
def test_the_steps_of_the_guide(
    environment: Environment, loopback: Loopback, name: str, server: str, path: str, answer: object
) -> None:
    work = environment.home / "work"
    document = (ROOT / "plugins" / name / f"hca_{name}" / "document.json").read_text()
    lines = steps(name)
    # A local server replaces the public one: on the command line, or in the document.
    assert server in document
    in_document = server not in lines[3]
    (work / f"{name}.json").write_text(document.replace(server, loopback.url) if in_document else document)
    loopback.route("GET", path, answer)
    assert [words[0] for words in lines] == ["hca", "pip", "hca", "hca"]
    # The author does not have this project's plugin.
    environment.env["HCA_PLUGINS"] = ""
    environment.hca(*lines[0][1:])
    environment.pip("install", *OFFLINE, *lines[1][2:])
    environment.env["HCA_PLUGINS"] = f"hca-{name}"
    assert f"hca-{name}" in environment.hca("plugin", "list").stdout and (work / f"hca-{name}").is_dir()
    listed = environment.hca(*lines[2][1:]).stdout
    assert lines[3][2] in listed and "overview" in listed and "\n  download " not in listed
    done = environment.hca(*(word.replace(server, loopback.url) for word in lines[3][1:]))
    assert json.loads(done.stdout) == answer
    assert path in [asked.partition("?")[0] for _, asked, _, _ in loopback.requests]
    shutil.rmtree(work / f"hca-{name}")


def test_the_guide_has_the_time_of_each_step() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    table = text[text.index("Measured in seconds") :].split("**A command")[0]
    rows = re.findall(r"^(\S.*?)  +([\d.]+)(?: \([\d.]+\))?  +([\d.]+)(?: \([\d.]+\))?$", table, re.MULTILINE)
    assert len(rows) == len(steps("drs")) + 1 == len(steps("cellxgene")) + 1
    for column in (1, 2):
        parts = [float(row[column]) for row in rows]
        assert abs(sum(parts[:-1]) - parts[-1]) < 0.5
