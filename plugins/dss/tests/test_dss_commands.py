"""Every operation of the service, as a command and as a method; login, and error messages."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from hca_dss.versions import is_version, new_version

from tests.lib import Runner

NOBODY = "00000000-0000-4000-8000-000000000000"
MATCH = {"query": {"match": {"files.donor_organism_json.sex": "female"}}}


@pytest.fixture(scope="module")
def bundle(site: Any) -> Any:
    return site.put_bundle({"donor_organism_0.json": b'{"sex": "female"}', "reads.txt": b"reads\n"})


def ask(hca: Runner, *args: str, **options: Any) -> Any:
    done = hca("dss", *args, **options)
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_help_lists_every_command(nowhere: Runner) -> None:
    from hca_dss.service import SERVICE

    text = nowhere("dss", "--help").stdout
    operations = sum(len(each) for each in json.loads(SERVICE.bundled_bytes() or b"")["paths"].values())
    listed = [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2] != " "]
    own = {"create-version", "download", "download-collection", "download-manifest", "login", "logout"}
    own |= {"manifest", "refresh-swagger", "search", "upload"}
    assert own <= set(listed)
    assert len(listed) == len(set(listed)) == operations + len(own)


@pytest.mark.parametrize("command", ["get-bundle", "put-file", "post-search", "download", "upload", "login"])
def test_help_needs_no_network(nowhere: Runner, command: str) -> None:
    nowhere.configure({"DSSClient": {"swagger_url": "http://127.0.0.1:9/v1/swagger.json"}})
    text = nowhere("dss", command, "--help").stdout
    assert "usage: hca dss " + command in text


def test_bundles(hca: Runner, bundle: Any, site: Any) -> None:
    replica = ("--replica", "aws")
    found = ask(hca, "get-bundle", "--uuid", bundle.uuid, *replica)
    assert found["bundle"]["version"] == bundle.version
    listed = ask(hca, "get-bundles-all", *replica, "--prefix", bundle.uuid[:8])
    assert {"uuid": bundle.uuid, "version": bundle.version} in listed["bundles"]

    name = "reads.txt"
    entry = {"name": name, "uuid": bundle.files[name][0], "version": bundle.files[name][1], "indexed": False}
    made, version = str(uuid.uuid4()), hca("dss", "create-version").stdout.strip()
    (hca.cwd / "files.json").write_text(json.dumps([entry]))
    put = ("put-bundle", "--uuid", made, "--version", version, *replica, "--creator-uid", "0", "--files")
    assert ask(hca, *put, "@files.json")["version"] == version
    assert ask(hca, *put, "-", stdin=json.dumps([entry]))["version"] == version
    assert ask(hca, *put, json.dumps([entry]))["version"] == version

    other = json.dumps([{**entry, "name": "again.txt"}])
    patched = ask(hca, "patch-bundle", "--uuid", made, "--version", version, *replica, "--add-files", other)
    assert len(ask(hca, "get-bundle", "--uuid", made, *replica)["bundle"]["files"]) == 2
    assert patched["version"] != version

    gone = ("delete-bundle", "--uuid", made, *replica, "--reason", "a test")
    hca("dss", *gone, check=3)
    assert ask(hca, *gone, env={"HCA_ACCESS_TOKEN": site.deployment.token("admin")}) == {}
    hca("dss", "get-bundle", "--uuid", made, *replica, check=4)


def test_checkout(hca: Runner, bundle: Any) -> None:
    job = ask(hca, "post-bundles-checkout", "--uuid", bundle.uuid, "--replica", "aws")["checkout_job_id"]
    status = ask(hca, "get-bundles-checkout", "--checkout-job-id", job, "--replica", "aws")["status"]
    assert status in ("RUNNING", "SUCCEEDED")


def test_files(hca: Runner, bundle: Any, site: Any) -> None:
    file_uuid, version = bundle.files["reads.txt"]
    where = ("--uuid", file_uuid, "--replica", "aws")
    assert hca("dss", "get-file", *where).stdout == "reads\n"
    hca("dss", "get-file", *where, "--version", version, "--output", "x.txt")
    assert (hca.cwd / "x.txt").read_bytes() == b"reads\n"
    headers = ask(hca, "head-file", *where)
    assert {name.upper(): value for name, value in headers.items()}["X-DSS-SIZE"] == "6"
    as_json = bundle.files["donor_organism_0.json"][0]
    assert ask(hca, "get-file", "--uuid", as_json, "--replica", "aws") == {"sex": "female"}

    again = new_version()
    staged = {"Bucket": "dss-staging", "Key": file_uuid}
    site.s3.copy_object(Bucket="dss-staging", Key="copy", CopySource=staged, TaggingDirective="COPY")
    source = ("--source-url", "s3://dss-staging/copy", "--creator-uid", "0")
    answer = ask(hca, "put-file", "--uuid", file_uuid, "--version", again, *source)
    assert answer["version"] == again


def test_search(hca: Runner, bundle: Any) -> None:
    wanted = f"{bundle.uuid}.{bundle.version}"
    (hca.cwd / "query.json").write_text(json.dumps(MATCH))
    for query, text in (("@query.json", ""), ("-", json.dumps(MATCH)), (json.dumps(MATCH), "")):
        found = ask(hca, "post-search", "--replica", "aws", "--es-query", query, stdin=text)
        assert wanted in [result["bundle_fqid"] for result in found["results"]]
    lines = hca("dss", "post-search", "--replica", "aws", "--es-query", "{}", "-f", "jsonl").stdout.splitlines()
    assert wanted in [json.loads(line)["bundle_fqid"] for line in lines]
    raw = ask(hca, "post-search", "--replica", "aws", "--es-query", json.dumps(MATCH), "--output-format", "raw")
    assert any("metadata" in result for result in raw["results"])


def test_collections(hca: Runner, bundle: Any) -> None:
    made, version = str(uuid.uuid4()), new_version()
    link = {"type": "bundle", "uuid": bundle.uuid, "version": bundle.version}
    words = ("--name", "n", "--description", "d", "--details", "{}", "--contents", json.dumps([link]))
    answer = ask(hca, "put-collection", "--replica", "aws", "--uuid", made, "--version", version, *words)
    assert answer == {"uuid": made, "version": version}
    assert made in [each["uuid"] for each in ask(hca, "get-collections")["collections"]]
    where = ("--uuid", made, "--replica", "aws")
    assert ask(hca, "get-collection", *where)["contents"] == [link]
    ask(hca, "patch-collection", *where, "--version", version, "--remove-contents", json.dumps([link]))
    assert ask(hca, "get-collection", *where)["contents"] == []
    assert ask(hca, "delete-collection", *where) == {}
    hca("dss", "get-collection", *where, check=4)


def test_subscriptions(hca: Runner) -> None:
    url = "http://127.0.0.1:9/hook"
    made = ask(hca, "put-subscription", "--replica", "aws", "--callback-url", url, "--method", "PUT")
    where = ("--uuid", made["uuid"], "--replica", "aws")
    assert ask(hca, "get-subscription", *where)["callback_url"] == url
    listed = ask(hca, "get-subscriptions", "--replica", "aws")["subscriptions"]
    assert made["uuid"] in [each["uuid"] for each in listed]
    assert "timeDeleted" in ask(hca, "delete-subscription", *where)
    hca("dss", "get-subscription", *where, check=4)


def test_events(hca: Runner, bundle: Any) -> None:
    assert "event_streams" in ask(hca, "get-events", "--replica", "aws")
    event = ask(hca, "get-event", "--uuid", bundle.uuid, "--version", bundle.version, "--replica", "aws")
    assert {file["uuid"] for file in event["manifest"]["files"]} == {uid for uid, _ in bundle.files.values()}


def test_the_same_as_methods(site: Any, bundle: Any) -> None:
    from hca_dss.client import DSSClient

    dss = DSSClient(swagger_url=site.url, token=site.token)
    assert dss.get_bundle(uuid=bundle.uuid, replica="aws")["bundle"]["version"] == bundle.version
    wanted = f"{bundle.uuid}.{bundle.version}"
    assert wanted in [found["bundle_fqid"] for found in dss.post_search.iterate(es_query={}, replica="aws")]
    file_uuid, _ = bundle.files["reads.txt"]
    with dss.get_file.stream(uuid=file_uuid, replica="aws") as response:
        assert response.raw.read() == b"reads\n"
    assert dss.get_file(uuid=file_uuid, replica="aws") == b"reads\n"
    assert dss.head_file(uuid=file_uuid, replica="aws").headers["X-DSS-SIZE"] == "6"
    assert [f["name"] for f in dss.get_bundle.iterate(uuid=bundle.uuid, replica="aws")] == list(bundle.contents)
    assert {"uuid": bundle.uuid, "version": bundle.version} in list(dss.get_bundles_all.iterate(replica="aws"))
    assert "download_manifest" in dir(dss) and "put_subscription" in dir(dss)


def test_two_clients_keep_apart(site: Any, fake: Any) -> None:
    from hca_dss.client import DSSClient

    made = fake.put_bundle({"a.txt": b"a"})
    here, there = DSSClient(swagger_url=site.url), DSSClient(swagger_url=fake.url)
    assert there.get_bundle(uuid=made.uuid, replica="aws")
    from hca_base.errors import ServiceError

    with pytest.raises(ServiceError) as caught:
        here.get_bundle(uuid=made.uuid, replica="aws")
    assert (caught.value.code, caught.value.reason) == (404, "not_found")


def test_create_version(nowhere: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    text = nowhere("dss", "create-version").stdout
    assert text.endswith("\n") and is_version(text.strip())
    from hca_dss.client import DSSClient

    returned = DSSClient(swagger_url="http://127.0.0.1:9/").create_version()
    assert capsys.readouterr().out == f"{returned}\n"


def test_refresh_swagger(hca: Runner, site: Any, traffic: Any) -> None:
    hca("dss", "get-bundles-all", "--replica", "aws", "--prefix", "zz")
    traffic.requests.clear()
    hca("dss", "get-bundles-all", "--replica", "aws", "--prefix", "zz")
    assert traffic.count("api", "GET", "/v1/swagger.json") == 0
    done = hca("dss", "refresh-swagger")
    assert done.stdout == ""
    assert traffic.count("api", "GET", "/v1/swagger.json") == 1


def test_login_with_a_token_and_logout(hca: Runner, site: Any) -> None:
    token = hca.env.pop("HCA_ACCESS_TOKEN")
    hca("dss", "get-collections", check=3)
    done = hca("dss", "login", "--access-token", "-", stdin=f"{token}\n")
    assert done.stdout == "Storing access credentials\n"
    assert f"{site.url.partition('/v1/')[0]}/auth confirmed the token of user@example.org" in done.stderr
    assert "collections" in ask(hca, "get-collections")
    kept = [path for path in hca.home.rglob("*") if path.is_file() and token in path.read_text(errors="replace")]
    assert [path.stat().st_mode & 0o077 for path in kept] == [0] * len(kept)
    hca("dss", "logout")
    hca("dss", "get-collections", check=3)
    done = hca("dss", "login", "--access-token", token)
    assert "every user of this machine" in done.stderr and token not in done.stderr
    assert "no login was stored" not in hca("dss", "logout").stderr
    hca("dss", "login", "--access-token", "-", stdin="\n", check=2)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["get-bundle", "--uuid", "not-a-uuid", "--replica", "aws"], 2, "uuid"),
        (["get-bundle", "--uuid", NOBODY, "--replica", "azure"], 2, "azure"),
        (["get-bundle", "--uuid", NOBODY], 2, "--replica"),
        (["get-bundle", "--replica", "aws"], 2, "--uuid"),
        (["get-bundle", "--uuid", NOBODY, "--replica", "aws"], 4, "not_found"),
        (["get-bundle", "--uuid", NOBODY, "--replica", "aws", "--version", "yesterday"], 4, "not_found"),
        (["put-bundle", "--uuid", NOBODY, "--replica", "aws", "--version", "yesterday", "--creator-uid", "0",
          "--files", "[]"], 5, "illegal_version"),
        (["post-search", "--replica", "aws", "--es-query", "{broken"], 2, "not JSON"),
        (["post-search", "--replica", "aws", "--es-query", "@nowhere.json"], 2, "cannot be read"),
        (["post-search", "--replica", "aws", "--es-query", '{"query": {"spin": {}}}'], 5, "spin"),
        (["get-bundles-all", "--replica", "aws", "--per-page", "many"], 2, "many"),
        (["get-nothing"], 2, "get-nothing"),
        (["head-file", "--uuid", NOBODY, "--replica", "aws"], 4, "404"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_clear_line(hca: Runner, arguments: list[str], code: int, told: str) -> None:
    done = hca("dss", *arguments, check=code)
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("hca: error:") and told in done.stderr
    assert len(lines) <= 3
    assert done.stdout == ""


def test_the_retired_service_is_explained(nowhere: Runner) -> None:
    environment = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    nowhere.configure({"http": {"retries": 0}})
    done = nowhere("dss", "get-bundle", "--uuid", NOBODY, "--replica", "aws", check=6, env=environment)
    for way in ("hca local start", "hca config set DSSClient.swagger_url", "hca azul"):
        assert way in done.stderr


def test_the_documents_server_may_be_down_when_it_is_known(nowhere: Runner, fake: Any) -> None:
    nowhere.configure({"DSSClient": {"swagger_url": fake.url}})
    made = fake.put_bundle({"a.txt": b"a"})
    nowhere("dss", "get-bundle", "--uuid", made.uuid, "--replica", "aws")
    fake.close()
    assert "--uuid" in nowhere("dss", "get-bundle", "--help").stdout
    done = nowhere("dss", "get-bundle", "--uuid", made.uuid, "--replica", "aws", check=6)
    assert done.stderr.startswith("hca: error:")


def test_another_deployment_of_the_service_has_the_same_commands(hca: Runner, site: Any, fake: Any) -> None:
    """A service can be added again under another name."""
    settings = site.settings()
    settings["services"] = {"other": {"url": fake.url, "plugin": "dss"}}
    hca.configure(settings)
    made = fake.put_bundle({"a.txt": b"a"})
    assert ask(hca, "get-bundle", "--uuid", NOBODY, "--replica", "aws", check=4) is None
    done = hca("other", "get-bundle", "--uuid", made.uuid, "--replica", "aws")
    assert json.loads(done.stdout)["bundle"]["uuid"] == made.uuid


def test_every_module_is_short_and_imports_public_names_only() -> None:
    import ast
    import re

    package = Path(__file__).resolve().parents[1] / "hca_dss"
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") < 400, path
        for node in ast.walk(ast.parse(text)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert not any(re.search(r"hca_base\..*\._|hca_base\._", name) for name in names), path
