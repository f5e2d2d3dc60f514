"""``hca search`` finds commands, operations, options, settings and documentation, without the network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lib import PluginDirectory, Runner

DOCUMENT = {
    "swagger": "2.0",
    "info": {"title": "Zoo", "version": "1"},
    "basePath": "/v1",
    "paths": {
        "/animals/{uuid}": {
            "get": {
                "summary": "Get an animal",
                "description": "Its whiskers are counted.",
                "parameters": [
                    {"name": "uuid", "in": "path", "type": "string", "required": True},
                    {"name": "enclosure", "in": "query", "type": "string", "description": "Where it lives"},
                ],
                "responses": {"200": {"description": "it", "schema": {"type": "object"}}},
            }
        }
    },
}
COMMANDS = '''
from hca_base.commands import Command

class Feed(Command):
    """Feed all animals.

    Leftovers are composted.
    """

    def get_parser(self, prog_name):
        parser = super().get_parser(prog_name)
        parser.add_argument("--portions", metavar="N", help="how much each gets")
        return parser

    def take_action(self, args):
        pass
'''


@pytest.fixture
def zoo(hca: Runner, plugins: PluginDirectory) -> PluginDirectory:
    plugins.install(
        "hca-zoo",
        {
            "hca_zoo/__init__.py": "",
            "hca_zoo/document.json": json.dumps(DOCUMENT),
            "hca_zoo/service.py": (
                "from hca_base.plugins import Service\n"
                "SERVICE = Service(name='zoo', title='Animals', client_section='ZooClient', naming='path',\n"
                "    bundled_document=('hca_zoo', 'document.json'),\n"
                "    config_schema={'ZooClient': {'type': 'object', 'properties': {'gate': {'type': 'string',\n"
                "        'description': 'Which gate visitors take'}}}},\n"
                "    config_defaults={'ZooClient.url': 'https://zoo.example.org/v1/swagger.json'})\n"
            ),
            "hca_zoo/commands.py": COMMANDS,
        },
        {"hca.services": {"zoo": "hca_zoo.service:SERVICE"}, "hca.commands": {"zoo_feed": "hca_zoo.commands:Feed"}},
    )
    return plugins


@pytest.mark.parametrize(
    ("words", "kind", "name"),
    [
        ("feed", "command", "zoo feed"),
        ("composting", "command", "zoo feed"),
        ("animal get", "operation", "zoo get-animal"),
        ("whisker", "operation", "zoo get-animal"),
        ("enclosures", "operation", "zoo get-animal"),
        ("portions", "option", "zoo feed --portions"),
        ("visitors gate", "setting", "ZooClient.gate"),
        ("default format", "setting", "output.format"),
        ("plugin install", "command", "plugin install"),
        ("log-file", "option", "--log-file FILE"),
    ],
)
def test_the_best_match_comes_first(hca: Runner, zoo: Any, words: str, kind: str, name: str) -> None:
    rows = hca.rows("search", *words.split())
    assert (rows[0]["kind"], rows[0]["name"]) == (kind, name), rows[:3]
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert all(row["kind"] == kind for row in hca.rows("search", "--kind", kind, *words.split()))


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("resume", "transfers"),
        ("retry", "errors"),
        ("proxy", "environment"),
        ("rate limit", "transfers"),
        ("checksum", "transfers"),
        ("token", "authentication"),
        ("offline", "getting-started"),
        ("filestore", "transfers"),
        ("dask cluster", "clusters"),
    ],
)
def test_pages_are_found_by_the_words_that_users_type(hca: Runner, words: str, page: str) -> None:
    found = hca.rows("search", "--kind", "page", *words.split())
    assert any(f"docs/{page}.rst" in row["name"] for row in found), [row["name"] for row in found]


def test_people_see_it_by_kind(hca: Runner, zoo: Any) -> None:
    text = hca("search", "animals").stdout
    assert "Commands:\n  hca zoo feed  Feed all animals\n" in text
    assert "Operations:\n  hca zoo get-animal  Get an animal\n" in text
    assert hca("help", "-k", "animals").stdout == text
    assert text in hca("shell", "-c", "search animals").stdout
    assert hca("search", "--limit", "20", "animals").stdout == text


def test_nothing_matches(hca: Runner) -> None:
    done = hca("search", "zzyzx", check=4)
    assert done.stdout == "" and done.stderr.startswith("hca: error: nothing matches 'zzyzx'\n  hint: ")
    assert "the following arguments are required: WORD" in hca("search", check=2).stderr


def test_an_unknown_command_is_looked_up(hca: Runner, zoo: Any) -> None:
    # The index is not made for an error, which must come at once.
    first = hca("whiskers", check=2).stderr
    assert "'hca search WORD' finds them" in first
    hca("search", "animals")
    assert "'hca search whiskers' finds zoo get-animal" in hca("whiskers", check=2).stderr
    assert "'hca search whiskers' finds zoo get-animal" in hca("zoo", "whiskers", check=2).stderr


def test_what_is_installed_later_is_found_and_what_is_broken_costs_itself_alone(hca: Runner, zoo: Any) -> None:
    hca("search", "feed")
    zoo.install(
        "hca-other",
        {"hca_other.py": '"""It."""\nclass Thing:\n    """Groom a feeder."""\nraise RuntimeError("broken")\n'},
        {"hca.commands": {"other_groom": "hca_other:Thing"}},
    )
    names = [row["name"] for row in hca.rows("search", "--kind", "command", "feed")]
    assert names == ["zoo feed", "other groom"]


def test_a_service_without_a_plugin_is_found_too(hca: Runner) -> None:
    hca("search", "whiskers", check=4)
    path = hca.write("zoo.json", json.dumps(DOCUMENT).encode())
    hca("service", "add", "park", path, "--base-url", "https://park.example.org", "--naming", "path")
    assert hca.rows("search", "whiskers")[0]["name"] == "park get-animal"


def test_a_damaged_index_is_made_again(hca: Runner, zoo: Any) -> None:
    expected = hca("search", "animals").stdout
    [file] = hca.home.glob(".cache/hca/search.txt")
    for damage in (b"", b"\xff\xfe", b"hca-search-1 00000000\nnonsense"):
        file.write_bytes(damage)
        assert hca("search", "animals").stdout == expected
