"""Identifiers of every kind, each with the server that issues it."""

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

JADE = "jade-terra.datarepo-prod.broadinstitute.org"
AT = "/ga4gh/drs/v1/objects/"

#: The server (or program) that issues it, the identifier, where the object is.
KINDS = [
    # Hostname-based: the ``self_uri`` of their objects, and what their portals export.
    ("GA4GH specification", "drs://drs.example.org/314159", f"https://drs.example.org{AT}314159"),
    ("Terra Data Repository", "drs://data.terra.bio/v1_f90f5d7f_e8c5", f"{TERRA}v1_f90f5d7f_e8c5"),
    ("Terra Data Repository, its first host", f"drs://{JADE}/v1_c3c588a8_635984f0", f"https://{JADE}{AT}v1_c3c588a8_635984f0"),
    ("NCI CRDC (Gen3)", "drs://nci-crdc.datacommons.io/0027045b-9ed6", f"https://nci-crdc.datacommons.io{AT}0027045b-9ed6"),
    ("Kids First (Gen3)", "drs://data.kidsfirstdrc.org/ed6be7ab-068e", f"https://data.kidsfirstdrc.org{AT}ed6be7ab-068e"),
    ("AnVIL's Gen3, a slash in the identifier", "drs://gen3.theanvil.io/dg.ANV0/00008531", f"https://gen3.theanvil.io{AT}dg.ANV0%2F00008531"),
    ("BioData Catalyst, the same", "drs://gen3.biodatacatalyst.nhlbi.nih.gov/dg.4503/fc04", f"{GEN3}dg.4503%2Ffc04"),
    ("dataguids.org, TCGA workspaces of Terra", "drs://dataguids.org/206dfaa6-bcf1", f"https://dataguids.org{AT}206dfaa6-bcf1"),
    ("Synapse", "drs://repo-prod.prod.sagebase.org/syn12345678.1", f"https://repo-prod.prod.sagebase.org{AT}syn12345678.1"),
    ("Seven Bridges (CGC)", "drs://cgc-ga4gh-api.sbgenomics.com/4c33ae65", f"https://cgc-ga4gh-api.sbgenomics.com{AT}4c33ae65"),
    ("Azul, files of the Data Store", "drs://service.azul.data.humancellatlas.org/8aca942c?version=2019-07-04T1514", f"https://service.azul.data.humancellatlas.org{AT}8aca942c?version=2019-07-04T1514"),
    # Compact: the prefix is registered, here or at identifiers.org.
    ("AnVIL, by Azul", "drs://drs.anv0:v2_1b0f6c3e-9a6d", f"{TERRA}v2_1b0f6c3e-9a6d"),
    ("AnVIL's Gen3, workspaces of Terra", "drs://dg.ANV0:dg.ANV0/0db6577e-57bd", f"{TERRA}dg.ANV0%2F0db6577e-57bd"),
    ("BioData Catalyst", "drs://dg.4503:dg.4503/fc046e84-6cf9", f"{GEN3}dg.4503%2Ffc046e84-6cf9"),
    ("BioData Catalyst, encoded by Terra", "drs://dg.4503:dg.4503%2Ffc046e84", f"{GEN3}dg.4503%2Ffc046e84"),
    ("Gen3's portal, slash for colon", "drs://dg.4503/fc046e84-6cf9", f"{GEN3}fc046e84-6cf9"),
    ("NCI CRDC, workspaces of Terra", "drs://dg.4DFC:0027045b-9ed6", f"https://nci-crdc.datacommons.io{AT}0027045b-9ed6"),
    ("Kids First", "drs://dg.F82A1A:ed6be7ab-068e", f"https://data.kidsfirstdrc.org{AT}ed6be7ab-068e"),
    ("manifests of Gen3, without a scheme", "dg.F82A1A:ed6b", f"https://data.kidsfirstdrc.org{AT}ed6b"),
    ("identifiers of digits alone, after a prefix of BioData Catalyst", "drs://dg.4503:314159", f"{GEN3}314159"),
    # Object URLs.
    ("address bar, any server", f"https://a.example{AT}x%2Fy", f"https://a.example{AT}x%2Fy"),
    ("GA4GH starter kit, its usual port", f"http://localhost:4500{AT}x", f"http://localhost:4500{AT}x"),
    # Also allowed by the specification, and the user's own settings: no server is known to send them.
    ("specification: encoded", "drs://drs.example.org/a%2Fb%3Ac", f"https://drs.example.org{AT}a%2Fb%3Ac"),
    ("specification: a host in upper case", "drs://DATA.Terra.bio/v1_f90f", f"{TERRA}v1_f90f"),
    ("specification: a colon in an identifier", "drs://drs.example.org/SQ:a", f"https://drs.example.org{AT}SQ%3Aa"),
    ("specification: a port, as the starter kit has on this machine", "drs://localhost:4500/a", f"http://localhost:4500{AT}a"),
    ("specification: IPv6", "drs://[::1]:8080/a", f"http://[::1]:8080{AT}a"),
    ("settings: a host", "drs://dg.mine:a/b", f"https://mine.example{AT}a%2Fb"),
    ("settings: a pattern", "drs://with.pattern:7", "https://p.example/drs/objects/pre-7"),
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
    # The registry is gone, and the result is still cached.
    assert make_client({"resolver": registry.url}).resolve("drs://drs.42:x").object_id == "x"


def test_prefixes_that_nobody_knows(make_client: Callable[..., DRSClient]) -> None:
    with pytest.raises(NotFoundError, match=r"cannot be looked up \(drs.resolver is none\)"):
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
    with pytest.raises(UsageError, match="must not contain a user name or password") as caught:
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
