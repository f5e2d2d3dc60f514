"""Finding data: catalogs, listings, facets, sums."""

from __future__ import annotations

import json
import subprocess

import pytest
from hca_azul.client import AzulClient
from hca_azul.testing import Atlas, EmbeddedAzul, File, Project

from hca_base.errors import NotFoundError, ServiceError
from tests.lib import Runner


def test_catalogs_leave_out_the_internal_ones(hca: Runner) -> None:
    assert [row["catalog"] for row in hca.rows("azul", "catalogs")] == ["dcp44", "lm9"]
    assert len(hca.rows("azul", "catalogs", "--all")) == 3
    assert [row["catalog"] for row in hca.rows("azul", "catalogs") if row["default"]] == ["dcp44"]


def test_projects_as_a_table_for_people(hca: Runner) -> None:
    done = hca("azul", "projects", "--filter", "organ=brain", "--filter", "access=true")
    assert "BrainCells" in done.stdout and "318.0 kB" in done.stdout and "open" in done.stdout
    assert "MouseHeart" not in done.stdout


def test_projects_of_managed_access_are_marked(hca: Runner) -> None:
    rows = hca.rows("azul", "projects", "--columns-only")
    assert {row["project"]: row["access"] for row in rows}["Managed"] == "managed"


def test_sort_limit_and_columns(hca: Runner) -> None:
    done = hca(
        "azul", "files", "--filter", "project=Odd", "--sort", "size:desc", "--limit", "2", "-f", "csv", "-c", "bytes"
    )
    assert done.stdout.split() == ["bytes", "1100", "1000"]


def test_whole_entities_for_programs(hca: Runner, azul: EmbeddedAzul) -> None:
    hits = hca.rows("azul", "files", "--filter", "project=MouseHeart")
    assert {hit["files"][0]["name"] for hit in hits} >= {"heart.loom"}
    assert all("donorOrganisms" in hit for hit in hits)
    one = json.loads(hca("azul", "samples", "--filter", "sample=Odd_sample_2", "-f", "json").stdout)
    assert one[0]["samples"][0]["id"] == ["Odd_sample_2"]


def test_a_table_is_cut_and_says_so(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.atlas.projects.append(Project("Many", "Many", files=[File(f"f{n:03}.txt", 1, key="m") for n in range(150)]))
    done = hca("azul", "files", "--filter", "project=Many")
    assert done.stdout.count(".txt") == 100 and "100 of 150" in done.stderr
    assert hca("azul", "files", "--filter", "project=Many", "--limit", "0").stdout.count(".txt") == 150


def test_pages_are_followed_as_they_are(client: AzulClient, azul: EmbeddedAzul) -> None:
    names = [hit["files"][0]["name"] for hit in client.search("files", page_size=3)]
    assert len(names) == 20 and names == sorted(names)
    pages = [path for _, _, path, _ in azul.requests if path.startswith("/index/files")]
    assert len(pages) == 7 and "search_after_uid=doc%23x" in pages[1]


def test_the_first_entity_comes_before_the_last_page(hca: Runner) -> None:
    atlas = Atlas([Project("Big", "Big", files=[File(f"f{n:05}", 0, key="b") for n in range(2500)])])
    with EmbeddedAzul(atlas) as azul:
        hca.configure(azul.settings)
        arguments = hca.command("azul", "files", "-f", "jsonl")
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=hca.env, cwd=hca.cwd)
        assert process.stdout is not None
        assert b"f00000" in process.stdout.readline()
        # The pipe is full long before the third page.
        assert azul.count("service", "GET", "/index/files") < 3
        process.stdout.close()
        assert process.wait(30) == 141


def test_pages_in_a_circle_end(client: AzulClient, azul: EmbeddedAzul) -> None:
    azul.faults.circle = True
    with pytest.raises(ServiceError, match="form a loop"):
        list(client.search("files", page_size=3))


def test_long_filters_go_to_the_body(client: AzulClient, azul: EmbeddedAzul) -> None:
    names = [f"no such file {number}" for number in range(500)] + ["heart.loom", "brain.loom", "secret.loom"]
    hits = list(client.search("files", {"fileName": {"is": names}}, page_size=1))
    assert len(hits) == 2, "of both pages"
    assert azul.count("service", "POST", "/index/files") == 2
    assert azul.count("service", "GET", "/index/files") == 1, "how long an address may be is learned once"
    azul.limits.url_length = 200
    azul.requests.clear()
    few = {"fileName": {"is": ["heart.loom", "brain.loom", "a name that makes the address too long by itself " * 3]}}
    assert len(list(client.search("files", few, page_size=1))) == 2
    assert azul.count("service", "GET", "/index/files") == 1, "413 moves the filters to the body"


def test_nothing_found_suggests_values(hca: Runner) -> None:
    done = hca("azul", "projects", "--filter", "organ=Brian")
    assert "did you mean 'brain'" in done.stderr


def test_nothing_found_tells_of_managed_data(hca: Runner, azul: EmbeddedAzul) -> None:
    done = hca("azul", "files", "--filter", "project=Managed", check=3)
    assert "managed access" in done.stderr and "log in" in done.stderr and "Terra" in done.stderr
    assert "https://duos.org/dataset/DUOS-000123" in done.stderr
    with_token = hca("azul", "files", "--filter", "project=Managed", "-f", "json", env={"HCA_ACCESS_TOKEN": azul.token})
    assert len(json.loads(with_token.stdout)) == 2 and "managed" not in with_token.stderr


def test_a_token_that_is_not_accepted_says_what_to_do(hca: Runner) -> None:
    done = hca("azul", "files", env={"HCA_ACCESS_TOKEN": "no-good"}, check=3)
    assert "accepted its terms" in done.stderr and "no-good" not in done.stderr


def test_a_login_that_is_kept(hca: Runner, azul: EmbeddedAzul) -> None:
    hca("auth", "login", "azul", "--access-token", "-", stdin=f"{azul.token}\n")
    assert len(hca.rows("azul", "files", "--filter", "project=Managed")) == 2
    hca("auth", "logout", "azul")
    assert hca.rows("azul", "files", "--filter", "project=Managed", check=3) == []


def test_the_default_catalog_is_settled_once(client: AzulClient, azul: EmbeddedAzul) -> None:
    list(client.search("projects"))
    list(client.search("files"))
    assert azul.count("service", "GET", "/index/catalogs") == 1
    assert all("catalog=dcp44" in path for _, _, path, _ in azul.requests if path.startswith("/index/files"))


def test_a_catalog_that_is_not_there(client: AzulClient) -> None:
    with pytest.raises(NotFoundError, match="Must be one of"):
        list(client.search("projects", catalog="dcp1"))


def test_facets(hca: Runner) -> None:
    rows = hca.rows("azul", "facets", "organ", "--filter", "species=Mus musculus")
    assert [row["value"] for row in rows] == ["heart"]
    overview = hca.rows("azul", "facets")
    assert {"field": "organ", "values": 4, "most frequent": "brain, blood, heart, lung"} in overview
    done = hca("azul", "facets", "fileSize", check=4)
    assert "does not count" in done.stderr


def test_fields_need_no_service(hca: Runner, azul: EmbeddedAzul) -> None:
    rows = hca.rows("azul", "fields")
    assert {row["field"]: row["also"] for row in rows}["genusSpecies"] == "species"
    assert azul.requests == []


def test_summary(hca: Runner) -> None:
    assert "327.1 kB" in hca("azul", "summary").stdout
    answer = json.loads(hca("azul", "summary", "--filter", "organ=heart", "-f", "json").stdout)
    assert answer["projectCount"] == 1


def test_wrong_uses(hca: Runner) -> None:
    for arguments in (["--filter", "orgn=x"], ["--filters", "[]"], ["--sort", "nothing"], ["--limit", "-1"]):
        done = hca("azul", "projects", *arguments, check=2)
        assert "Traceback" not in done.stderr


def test_bursts_of_429_and_dropped_connections(client: AzulClient, azul: EmbeddedAzul) -> None:
    azul.faults.burst_every, azul.faults.burst_length, azul.faults.retry_after = 4, 1, 0
    azul.faults.api_drop = 0.1
    assert len(list(client.search("files", page_size=3))) == 20


def test_a_long_time_of_429_is_waited_out(
    client: AzulClient, azul: EmbeddedAzul, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hca_base.http.RetryPolicy.pause", lambda self, attempt, retry_after=None: 0.01)
    client.catalog()
    azul.faults.burst_every, azul.faults.retry_after, azul.faults._refusals = 10**6, 0, 40
    assert len(list(client.search("projects"))) == 4
    monkeypatch.setattr("hca_azul.query.calls.PATIENCE", -1)
    azul.faults._refusals = 40
    with pytest.raises(ServiceError, match="429"):
        list(client.search("projects"))


def test_generic_operations(hca: Runner, azul: EmbeddedAzul) -> None:
    answer = json.loads(hca("azul", "get-index", "--entity-type", "projects", "--size", "1", "--no-paginate").stdout)
    assert len(answer["hits"]) == 1
    filters = '{"organ": {"is": ["heart"]}}'
    answer = json.loads(hca("azul", "get-index-summary", "--filters", filters).stdout)
    assert answer["projectCount"] == 1
    assert json.loads(hca("azul", "get-index-catalogs").stdout)["default_catalog"] == "dcp44"
    assert azul.count("service", "GET", "/openapi.json") == 1, "fetched at first use, and kept"


def test_an_old_release(hca: Runner, azul: EmbeddedAzul) -> None:
    azul.faults.old = True
    assert len(hca.rows("azul", "projects")) == 4
    hca.configure({"azul": {"url": f"{azul.url}/openapi"}})
    assert json.loads(hca("azul", "get-index-catalogs").stdout)["default_catalog"] == "dcp44"
