"""The files of a new plugin. ``@name@`` stands for the plugin's own words."""

PYPROJECT = """[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "@distribution@"
version = "0.1.0"
description = "@title@, as a plugin of hca"
readme = "README.rst"
license = "MIT"
requires-python = ">=3.11"
dependencies = ["hca-base >=@core@,<@next_core@"]

[project.optional-dependencies]
test = ["pytest >=8"]
docs = ["sphinx >=7"]

# What hca finds of this plugin. Nothing of it is imported before it is used.
[project.entry-points."hca.services"]
@service@ = "@package@.service:SERVICE"

[project.entry-points."hca.clients"]
@service@ = "@package@.client:@client@"

[project.entry-points."hca.commands"]
@command_entry@ = "@package@.commands:Overview"

[tool.setuptools]
packages = ["@package@"]

[tool.setuptools.package-data]
@package@ = ["py.typed", "*.pyi", "*.json", "*.yaml"]

[tool.pytest.ini_options]
testpaths = ["tests"]

[tool.ruff]
line-length = 120

[tool.ruff.lint]
select = ["E", "F", "I", "UP", "B"]
"""

README = """@heading@

@title@, as a plugin of hca_: each operation of its API is a command, ``hca @service@ …``, and a method of
``hca_base.client("@service@")``.

::

    pip install @distribution@
    hca @service@                     # its commands
    hca @service@ @example_command@ --help
    hca @service@ overview

In Python::

    import hca_base

    client = hca_base.client("@service@")
    help(client.@example_method@)

To work on it::

    pip install -e '.[test]'
    pytest

.. _hca: https://pypi.org/project/hca-base/
"""

INIT = '''"""@title@, as a plugin of hca."""

__version__ = "0.1.0"
'''

SERVICE = '''"""What hca must know of the service. It is data alone: importing this module must import nothing heavy."""

from hca_base.plugins import CredentialScheme, Service

SERVICE = Service(
    name="@service@",
    title="@title@",
    # The version of the plugin contract that this plugin was written for.
    plugin_api=1,
    client_section="@client@",
    document_url_key="@client@.url",
    # The document that ships with the plugin: help and completion work without a network.
    bundled_document=("@package@", "@document@"),
    config_defaults={"@client@.url": "@url@"},
    config_schema={
        "@client@": {
            "type": "object",
            "properties": {
                "url": {"type": "string", "description": "Where the OpenAPI document of @service@ is", "x-edit": True},
                "base_url": {"type": "string", "description": "Where the service is, if not where its document says"},
                "timeout": {"type": "number", "description": "Seconds to wait for a response"},
            },
        }
    },
    credentials=CredentialScheme(@credentials@),
)
'''

CLIENT = '''"""The client: one method for each operation of the document, and what is written by hand."""

from __future__ import annotations

from typing import Any

from hca_base.openapi import Client

from .service import SERVICE


class @client@(Client):
    """@title@.

    ``dir()`` shows a method for each operation; ``help()`` explains each.
    """

    default_service = SERVICE

    def overview(self) -> dict[str, Any]:
        """What the service is and how many operations it has, from its document alone."""
        return {"title": self.document.title, "url": self.base_url, "operations": len(self.document.operations)}
'''

COMMANDS = '''"""Commands written by hand. Those of the document's operations need no code."""

from __future__ import annotations

import argparse
from typing import Any

from hca_base.commands import ShowOne


class Overview(ShowOne):
    """Show what the service is.

    The first line above is what 'hca @service@' lists; the rest is shown by 'hca @service@ overview --help'.
    """

    example = "@service@ overview"

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--upper-case", action="store_true", help="shout")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        found = self.service_client("@service@").overview()
        if parsed_args.upper_case:
            found["title"] = found["title"].upper()
        return found
'''

TEST = '''"""Tests through the front door: the installed ``hca``, and the client."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import hca_base
import pytest

from @package@.client import @client@
from @package@.service import SERVICE

DOCUMENT = Path(__file__).parents[1] / "@package@" / "@document@"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, whose settings name the document that ships with the plugin: no network is asked."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "HCA_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    settings = tmp_path / ".config" / "hca" / "config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"@client@": {"url": str(DOCUMENT), "base_url": "http://127.0.0.1:9"}}))
    return tmp_path


def hca(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hca_base", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_group_lists_the_operations_and_the_hand_written_command() -> None:
    done = hca("@service@", "--help")
    assert done.returncode == 0, done.stderr
    assert SERVICE.title in " ".join(done.stdout.split())
    assert "overview" in done.stdout
    assert "@example_command@" in done.stdout


def test_operation_has_help() -> None:
    done = hca("@service@", "@example_command@", "--help")
    assert done.returncode == 0, done.stderr
    assert 'hca_base.client("@service@")' in done.stdout


def test_hand_written_command() -> None:
    done = hca("@service@", "overview", "--upper-case", "-f", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["title"].isupper()


def test_client_is_registered() -> None:
    client = hca_base.client("@service@")
    assert isinstance(client, @client@)
    assert "@example_method@" in dir(client)
    assert client.overview()["operations"] >= 1
'''

DOCS_CONF = '''"""Sphinx configuration."""

project = "@distribution@"
extensions = ["sphinx.ext.autodoc"]
html_theme = "alabaster"
'''

DOCS_INDEX = """@heading@

.. include:: ../README.rst
   :start-line: 3

Client
------

.. autoclass:: @package@.client.@client@
   :members:
"""

WORKFLOW = """name: test
on: [push, pull_request]
jobs:
  test:
    strategy:
      matrix:
        os: [ubuntu-latest, macos-latest, windows-latest]
        python: ["3.11", "3.12", "3.13"]
    runs-on: ${{ matrix.os }}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: ${{ matrix.python }}
      - run: pip install '.[test]'
      - run: pytest
"""

GITIGNORE = """__pycache__/
*.egg-info/
build/
dist/
docs/_build/
"""

LICENSE = """MIT License

Copyright (c) @year@ the authors of @distribution@

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""

#: The default document of a new plugin: a greeting service.
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Greetings", "version": "1.0", "description": "Greets people in several languages."},
    "servers": [{"url": "https://greetings.example.org/v1"}],
    "paths": {
        "/greetings/{name}": {
            "get": {
                "summary": "Greet somebody",
                "description": "Returns the greeting in the requested language.",
                "parameters": [
                    {
                        "name": "name",
                        "in": "path",
                        "required": True,
                        "description": "Whom to greet.",
                        "schema": {"type": "string"},
                    },
                    {
                        "name": "language",
                        "in": "query",
                        "description": "Language of the greeting.",
                        "schema": {"type": "string", "enum": ["de", "en", "fr"], "default": "en"},
                    },
                ],
                "responses": {
                    "200": {
                        "description": "The greeting.",
                        "content": {
                            "application/json": {
                                "schema": {"type": "object", "properties": {"greeting": {"type": "string"}}}
                            }
                        },
                    }
                },
            }
        }
    },
}
