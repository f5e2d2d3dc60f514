"""Names of services: a plugin installed later does not take one away, and a service can be renamed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.lib import Loopback, PluginDirectory, Runner

MODULES = {
    "hca_zoo/__init__.py": "",
    "hca_zoo/service.py": (
        "from hca_base.plugins import Service\n"
        "SERVICE = Service(name='zoo', title='The newcomer', client_section='ZooClient',\n"
        "    bundled_document=('hca_zoo', 'document.json'),\n"
        "    config_defaults={'ZooClient.url': 'https://zoo.example/openapi.json'})\n"
    ),
    "hca_zoo/client.py": (
        "from hca_base.openapi import Client\nfrom .service import SERVICE\n"
        "class ZooClient(Client):\n    default_service = SERVICE\n    def feed(self):\n        return 'fed'\n"
    ),
    "hca_zoo/commands.py": (
        'from hca_base.commands import Command\nclass Feed(Command):\n    """Feed all animals."""\n'
        "    def take_action(self, args):\n        self.stdout.write('fed\\n')\n"
    ),
}
POINTS = {
    "hca.services": {"zoo": "hca_zoo.service:SERVICE"},
    "hca.clients": {"zoo": "hca_zoo.client:ZooClient"},
    "hca.commands": {"zoo_feed": "hca_zoo.commands:Feed", "zoo_get_text": "hca_zoo.commands:Feed"},
}


def document(title: str) -> dict[str, Any]:
    """A document with one operation that requires a key."""
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": "1"},
        "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
        "paths": {
            "/text": {
                "get": {
                    "security": [{"key": []}],
                    "parameters": [{"name": "lines", "in": "query", "schema": {"type": "integer"}}],
                    "responses": {"200": {"description": "it"}},
                }
            }
        },
    }


@pytest.fixture
def zoo(hca: Runner, loopback: Loopback) -> Loopback:
    """A service that the user added as ``zoo``, with a key and a default, before a plugin had that name."""
    loopback.route("GET", "/v1/openapi.json", document("Mine"))
    loopback.route("GET", "/v1/text", {"from": "mine"})
    hca.configure({"auth": {"store": "file"}, "zoo_get_text": {"lines": 7}})
    hca("service", "add", "zoo", f"{loopback.url}/v1/openapi.json", "--base-url", f"{loopback.url}/v1")
    hca("auth", "set-key", "zoo", stdin="the-key-of-mine")
    return loopback


def install(plugins: PluginDirectory) -> None:
    """Install the plugin that brings another ``zoo``."""
    modules = {**MODULES, "hca_zoo/document.json": json.dumps(document("Newcomer"))}
    plugins.install("hca-zoo", modules, POINTS)


def test_the_service_of_the_user_keeps_its_name(hca: Runner, zoo: Loopback, plugins: PluginDirectory) -> None:
    before = json.loads(hca("zoo", "get-text").stdout)
    install(plugins)
    done = hca("zoo", "get-text")
    assert json.loads(done.stdout) == before == {"from": "mine"}
    assert zoo.requests[-1][2]["X-Key"] == "the-key-of-mine"
    assert "lines=7" in zoo.requests[-1][1]
    assert "'zoo' is the service that you added; hca-zoo provides another service of that name" in done.stderr
    assert "hca service rename zoo" in done.stderr
    listed = hca("zoo").stdout
    assert "get-text" in listed and "feed" not in listed
    for words in (("zoo", "feed"), ("help", "zoo", "feed")):
        unknown = hca(*words, check=2)
        assert "'zoo' has no command 'feed'" in unknown.error
        assert "hides the one of hca-zoo: 'hca service rename zoo NEW'" in unknown.hint
    assert "feed" not in hca("__complete", "--", "zoo", "").stdout
    rows = {row["name"]: row for row in hca("service", "list", "-f", "json").json}
    assert rows["zoo"]["from"] == "configuration" and "hca-zoo" in rows["zoo"]["state"]
    assert (
        "hidden by the service that you added"
        in hca("plugin", "doctor", check=None, env={"HCA_PLUGINS": "hca-zoo"}).stdout
    )
    code = "import hca_base; c = hca_base.client('zoo'); print(type(c).__name__, c.get_text()['from'])"
    done = subprocess.run([sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, check=True)
    assert done.stdout == "Client mine\n"
    # Other commands do not mention it.
    assert "hca-zoo" not in hca("config", "path").stderr


def test_a_newcomer_is_named_where_the_document_is_not_here(
    hca: Runner, zoo: Loopback, plugins: PluginDirectory
) -> None:
    install(plugins)
    # The settings were written by hand, and nothing listens there.
    hca.configure({"services": {"zoo": {"url": "http://127.0.0.1:9/openapi.json"}}})
    unknown = hca("zoo", "feed", check=6)
    assert "hides the one of hca-zoo: 'hca service rename zoo NEW'" in unknown.hint


def test_renamed_it_gives_way(hca: Runner, zoo: Loopback, plugins: PluginDirectory) -> None:
    install(plugins)
    hca("service", "rename", "zoo", "my-zoo")
    assert json.loads(hca("my-zoo", "get-text").stdout) == {"from": "mine"}
    assert zoo.requests[-1][2]["X-Key"] == "the-key-of-mine"
    assert "lines=7" in zoo.requests[-1][1]
    done = hca("zoo", "feed")
    assert (done.stdout, done.stderr) == ("fed\n", "")
    assert list(hca.config()) == ["auth", "services", "my_zoo_get_text"]
    accounts = json.loads((hca.home / ".local/state/hca/auth/tokens.json").read_text())["accounts"]
    assert list(accounts) == ["default/my-zoo"]
    hca("service", "remove", "my-zoo")
    assert "my-zoo" not in hca("service", "list").stdout


def test_an_entry_that_is_a_plugins_own_setting_is_no_other_service(hca: Runner, plugins: PluginDirectory) -> None:
    own = {**MODULES, "hca_zoo/document.json": json.dumps(document("Newcomer"))}
    own["hca_zoo/service.py"] = own["hca_zoo/service.py"].replace("client_section='ZooClient',", "")
    plugins.install("hca-zoo", own, POINTS)
    hca.configure({"services": {"zoo": {"url": "https://other.example/openapi.json"}}})
    assert hca("zoo", "feed").stdout == "fed\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothing", "x"], 4, "unknown service 'nothing'"),
        (["zoo", "No Name"], 2, "cannot be the name"),
        (["zoo", "config"], 2, "is a command of hca itself"),
        (["zoo", "zoo"], 5, "is already named 'zoo'"),
        (["zoo", "park"], 5, "service 'park' already exists"),
        (["zoo", "dss"], 5, "is the service of plugin hca-dss"),
        (["dss", "x"], 5, "belongs to plugin hca-dss"),
    ],
)
def test_what_cannot_be_renamed(hca: Runner, zoo: Loopback, words: list[str], code: int, said: str) -> None:
    hca("service", "add", "park", f"{zoo.url}/v1/openapi.json")
    before = hca.config_file.read_bytes()
    done = hca("service", "rename", *words, check=code)
    assert said in done.error
    assert "--replace" not in done.stderr
    assert hca.config_file.read_bytes() == before


def test_in_a_profile(hca: Runner, zoo: Loopback) -> None:
    hca("profile", "create", "other")
    hca("service", "add", "park", f"{zoo.url}/v1/openapi.json", "--base-url", f"{zoo.url}/v1", "--profile", "other")
    hca("--profile", "other", "auth", "set-key", "park", stdin="the-key-of-park")
    hca("--profile", "other", "service", "rename", "park", "garden")
    hca("--profile", "other", "garden", "get-text")
    assert zoo.requests[-1][2]["X-Key"] == "the-key-of-park"
    assert "zoo" in hca.config()["services"]
