"""``hca search`` finds commands, operations, options, settings and documentation, without the network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.lib import PluginDirectory, Runner

# One process builds the index that most of these tests read, because that takes seconds.
pytestmark = pytest.mark.xdist_group("search")

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


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """``hca`` with the plugin of the zoo, and a finished index: for tests that change nothing."""
    folder = tmp_path_factory.mktemp("search")
    hca = Runner(folder / "home")
    plugins = PluginDirectory(folder / "plugins")
    hca.env["PYTHONPATH"] = str(plugins.path)
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
    hca("search", "animals")
    return hca


@pytest.fixture
def zoo(hca: Runner, reader: Runner, plugins: PluginDirectory) -> PluginDirectory:
    """The plugin of the zoo, in a home without an index."""
    shutil.copytree(reader.env["PYTHONPATH"], plugins.path, dirs_exist_ok=True)
    return plugins


@pytest.fixture
def indexed(hca: Runner, reader: Runner, zoo: PluginDirectory) -> Path:
    """The file of the index."""
    shutil.copytree(reader.home / ".cache" / "hca", hca.home / ".cache" / "hca", dirs_exist_ok=True)
    return hca.home / ".cache" / "hca" / "search.txt"


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
def test_the_best_match_comes_first(reader: Runner, words: str, kind: str, name: str) -> None:
    rows = reader.rows("search", *words.split())
    assert (rows[0]["kind"], rows[0]["name"]) == (kind, name), rows[:3]
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert all(row["kind"] == kind for row in reader.rows("search", "--kind", kind, *words.split()))


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
def test_pages_are_found_by_the_words_that_users_type(reader: Runner, words: str, page: str) -> None:
    found = reader.rows("search", "--kind", "page", *words.split())
    assert any(f"docs/{page}.rst" in row["name"] for row in found), [row["name"] for row in found]


def test_people_see_it_by_kind(reader: Runner) -> None:
    text = reader("search", "animals").stdout
    assert "Commands:\n  hca zoo feed  Feed all animals\n" in text
    assert "Operations:\n  hca zoo get-animal  Get an animal\n" in text
    assert reader("help", "-k", "animals").stdout == text
    assert text in reader("shell", "-c", "search animals").stdout
    assert reader("search", "--limit", "20", "animals").stdout == text


def test_nothing_matches(reader: Runner) -> None:
    done = reader("search", "zzyzx", check=4)
    assert done.stdout == "" and done.stderr.startswith("hca: error: nothing matches 'zzyzx'\n  hint: ")
    assert "the following arguments are required: WORD" in reader("search", check=2).stderr


def test_an_unknown_command_is_looked_up(hca: Runner, zoo: Any) -> None:
    # No index is built for an error, which must be printed immediately.
    first = hca("whiskers", check=2).stderr
    assert "'hca search WORD' finds them" in first
    hca("search", "animals")
    assert "'hca search whiskers' finds zoo get-animal" in hca("whiskers", check=2).stderr
    assert "'hca search whiskers' finds zoo get-animal" in hca("zoo", "whiskers", check=2).stderr


def test_what_is_installed_later_is_found_and_what_is_broken_costs_itself_alone(
    hca: Runner, plugins: PluginDirectory, indexed: Path
) -> None:
    plugins.install(
        "hca-other",
        {"hca_other.py": '"""It."""\nclass Thing:\n    """Groom a feeder."""\nraise RuntimeError("broken")\n'},
        {"hca.commands": {"other_groom": "hca_other:Thing"}},
    )
    names = [row["name"] for row in hca.rows("search", "--kind", "command", "feed")]
    assert names == ["zoo feed", "other groom"]


def test_a_service_without_a_plugin_is_found_too(hca: Runner, indexed: Path) -> None:
    hca("search", "squirrels", check=4)
    path = hca.write("park.json", json.dumps(DOCUMENT).replace("whiskers", "squirrels").encode())
    hca("service", "add", "park", path, "--base-url", "https://park.example.org", "--naming", "path")
    assert hca.rows("search", "squirrels")[0]["name"] == "park get-animal"


def test_a_damaged_index_is_made_again(hca: Runner, indexed: Path) -> None:
    _, _, whole = indexed.read_bytes().partition(b"\n")
    expected = hca("search", "animals").stdout
    for damage in (b"", b"\xff\xfe", b"hca-search-1 00000000\nnonsense"):
        indexed.write_bytes(damage)
        assert hca("search", "animals").stdout == expected
        assert indexed.read_bytes().endswith(b"\n" + whole)
