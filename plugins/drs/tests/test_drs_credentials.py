"""Credentials: each host gets only its own, and a host known only from a registry gets none."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hca_drs.client import DRSClient
from hca_drs.testing import Blob, Bundle, EmbeddedDrs, EmbeddedRegistry, Member

from hca_base.auth import Credentials
from hca_base.errors import AuthError

TOKENS = ("TOKEN-OF-THE-FIRST-HOST", "TOKEN-OF-THE-SECOND-HOST")


def jwt(claims: dict[str, Any]) -> str:
    """A JWT whose signature is not verified."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}.c2lnbmF0dXJl"


@pytest.fixture
def hosts() -> Iterator[tuple[EmbeddedDrs, EmbeddedDrs]]:
    """Two servers, each with a token of its own; a bundle of the first has members on both."""
    with EmbeddedDrs(token=TOKENS[0]) as first, EmbeddedDrs(token=TOKENS[1]) as second:
        members = [Member("here.csv", "table"), Member("there.csv", None, (second.uri("table"),))]
        first.repository.add("both", Bundle(members, "both"))
        yield first, second


def sent(server: EmbeddedDrs) -> str:
    """Everything sent to a server."""
    return "\n".join(f"{method} {path} {headers}" for _, method, path, headers in server.requests)


def test_each_host_gets_its_own_token(hca: Any, hosts: tuple[EmbeddedDrs, EmbeddedDrs]) -> None:
    first, second = hosts
    done = hca("drs", "download", first.uri("both"), check=3)
    assert "it requires a token, and none is stored for it" in done.stderr
    assert f"hca drs login {first.host}" in done.stderr
    for server, token in zip(hosts, TOKENS, strict=True):
        hca("drs", "login", server.host, stdin=f"{token}\n")
    hca("drs", "download", first.uri("both"))
    assert set(hca.contents()) == {"both/here.csv", "both/there.csv"}
    assert TOKENS[0] in sent(first) and TOKENS[1] in sent(second)
    assert TOKENS[1] not in sent(first) and TOKENS[0] not in sent(second)
    # Nor to the storage behind a server, which is another origin.
    for server in hosts:
        assert not any("Authorization" in headers for where, _, _, headers in server.requests if where == "storage")
    assert not any(token in hca.written() for token in TOKENS)
    assert hca.json("drs", "hosts")[0]["stored"] == "token"
    hca("drs", "logout", first.host)
    hca("drs", "stat", first.uri("table"), check=3)


def test_the_token_of_a_run_is_for_the_server_of_the_settings(hca: Any, hosts: tuple[EmbeddedDrs, EmbeddedDrs]) -> None:
    first, second = hosts
    env = {"HCA_ACCESS_TOKEN": TOKENS[0]}
    done = hca("drs", "stat", first.uri("table"), env=env, check=3)
    assert TOKENS[0] not in sent(first) + sent(second)
    assert done.hint == f"hca drs login {first.host}; HCA_ACCESS_TOKEN is for the server of drs.base_url alone"
    assert "warning" not in done.stderr
    hca.set(base_url=first.url)
    assert "base_url" not in hca("drs", "stat", first.uri("table"), env=env).stderr
    hca("drs", "stat", second.uri("table"), env=env, check=3)
    # A token on the command line is for this server: one warning for each server that does not get it.
    done = hca(
        "--access-token",
        "-",
        "drs",
        "stat",
        *(s.uri("table") for s in (second, first, second)),
        stdin=TOKENS[0],
        check=3,
    )
    told = (
        f"hca: warning: {second.host} does not get the token of --access-token: that is for the server of drs.base_url"
    )
    assert done.stderr.count(told) == 1 and done.stderr.count("does not get the token") == 1
    assert TOKENS[0] in sent(first) and TOKENS[0] not in sent(second)


def test_a_host_that_a_registry_named_gets_nothing_until_it_is_confirmed(
    hca: Any, hosts: tuple[EmbeddedDrs, EmbeddedDrs]
) -> None:
    first, _ = hosts
    hca("drs", "login", first.host, stdin=TOKENS[0])
    with EmbeddedRegistry({"drs.42": f"{first.url}/objects/{{$id}}"}) as registry:
        hca.set(resolver=registry.url)
        done = hca("drs", "download", "drs://drs.42:table", check=3)
        assert "no stored credentials are sent to it" in done.stderr
        assert "hca drs prefixes --confirm drs.42" in done.stderr
        assert "confirm the prefix first" in hca("drs", "resolve", "drs://drs.42:table").stdout
        assert TOKENS[0] not in sent(first)
        hca("drs", "prefixes", "--confirm", "drs.42")
        hca("drs", "download", "drs://drs.42:table")
    assert set(hca.contents()) == {"counts.csv"}
    assert not any(TOKENS[0] in json.dumps(headers) for headers in registry.headers)


def test_gen3_exchanges_a_key(hca: Any) -> None:
    with EmbeddedDrs(token="TOKEN-FOR-THE-KEY", gen3_key="THE-API-KEY") as gen3, EmbeddedDrs() as other:
        gen3.repository.add("far", Bundle([Member("f", None, (other.uri("table"),)), Member("n", "table")], "far"))
        (hca.cwd / "credentials.json").write_text(json.dumps({"api_key": "THE-API-KEY", "key_id": "1"}))
        hca("drs", "login", gen3.host, "--gen3", "credentials.json")
        hca("drs", "download", gen3.uri("far"))
        assert gen3.count("api", "POST", "/user/credentials/") == 1
        assert "THE-API-KEY" not in sent(other) + hca.written().replace((hca.cwd / "credentials.json").read_text(), "")
        assert "TOKEN-FOR-THE-KEY" not in sent(other) + hca.written()
        gen3.gen3_key = "ANOTHER-KEY"
        done = hca("drs", "stat", gen3.uri("table"), check=3)
        assert "issues no token for the stored API key" in done.stderr
        assert "hca drs login" in done.stderr
        hca("drs", "login", gen3.host, "--gen3", "nowhere.json", check=2)


def test_passports(hca: Any) -> None:
    visa = jwt({"iss": "https://issuer.example/", "ga4gh_visa_v1": {}})
    passport = jwt({"iss": "https://broker.example", "ga4gh_passport_v1": [visa]})
    with EmbeddedDrs(passports=(passport,), issuers=("https://issuer.example",)) as drs:
        done = hca("drs", "stat", drs.uri("table"), check=3)
        assert "a passport issued by https://issuer.example" in done.error
        assert done.hint == f"hca drs login {drs.host} --passport FILE (for one command: --passport {drs.host}=FILE)"
        (hca.cwd / "passport.json").write_text(json.dumps([passport]))
        hca("drs", "stat", drs.uri("table"), "--passport", f"{drs.host}=passport.json")
        hca("drs", "login", drs.host, "--passport", "passport.json")
        hca("drs", "download", drs.uri("study"))
        assert len(hca.contents()) == 4
        # One object found out that passports are accepted; the requests for the others sent them immediately.
        assert drs.count("api", "OPTIONS") <= 3
        assert passport not in hca.written().replace((hca.cwd / "passport.json").read_text(), "")
        drs.issuers = ["https://another.example"]
        before = len(drs.requests)
        hca("drs", "stat", drs.uri("table"), check=3)
        assert not any(method == "POST" for _, method, _, _ in drs.requests[before:])


def test_other_hosts_get_no_passport(hca: Any) -> None:
    passport = jwt({"iss": "https://issuer.example"})
    with EmbeddedDrs(passports=(passport,)) as own, EmbeddedDrs(passports=(passport,)) as other:
        (hca.cwd / "p").write_text(passport)
        hca("drs", "stat", other.uri("table"), "--passport", f"{own.host}=p", check=3)
        assert other.count("api", "POST") == 0


def test_what_is_said_to_store_is_what_the_server_accepts(hca: Any) -> None:
    passport = jwt({"iss": "https://issuer.example"})
    with EmbeddedDrs(token=TOKENS[0], passports=(passport,)) as drs:
        hint = hca("drs", "stat", drs.uri("table"), check=3).hint
        assert hint.startswith(f"hca drs login {drs.host}, or hca drs login {drs.host} --passport FILE")
        hca.set(hosts={drs.host: {"auth": "gen3"}})
        assert f"{drs.host} --gen3 credentials.json, or" in hca("drs", "stat", drs.uri("table"), check=3).hint
        hca.set(hosts={drs.host: {"auth": "google"}})
        assert "gcloud auth print-access-token | hca" in hca("drs", "stat", drs.uri("table"), check=3).hint
        hca.set()
        hca("drs", "login", drs.host, stdin="another-token\n")
        done = hca("drs", "stat", drs.uri("table"), check=3)
        assert "your credentials do not grant access to it" in done.error and f"drs login {drs.host}" in done.hint
        (hca.cwd / "p").write_text(jwt({"iss": "https://somebody.example"}))
        with EmbeddedDrs(passports=(passport,)) as other:
            done = hca("drs", "stat", other.uri("table"), "--passport", f"{other.host}=p", check=3)
            assert "your passports do not grant access" in done.error and "--passport FILE" in done.hint


def test_a_program_that_brings_credentials_is_not_told_to_store_some(
    make_client: Callable[..., DRSClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HCA_ACCESS_TOKEN", "TOKEN-OF-ANOTHER-SERVICE")
    with EmbeddedDrs(token=TOKENS[0]) as drs:
        client = make_client(host_credentials={drs.host: Credentials([])})
        with pytest.raises(AuthError, match="it requires a token") as caught:
            client.stat(drs.uri("table"))
        assert caught.value.hint is None and "TOKEN-OF" not in sent(drs)


def test_each_server_has_its_hint(hca: Any, hosts: tuple[EmbeddedDrs, EmbeddedDrs]) -> None:
    done = hca("drs", "stat", *(server.uri("table") for server in hosts), check=3)
    assert done.hint == "; ".join(f"hca drs login {server.host}" for server in hosts)


@pytest.mark.parametrize("content", ["", "{}", "[1]", "not-a-jwt", '["a.b"]'])
def test_files_that_hold_no_passport(hca: Any, content: str) -> None:
    (hca.cwd / "p").write_text(content)
    assert "hca: error: " in hca("drs", "login", "host.example", "--passport", "p", check=2).stderr


@pytest.mark.parametrize("shape", ["list", "object", "pairs"])
def test_headers_of_addresses_reach_the_storage_alone(hca: Any, shape: str) -> None:
    with EmbeddedDrs(header_shape=shape) as drs:
        drs.repository.add("big", Blob(bytes(9_000_000), "big.bin"))
        hca("drs", "download", drs.uri("study"), drs.uri("big"))
        assert len(hca.contents()) == 4
        assert not any("X-Data-Token" in headers for where, _, _, headers in drs.requests if where == "api")
        assert drs.data_token not in hca.written()
        done = hca("--debug", "drs", "download", drs.uri("study"), "--download-dir", "again")
        assert drs.data_token not in done.stderr + done.stdout


def test_bytes_of_the_server_itself_get_its_token(hca: Any) -> None:
    with EmbeddedDrs(token=TOKENS[0]) as drs:
        # Some servers send the bytes themselves, to users with access.
        data = b"bytes of the server itself"
        drs.repository.add("own", Blob(data, "own.bin"))
        url = f"{drs.url}/objects/own"
        drs.repository.objects["own"].extra = {"access_methods": [{"type": "https", "access_url": {"url": url}}]}  # type: ignore[union-attr]
        hca("drs", "login", drs.host, stdin=TOKENS[0])
        done = hca("drs", "download", drs.uri("own"), check=7)
        assert "own.bin" in done.stderr
        assert drs.requests[-1][3]["Authorization"] == f"Bearer {TOKENS[0]}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no token"),
        ("one\ntwo\n", "more than one line"),
        ('{\n  "api_key": "x"\n}\n', "more than one line"),
        ("two words", "not a valid bearer token"),
        ('{"access_token":"x"}', "not a valid bearer token"),
    ],
)
def test_what_is_not_a_token_is_not_stored(hca: Any, text: str, why: str) -> None:
    assert why in hca("drs", "login", "data.example.org", stdin=text, check=2).error
    assert "data.example.org" not in hca("drs", "hosts").stdout


def test_requester_pays(hca: Any) -> None:
    with EmbeddedDrs(requester_pays=("gs-bucket",)) as drs:
        drs.repository.add("paid", Blob(b"x" * 100, "paid.bin", access=("gs",), signed=False))
        drs.repository.add("two", Blob(b"y" * 100, "two.bin", access=("gs", "s3"), signed=False))
        hca.set(gs_endpoint=f"{drs.storage_url}/gs", s3_endpoint=f"{drs.storage_url}/s3", access=["gs", "s3"])
        done = hca("drs", "download", drs.uri("paid"), check=5)
        assert "requester pays" in done.stderr and "--billing-project" in done.stderr
        hca("drs", "download", drs.uri("two"))
        assert hca.contents()["two.bin"] == b"y" * 100
