"""Identifiers of every kind, with the server that hands each out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hca_drs.client import DRSClient
from hca_drs.resolving.uris import parse_uri
from hca_drs.servers.servers import host_of
from hca_drs.testing import EmbeddedDrs, EmbeddedRegistry

from hca_base.errors import NotFoundError, RefusedError, UsageError

GEN3 = "https://gen3.biodatacatalyst.nhlbi.nih.gov/ga4gh/drs/v1/objects/"
TERRA = "https://data.terra.bio/ga4gh/drs/v1/objects/"

#: who hands it out, the identifier, where the object is
KINDS = [
    ("specification, hostname", "drs://drs.example.org/314159", "https://drs.example.org/ga4gh/drs/v1/objects/314159"),
    ("specification, encoded", "drs://drs.example.org/a%2Fb%3Ac", "https://drs.example.org/ga4gh/drs/v1/objects/a%2Fb%3Ac"),
    ("Terra Data Repository", "drs://data.terra.bio/v1_f90f5d7f_e8c5", f"{TERRA}v1_f90f5d7f_e8c5"),
    ("Terra, upper case host", "drs://DATA.Terra.bio/v1_f90f", f"{TERRA}v1_f90f"),
    ("AnVIL of Azul", "drs://drs.anv0:v2_1b0f6c3e-9a6d", f"{TERRA}v2_1b0f6c3e-9a6d"),
    ("AnVIL, Gen3's old", "drs://dg.ANV0:dg.ANV0/0db6577e-57bd", f"{TERRA}dg.ANV0%2F0db6577e-57bd"),
    ("BioData Catalyst", "drs://dg.4503:dg.4503/fc046e84-6cf9", f"{GEN3}dg.4503%2Ffc046e84-6cf9"),
    ("BioData Catalyst, encoded", "drs://dg.4503:dg.4503%2Ffc046e84-6cf9", f"{GEN3}dg.4503%2Ffc046e84-6cf9"),
    ("Gen3, slash for colon", "drs://dg.4503/fc046e84-6cf9", f"{GEN3}fc046e84-6cf9"),
    (
        "Cancer Research Data Commons",
        "drs://dg.4DFC:0027045b-9ed6",
        "https://nci-crdc.datacommons.io/ga4gh/drs/v1/objects/0027045b-9ed6",
    ),
    (
        "Kids First",
        "drs://dg.F82A1A:ed6be7ab-068e",
        "https://data.kidsfirstdrc.org/ga4gh/drs/v1/objects/ed6be7ab-068e",
    ),
    ("Kids First, without a scheme", "dg.F82A1A:ed6b", "https://data.kidsfirstdrc.org/ga4gh/drs/v1/objects/ed6b"),
    ("digits after a prefix", "drs://dg.4503:314159", f"{GEN3}314159"),
    ("a server under development", "drs://localhost:8080/a", "http://localhost:8080/ga4gh/drs/v1/objects/a"),
    ("IPv6", "drs://[::1]:8080/a", "http://[::1]:8080/ga4gh/drs/v1/objects/a"),
    ("colon in an identifier", "drs://drs.example.org/SQ:a", "https://drs.example.org/ga4gh/drs/v1/objects/SQ%3Aa"),
    ("Azul, with a version", "drs://a.example/x?version=1", "https://a.example/ga4gh/drs/v1/objects/x?version=1"),
    ("address of an object", "https://a.example/ga4gh/drs/v1/objects/x%2Fy", "https://a.example/ga4gh/drs/v1/objects/x%2Fy"),
    ("the starter kit's port", "http://localhost:4500/ga4gh/drs/v1/objects/x", "http://localhost:4500/ga4gh/drs/v1/objects/x"),
    ("settings, a host", "drs://dg.mine:a/b", "https://mine.example/ga4gh/drs/v1/objects/a%2Fb"),
    ("settings, a pattern", "drs://with.pattern:7", "https://p.example/drs/objects/pre-7"),
]  # fmt: skip


@pytest.mark.parametrize(("uri", "url"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_kinds(make_client: Callable[..., DRSClient], uri: str, url: str) -> None:
    prefixes = {"dg.mine": "mine.example", "with.pattern": "https://p.example/drs/objects/pre-{$id}"}
    place = make_client({"prefixes": prefixes}).resolve(uri)
    assert place.url == url
    assert place.trusted


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "x",
        "drs://",
        "drs:///x",
        "drs://host.example",
        "drs://host.example/",
        "drs://user@host.example/x",
        "drs://host.example:99999/x",
        "drs://host.example/a b",
        "drs://host.example/a\nb",
        "drs://dg.4503:",
        "drs://-/x",
        "dos://dg.4503:x",
        "ftp://host.example/x",
        "https://host.example/x",
        "https://user:secret@host.example/ga4gh/drs/v1/objects/x",
        "drs://h.example/" + "x" * 5000,
    ],
)
def test_what_is_not_an_identifier(client: DRSClient, uri: str) -> None:
    with pytest.raises(UsageError) as raised:
        client.resolve(uri)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
    assert raised.value.hint


def test_a_prefix_is_looked_up_once_a_week(make_client: Callable[..., DRSClient], drs: EmbeddedDrs) -> None:
    with EmbeddedRegistry({"drs.42": f"{drs.url}/objects/{{$id}}"}) as registry:
        for _ in range(3):
            client = make_client({"resolver": registry.url})
            place = client.resolve("drs://drs.42:table")
            assert place.url == f"{drs.url}/objects/table"
            assert not place.trusted
            assert client.stat("drs://drs.42:table").name == "counts.csv"
        assert len(registry.requests) == 2
    # Gone, and the answer is still there.
    assert make_client({"resolver": registry.url}).resolve("drs://drs.42:x").object_id == "x"


def test_prefixes_that_nobody_knows(make_client: Callable[..., DRSClient]) -> None:
    with pytest.raises(NotFoundError, match=r"not looked up \(drs.resolver is none\)"):
        make_client().resolve("drs://drs.42:x")
    with EmbeddedRegistry({"doi": "https://doi.org/{$id}"}) as registry:
        client = make_client({"resolver": registry.url})
        with pytest.raises(NotFoundError, match=r"'drs\.42' is not registered"):
            client.resolve("drs://drs.42:x")
        with pytest.raises(NotFoundError, match="for a DRS server"):
            client.resolve("drs://doi:10.5072/FK2805660V")


@pytest.mark.parametrize(
    "pattern", ["https://169.254.169.254/ga4gh/drs/v1/objects/{$id}", "ftp://x.example/objects/{$id}"]
)
def test_a_registry_cannot_lead_anywhere(make_client: Callable[..., DRSClient], pattern: str) -> None:
    with EmbeddedRegistry({"evil": pattern}) as registry, pytest.raises(RefusedError, match="not asked"):
        make_client({"resolver": registry.url}).resolve("drs://evil:x")


def test_a_password_in_an_identifier_is_refused() -> None:
    with pytest.raises(UsageError, match="must not hold a user name or password") as caught:
        parse_uri("drs://user:canary@host.example.org/x")
    assert "canary" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("name", ["bad host", "evil.example.org/../x", "a:b:c", "", "-x", "host:port", "u@h"])
def test_what_is_no_host(name: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a host"):
        host_of(name)


@pytest.mark.parametrize(
    "name", ["h", "Data.Example.org", "h:8080", "https://h.example.org:1/x", "[::1]:8080", "127.0.0.1"]
)
def test_what_is_a_host(name: str) -> None:
    assert host_of(name)
