"""Services without a plugin, and the output of generated commands: pages, bytes, headers, errors."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.lib import Loopback, PluginDirectory, Runner

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "The Zoo", "version": "1"},
    "servers": [{"url": "/v1"}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
    "paths": {
        "/animals": {
            "get": {
                "summary": "List animals",
                "parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}],
                "responses": {
                    "200": {"description": "the last", "content": {"application/json": {}}},
                    "206": {"description": "some", "content": {"application/json": {}}},
                },
            }
        },
        "/picture": {"get": {"responses": {"200": {"description": "it", "content": {"image/png": {}}}}}},
        "/text": {"get": {"responses": {"200": {"description": "it", "content": {"text/plain": {}}}}}},
        "/nothing": {"delete": {"responses": {"204": {"description": "gone"}}}},
        "/head": {"head": {"responses": {"200": {"description": "it"}}}},
        "/error/{status}": {
            "get": {
                "parameters": [{"name": "status", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": {"200": {"description": "never"}},
            }
        },
        "/keyed": {"get": {"security": [{"key": []}], "responses": {"200": {"description": "it"}}}},
        "/cookies": {"get": {"summary": "Ill-formed", "parameters": "no list", "responses": {}}},
    },
}


@pytest.fixture
def zoo(hca: Runner, loopback: Loopback) -> Any:
    loopback.route("GET", "/v1/openapi.json", DOCUMENT)
    hca("service", "add", "zoo", f"{loopback.url}/v1/openapi.json", check=0)
    return loopback


def pages(loopback: Loopback, count: int, hold: threading.Event | None = None) -> None:
    """A list of ``count`` pages; the last waits for ``hold``."""

    def answer(query: dict[str, list[str]], body: bytes) -> Any:
        page = int(query.get("page", ["1"])[0])
        if page == count and hold is not None:
            assert hold.wait(30)
        content = json.dumps({"page": page, "results": [{"id": 2 * page - 1}, {"id": 2 * page}]}).encode()
        if page == count:
            return 200, {}, content
        return 206, {"Link": f'<{loopback.url}/v1/animals?page={page + 1}>; rel="next"'}, content

    loopback.route("GET", "/v1/animals", answer)


def test_a_document_by_a_protocol_that_is_not_spoken(hca: Runner) -> None:
    done = hca("service", "add", "zoo", "ftp://example.org/openapi.json", check=2)
    assert "documents cannot be fetched over ftp" in done.stderr and "http://" in done.stderr


def test_a_service_is_added_used_and_removed(hca: Runner, loopback: Loopback) -> None:
    loopback.route("GET", "/v1/openapi.json", DOCUMENT)
    loopback.route("GET", "/v1/text", (200, {"Content-Type": "text/plain"}, b"hello\n"))
    done = hca("service", "add", "zoo", f"{loopback.url}/v1/openapi.json", check=0)
    assert done.stdout == ""
    assert "zoo added" in done.stderr
    assert "hca auth set-key zoo" in done.stderr
    assert "The Zoo" in hca("--help", check=0).stdout
    assert "get-animals" in hca("zoo", check=0).stdout
    assert hca("zoo", "get-text", check=0).stdout == "hello\n"
    rows = {row["name"]: row for row in json.loads(hca("service", "list", "-f", "json", check=0).stdout)}
    assert rows["zoo"]["from"] == "configuration"
    assert rows["zoo"]["state"] == "ok"
    code = "import hca_base; print(hca_base.client('zoo').get_text())"
    done = subprocess.run([sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, check=True)
    assert done.stdout == "hello\n\n"
    hca("service", "remove", "zoo", check=0)
    assert hca("zoo", check=2).stdout == ""
    assert not any(row["name"] == "zoo" for row in json.loads(hca("service", "list", "-f", "json", check=0).stdout))


def test_from_a_file_in_yaml(hca: Runner, loopback: Loopback) -> None:
    text = (
        "openapi: 3.1.0\ninfo: {title: Y, version: '1'}\nservers: [{url: '" + loopback.url + "'}]\n"
        "paths:\n  /a:\n    get:\n      responses: {'200': {description: it}}\n"
    )
    (hca.cwd / "y.yaml").write_text(text)
    loopback.route("GET", "/a", {"y": 1})
    hca("service", "add", "yams", "y.yaml", check=0)
    assert json.loads(hca("yams", "get-a", check=0).stdout) == {"y": 1}


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["config", "zoo.json"], 2, "command of hca itself"),
        (["help", "zoo.json"], 2, "command of hca itself"),
        (["dss", "zoo.json"], 5, "hca-dss"),
        (["Zoo", "zoo.json"], 2, "cannot be the name"),
        (["../zoo", "zoo.json"], 2, "cannot be the name"),
        (["zoo", "nothing.json"], 2, "does not exist"),
        (["zoo", "broken.json"], 1, "broken.json"),
        (["zoo", "empty.json"], 2, "no operation"),
        (["zoo", "http://127.0.0.1:9/x.json"], 6, "127.0.0.1"),
        (["zoo", "zoo.json", "--plugin", "nothing"], 2, "nothing"),
    ],
)
def test_what_cannot_be_added(hca: Runner, args: list[str], code: int, said: str) -> None:
    document = {**DOCUMENT, "servers": [{"url": "https://zoo.example.org"}]}
    (hca.cwd / "zoo.json").write_text(json.dumps(document))
    (hca.cwd / "broken.json").write_text("<html>")
    (hca.cwd / "empty.json").write_text(json.dumps({**document, "paths": {}}))
    done = hca("--config", "http.retries=0", "service", "add", *args, check=code)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "zoo" not in hca("config", "show", "services", "-f", "json", check=0).stdout


def test_a_service_of_that_name_is_replaced_only_when_asked(hca: Runner, zoo: Any) -> None:
    assert "already" in hca("service", "add", "zoo", f"{zoo.url}/v1/openapi.json", check=5).stderr
    hca("service", "add", "zoo", f"{zoo.url}/v1/openapi.json", "--replace", "--title", "New", check=0)
    assert "New" in hca("--help", check=0).stdout


def test_refresh_says_what_changed(hca: Runner, zoo: Any) -> None:
    assert "as before" in hca("service", "refresh", "zoo", check=0).stderr
    zoo.route("GET", "/v1/openapi.json", {**DOCUMENT, "paths": {"/new": DOCUMENT["paths"]["/text"]}})
    assert "changed" in hca("service", "refresh", "zoo", check=0).stderr
    assert "get-new" in hca("zoo", check=0).stdout


def test_refresh_of_all_goes_on_behind_one_that_cannot_be_used(hca: Runner, zoo: Any) -> None:
    hca("config", "set", "services.aa", '{"plugin": "nothing"}', check=0)
    done = hca("service", "refresh", check=2)
    assert done.returncode != 0
    assert "warning: aa: " in done.stderr and "zoo: " in done.stderr and "as before" in done.stderr


def test_parts_that_cannot_be_used_are_listed_with_why(hca: Runner, zoo: Any) -> None:
    rows = json.loads(hca("service", "list", "--problems", "zoo", "-f", "json", check=0).stdout)
    assert any("/cookies" in row["operation"] for row in rows)
    assert "get-animals" in hca("zoo", check=0).stdout


def test_all_pages_are_one_document(hca: Runner, zoo: Any) -> None:
    pages(zoo, 3)
    found = json.loads(hca("zoo", "get-animals", check=0).stdout)
    assert [item["id"] for item in found["results"]] == [1, 2, 3, 4, 5, 6]
    first = json.loads(hca("zoo", "get-animals", "--no-paginate", check=0).stdout)
    assert first == {"page": 1, "results": [{"id": 1}, {"id": 2}]}


def test_pages_in_other_formats_are_their_items(hca: Runner, zoo: Any) -> None:
    pages(zoo, 2)
    assert hca("zoo", "get-animals", "-f", "jsonl", check=0).stdout == "".join(f'{{"id": {n}}}\n' for n in (1, 2, 3, 4))
    assert hca("zoo", "get-animals", "-f", "value", "-c", "id", check=0).stdout.split() == ["1", "2", "3", "4"]
    assert hca("zoo", "get-animals", "-f", "csv", "--sort", "id:desc", check=0).stdout.split() == ["id", *"4321"]
    for fmt in ("json", "yaml"):
        assert hca("zoo", "get-animals", "-f", fmt, "--query", "results[-1].id", check=0).stdout.split()[0] == "4"


def test_the_first_item_is_there_before_the_last_page(hca: Runner, zoo: Any) -> None:
    hold = threading.Event()
    pages(zoo, 2, hold)
    process = subprocess.Popen(
        [sys.executable, "-m", "hca_base", "zoo", "get-animals", "-f", "jsonl"],
        env=hca.env,
        cwd=hca.cwd,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == '{"id": 1}\n'
    hold.set()
    assert process.stdout.read().endswith('{"id": 4}\n')
    assert process.wait(30) == 0
    process.stdout.close()


def test_bytes_go_to_stdout_or_to_a_file(hca: Runner, zoo: Any) -> None:
    data = bytes(range(256)) * 1000
    zoo.route("GET", "/v1/picture", (200, {"Content-Type": "image/png"}, data))
    assert hca("zoo", "get-picture", text=False, check=0).stdout == data
    assert hca("zoo", "get-picture", "--output", "picture.png", check=0).stdout == ""
    assert (hca.cwd / "picture.png").read_bytes() == data
    assert "not JSON" in hca("zoo", "get-picture", "--query", "x", check=2).stderr
    hca("zoo", "get-picture", "--output", "/nonexistent/picture.png", check=2)


def test_json_goes_to_a_file_in_one_piece(hca: Runner, zoo: Any) -> None:
    zoo.route("GET", "/v1/text", {"a": 1})
    assert hca("zoo", "get-text", "--output", "x.json", check=0).stdout == ""
    assert json.loads((hca.cwd / "x.json").read_text()) == {"a": 1}
    assert sorted(path.name for path in hca.cwd.iterdir()) == ["x.json"]


def test_an_answer_without_a_body_writes_nothing(hca: Runner, zoo: Any) -> None:
    zoo.route("DELETE", "/v1/nothing", (204, {}, b""))
    done = hca("zoo", "delete-nothing", check=0)
    assert (done.stdout, done.stderr) == ("", "")


def test_head_writes_the_headers(hca: Runner, zoo: Any) -> None:
    zoo.route("HEAD", "/v1/head", (200, {"X-DSS-SIZE": "7"}, b""))
    assert json.loads(hca("zoo", "head-head", check=0).stdout)["X-DSS-SIZE"] == "7"


@pytest.mark.parametrize(
    ("status", "code"), [(400, 5), (401, 3), (403, 3), (404, 4), (409, 5), (410, 4), (422, 5), (500, 1), (503, 6)]
)
def test_the_exit_code_follows_the_status(hca: Runner, zoo: Any, status: int, code: int) -> None:
    body = json.dumps({"status": status, "code": "odd", "title": "It is odd"}).encode()
    zoo.route("GET", f"/v1/error/{status}", (status, {"X-Request-Id": "r-77"}, body))
    done = hca("--config", "http.retries=0", "zoo", "get-error", "--status", str(status), check=code)
    assert done.stdout == ""
    assert done.stderr.startswith("hca: error: ")
    assert "It is odd" in done.stderr
    assert "r-77" in done.stderr


def test_broken_json_and_an_unreachable_service(hca: Runner, zoo: Any) -> None:
    zoo.route("GET", "/v1/text", (200, {}, b'{"a": '))
    assert hca("zoo", "get-text", check=1).stderr.startswith("hca: error: ")
    zoo.route("GET", "/v1/text", (200, {}, b"[" * 100_000))
    done = hca("zoo", "get-text", check=1)
    assert "nested too deeply" in done.stderr
    hca("config", "set", "services.zoo.base_url", "http://127.0.0.1:9", check=0)
    done = hca("--config", "http.retries=0", "zoo", "get-text", check=6)
    assert "127.0.0.1" in done.stderr


def test_a_service_as_another_deployment_of_a_plugins(
    hca: Runner, plugins: PluginDirectory, loopback: Loopback
) -> None:
    plugins.install(
        "hca-zoo",
        {
            "hca_zoo/__init__.py": "",
            "hca_zoo/service.py": (
                "from hca_base.plugins import Service\n"
                "SERVICE = Service(name='zoo', title='Z', config_defaults={'services.zoo.url': 'https://zoo.example'})\n"
            ),
            "hca_zoo/client.py": (
                "from hca_base.openapi import Client\nfrom .service import SERVICE\n"
                "class ZooClient(Client):\n    default_service = SERVICE\n    def feed(self):\n        return 'fed'\n"
            ),
            "hca_zoo/commands.py": (
                "from hca_base.commands import Command\n"
                'class Feed(Command):\n    """Feed all animals."""\n    example = "zoo feed --with hay"\n'
                "    def get_parser(self, prog_name):\n        parser = super().get_parser(prog_name)\n"
                "        parser.add_argument('--with', dest='food')\n        return parser\n"
                "    def take_action(self, args):\n"
                "        client = self.service_client(self.cmd_name.split(' ')[0])\n"
                "        self.stdout.write(f'{client.feed()} {args.food} at {client.base_url}\\n')\n"
            ),
        },
        {
            "hca.services": {"zoo": "hca_zoo.service:SERVICE"},
            "hca.clients": {"zoo": "hca_zoo.client:ZooClient"},
            "hca.commands": {"zoo_feed": "hca_zoo.commands:Feed"},
        },
    )
    loopback.route("GET", "/v1/openapi.json", DOCUMENT)
    loopback.route("GET", "/v1/text", {"from": "two"})
    hca("service", "add", "zoo-two", f"{loopback.url}/v1/openapi.json", "--plugin", "zoo", check=0)
    assert json.loads(hca("zoo-two", "get-text", check=0).stdout) == {"from": "two"}
    code = "import hca_base; c = hca_base.client('zoo-two'); print(c.feed(), c.get_text(), c.base_url)"
    done = subprocess.run([sys.executable, "-c", code], env=hca.env, capture_output=True, text=True, check=True)
    assert done.stdout == f"fed {{'from': 'two'}} {loopback.url}/v1\n"
    # The plugin's own commands too: listed, completed, shown and run under the name of the deployment.
    assert hca("zoo-two", "feed", "--with", "hay", check=0).stdout == f"fed hay at {loopback.url}/v1\n"
    assert "Feed all animals" in hca("zoo-two", check=0).stdout
    assert "hca zoo-two feed --with hay" in hca("zoo-two", "feed", "--help", check=0).stdout
    assert "hca zoo feed --with hay" in hca("zoo", "feed", "--help", check=0).stdout
    assert "feed\tFeed all animals" in hca("__complete", "--", "zoo-two", "", check=0).stdout
    assert "--with\t" in hca("__complete", "--", "zoo-two", "feed", "--w", check=0).stdout
    assert "did you mean 'hca zoo-two feed'" in hca("zoo-two", "feeed", check=2).stderr
    done = hca("--config", 'zoo_two_feed={"with": "straw"}', "zoo-two", "feed", check=0)
    assert done.stdout.startswith("fed straw")
    hca("service", "remove", "zoo-two", check=0)
    assert "zoo-two" in hca("zoo-two", "feed", check=2).stderr


def test_nothing_of_the_documents_reaches_the_terminal_as_an_escape(
    hca: Runner, loopback: Loopback, tmp_path: Path
) -> None:
    evil = "\x1b]0;owned\x07\x1b[31mred\u202e\r\n%s %(prog)s"
    document = {
        "openapi": "3.0.3",
        "info": {"title": evil, "version": evil},
        "servers": [{"url": loopback.url}],
        "paths": {
            "/a": {
                "get": {
                    "summary": evil,
                    "description": evil,
                    "parameters": [
                        {"name": "x", "in": "query", "description": evil, "schema": {"type": "string", "enum": [evil]}},
                        {"name": evil, "in": "query", "schema": {"type": "string", "default": evil}},
                        {"name": "y", "in": "query", "required": True, "schema": {"type": "string", "enum": [evil]}},
                    ],
                    "responses": {"200": {"description": evil}},
                }
            }
        },
    }
    loopback.route("GET", "/openapi.json", document)
    loopback.route("GET", "/a", (404, {}, json.dumps({"code": evil, "title": evil}).encode()))
    hca("service", "add", "evil", f"{loopback.url}/openapi.json", check=0)
    for words in (["--help"], ["evil"], ["evil", "get-a", "--help"], ["evil", "get-a"], ["service", "list"]):
        done = hca(*words, check=None)
        for text in (done.stdout, done.stderr):
            assert "\x1b" not in text
            assert "\x07" not in text
            assert "\u202e" not in text
            assert "Traceback" not in text


_FORM: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Farm", "version": "1"},
    "servers": [{"url": "/v1"}],
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "query", "name": "k"}}},
    "paths": {
        "/animals": {
            "post": {
                "parameters": [{"name": "n", "in": "query", "schema": {"type": "integer", "nullable": True}}],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "age": {"type": "integer", "nullable": True},
                                    "home": {"type": "object", "nullable": True},
                                    "legs": {"type": "integer"},
                                    "name": {"type": "string", "nullable": True},
                                    "kind": {"type": "string", "nullable": True, "enum": ["cat", "cow", None]},
                                    "sizes": {"type": "array", "items": {"type": "integer"}, "nullable": True},
                                },
                            }
                        }
                    }
                },
                "responses": {"200": {"description": "it"}},
            }
        },
        "/picture": {
            "put": {
                "requestBody": {
                    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
                },
                "responses": {"200": {"description": "it"}},
            }
        },
        "/keyed": {"get": {"security": [{"key": []}], "responses": {"200": {"description": "it"}}}},
    },
}


@pytest.fixture
def farm(hca: Runner, loopback: Loopback) -> Any:
    loopback.route("GET", "/v1/openapi.json", _FORM)
    loopback.route("POST", "/v1/animals", lambda query, body: json.loads(body))
    loopback.route("PUT", "/v1/picture", lambda query, body: {"size": len(body)})
    loopback.route("GET", "/v1/keyed", lambda query, body: {"asked": sorted(query)})
    hca("service", "add", "farm", f"{loopback.url}/v1/openapi.json", check=0)
    return loopback


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        (["--age", "null"], {"age": None}),
        (["--home", "null"], {"home": None}),
        (["--home", "-"], {"home": None}),
        (["--name", "null"], {"name": "null"}),
        (["--kind", "null"], {"kind": None}),
        (["--sizes", "null"], {"sizes": None}),
        (["--sizes", "1", "2"], {"sizes": [1, 2]}),
    ],
)
def test_null_where_the_document_allows_it(hca: Runner, farm: Any, words: list[str], sent: dict[str, Any]) -> None:
    assert json.loads(hca("farm", "post-animal", *words, stdin="null", check=0).stdout) == sent


@pytest.mark.parametrize("words", [["--legs", "null"], ["--n", "null"], ["--sizes", "1", "null"]])
def test_null_where_it_cannot_be_sent(hca: Runner, farm: Any, words: list[str]) -> None:
    done = hca("farm", "post-animal", *words, check=2)
    assert words[0] in done.stderr and "internal" not in done.stderr


def test_the_help_says_what_null_means(hca: Runner, farm: Any) -> None:
    text = " ".join(hca("farm", "post-animal", "--help", check=0).stdout.split())
    assert text.count("null is sent as JSON null.") == 4
    assert text.count('null is sent as the string "null".') == 1


@pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX")
def test_files_may_be_pipes(hca: Runner, farm: Any) -> None:
    assert json.loads(hca("farm", "put-picture", "--body", "/dev/stdin", stdin="abc", check=0).stdout) == {"size": 3}
    command = f"{sys.executable} -m hca_base farm put-picture --body <(printf abcde)"
    done = subprocess.run(["bash", "-c", command], env=hca.env, cwd=hca.cwd, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"size": 5}
    assert "is a folder" in hca("farm", "put-picture", "--body", ".", check=2).stderr
    assert "does not exist" in hca("farm", "put-picture", "--body", "nothing", check=2).stderr


def test_short_keys_are_hidden_by_their_name(hca: Runner, farm: Any) -> None:
    hca("auth", "set-key", "farm", stdin="s3cr\n", check=0)
    done = hca("--debug", "--log-file", "log.txt", "farm", "get-keyed", check=0)
    assert json.loads(done.stdout) == {"asked": ["k"]}
    written = done.stderr + (hca.cwd / "log.txt").read_text()
    assert "k=[hidden]" in written and "s3cr" not in written


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_log_on_a_full_disk_changes_nothing(hca: Runner, farm: Any) -> None:
    done = hca("-v", "--log-file", "/dev/full", "farm", "post-animal", "--age", "3", check=0)
    assert json.loads(done.stdout) == {"age": 3}
    assert done.stderr.count("hca: warning: the log file /dev/full cannot be written: No space left on device\n") == 1
    assert "Logging error" not in done.stderr and "Traceback" not in done.stderr
