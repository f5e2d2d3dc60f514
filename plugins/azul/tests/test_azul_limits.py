"""Limits of the service: page sizes that it rejects, responses too large for its gateway, redirects that mean wait."""

from __future__ import annotations

import itertools
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hca_azul.client import AzulClient
from hca_azul.query.limits import PageSize, named_limit
from hca_azul.testing import Atlas, EmbeddedAzul, File, Limits, Project

PROJECTS = 120


def many(count: int = PROJECTS) -> Atlas:
    human = ("Homo sapiens", "human adult stage", "brain", "10x 3' v2")
    projects = []
    for number in range(count):
        files = [File(f"p{number:03}.loom", 10, format="loom", matrix=human, key=f"p{number}")]
        projects.append(Project(f"P{number:03}", f"Project {number:03}", files=files))
    return Atlas(projects)


def limits(most: int) -> Limits:
    return Limits(page_sizes={"projects": most, None: most})


CASES = [
    pytest.param(limits(50), 3, id="at most 50"),
    pytest.param(limits(7), 18, id="at most 7"),
    pytest.param(limits(1), 120, id="at most 1"),
    pytest.param(Limits(hits=30), 4, id="502 above 30 hits"),
]


@pytest.mark.parametrize(("limit", "best"), CASES)
def test_every_listing_is_complete_whatever_the_pages(hca: Any, limit: Limits, best: int) -> None:
    with EmbeddedAzul(many(), limits=limit) as azul:
        hca.configure(azul.settings)
        for command, kind in ((["projects"], "projects"), (["files"], "files"), (["matrices"], "projects")):
            azul.requests.clear()
            rows = hca.rows("azul", *command)
            assert len(rows) == PROJECTS, command
            assert azul.count("service", "GET", f"/index/{kind}") <= 2 * best, command
        assert azul.count("service", "GET", "/index/projects/") == 0, "matrices come from the listing"


HUMANS = ["--filter", "species=Homo sapiens"]
#: Commands, and the listing that each reads completely; this atlas has as many samples, bundles and donors as projects.
OTHERS = [
    (["azul", "samples", "-f", "jsonl"], "samples"),
    (["azul", "bundles", "-f", "jsonl"], "bundles"),
    (["azul", "matrices", "--by-format", "-f", "jsonl"], "files"),
    (["azul", "export", *HUMANS, "--to", "curl"], "files"),
    (["azul", "download", *HUMANS, "--dry-run"], "files"),
    (["azul", "download", "--manifest", "m.curl", "--dry-run"], "files"),
    (["azul", "download", "--manifest", "m.jsonl", "--dry-run"], "files"),
    (["azul", "download", "{files}", "--dry-run"], "files"),
    (["azul", "export", "{files}", "--to", "aria2"], "files"),
    (["azul", "download", "a-slug-of-its-own", "--dry-run"], "projects"),
    *((["anvil", kind, "-f", "jsonl"], kind) for kind in ("datasets", "donors", "biosamples", "activities", "files")),
    (["anvil", "bundles", "-f", "jsonl"], "bundles"),
    (["anvil", "export", *HUMANS, "--to", "curl"], "files"),
    (["anvil", "download", *HUMANS, "--dry-run"], "files"),
    (["anvil", "download", "--manifest", "m.jsonl", "--dry-run"], "files"),
    (["anvil", "download", "{files}", "--dry-run"], "files"),
]
#: Commands that read a single entity, by UUID, accession or name, and counts. With the best page size
#: they would make two requests: for the user, and for managed access.
ONES = [
    ["azul", "metadata", "{uuid}", "--output", "-"],
    ["azul", "metadata", "GSE100077", "--output", "-"],
    ["azul", "download", "GSE100077", "--dry-run"],
    ["azul", "matrices", "P077", "-f", "jsonl"],
    ["azul", "facets", "organ"],
    ["azul", "manifest", "--project", "GSE100077", "--output", "-"],
    ["anvil", "metadata", "{uuid}", "--output", "-"],
    ["anvil", "download", "phs000077", "--dry-run"],
    ["anvil", "facets", "organ", "--of", "files"],
]


def accessible(service: str) -> Atlas:
    """Projects with accessions, one of them with a slug; AnVIL's curl manifests list mirrored files only."""
    atlas = many()
    for number, project in enumerate(atlas.projects):
        accession = f"GSE1{number:05}" if service == "azul" else f"phs{number:06}"
        project.accessions = (("archive", accession),)
        project.files[0].mirrored = True
    atlas.projects[-1].slug = "a-slug-of-its-own"
    return atlas


def outputs(hca: Any, azul: EmbeddedAzul, command: list[str]) -> list[str]:
    """A command's output, without what differs between runs."""
    project = azul.atlas.projects[77]
    files = [word for one in azul.atlas.projects for file in one.files for word in ("--file", file.uuid)]
    words = [part for word in command for part in (files if word == "{files}" else [word.format(uuid=project.uuid)])]
    text = hca(*words).stdout.replace(azul.url, "").replace(azul.storage_url, "")
    # Free disk space, and the order of entities, which may differ between kinds of pages.
    return sorted(line for line in text.splitlines() if "free_bytes" not in line)


def asked(azul: EmbeddedAzul, kind: str) -> int:
    """The number of requested pages of a listing; long filters are sent in the body of a POST."""
    return sum(azul.count("service", method, f"/index/{kind}?") for method in ("GET", "POST"))


@pytest.mark.parametrize("service", ["azul", "anvil"])
@pytest.mark.parametrize(
    ("limit", "best"),
    [
        pytest.param(*CASES[0].values, id="at most 50", marks=pytest.mark.slow),
        pytest.param(*CASES[1].values, id="at most 7"),
        pytest.param(*CASES[2].values, id="at most 1", marks=pytest.mark.slow),
        pytest.param(*CASES[3].values, id="502 above 30 hits"),
    ],
)
def test_every_other_command_gives_the_same_whatever_the_pages(
    hca: Any, limit: Limits, best: int, service: str
) -> None:
    atlas = accessible(service)
    with EmbeddedAzul(atlas, service=service) as plain, EmbeddedAzul(atlas, limits=limit, service=service) as limited:
        found: dict[str, list[list[str]]] = {}
        for azul in (plain, limited):
            hca.configure(azul.settings)
            for form, suffix in (("curl", "curl"), ("verbatim.jsonl", "jsonl")):
                hca(service, "manifest", "--format", form, "--output", f"m.{suffix}", "--force")
            for command, kind in OTHERS:
                if command[0] != service:
                    continue
                azul.requests.clear()
                found.setdefault(str(command), []).append(outputs(hca, azul, command))
                # Before listing all projects for a slug, hca tries it as a short name or title.
                most = 2 * (best + 2 * (kind == "projects"))
                assert azul is plain or asked(azul, kind) <= most, (command, asked(azul, kind), most)
            for command in ONES:
                if command[0] != service:
                    continue
                azul.requests.clear()
                found.setdefault(str(command), []).append(outputs(hca, azul, command))
                assert sum(asked(azul, kind) for kind in ("projects", "datasets")) <= 4, command
        for name, (without, within) in found.items():
            assert without and without == within, name


def test_matrices_take_one_request_for_each_page_of_projects(hca: Any) -> None:
    with EmbeddedAzul(many(500), limits=limits(50)) as azul:
        hca.configure(azul.settings)
        assert len(hca.rows("azul", "matrices")) == 500
        targets = [
            urlsplit(path) for where, _, path, _ in azul.requests if where == "service" and "/index/projects" in path
        ]
        assert {target.path for target in targets} == {"/index/projects"}, "no request for a single project"
        queries = [parse_qs(target.query) for target in targets]
        pages = [query.get("search_after", ["start"])[0] for query in queries if int(query["size"][0]) <= 50]
        assert len(pages) == len(set(pages)) <= 12, "no page is requested twice"
        assert len(queries) <= len(pages) + 1, "one page was too large, and the limit is learned from it"
        # The first version requested each project separately, besides pages of 100.
        assert azul.count("service", "", "/index/") * 5 <= 500


@pytest.mark.parametrize(("limit", "best"), CASES)
def test_python_gets_everything_whatever_the_pages(
    client: AzulClient, azul: EmbeddedAzul, limit: Limits, best: int
) -> None:
    azul.atlas.projects[:] = many().projects
    azul.__dict__["limits"] = limit
    for kind in ("projects", "samples", "files", "bundles"):
        azul.requests.clear()
        found = {hit["entryId"] for hit in client.search(kind)}
        assert len(found) == PROJECTS and asked(azul, kind) <= 2 * best, kind


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_large_listing_takes_little_more_than_a_loop() -> None:
    """Processor time for 100,000 files, by the benchmark, which runs both in turn and compares their output."""
    script = Path(__file__).resolve().parents[3] / "benchmarks" / "azul.py"
    done = subprocess.run([sys.executable, script, "--runs", "1"], capture_output=True, text=True, check=True)
    ratio, times = re.search(r"ratio ([\d.]+)", done.stdout), re.search(r"\((\d+) times\)", done.stdout)
    assert ratio is not None and float(ratio[1]) <= 1.3, done.stdout
    assert times is not None and int(times[1]) >= 5, done.stdout


@pytest.mark.parametrize(("limit", "best"), CASES)
def test_every_caller_learns_the_limit(client: AzulClient, azul: EmbeddedAzul, limit: Limits, best: int) -> None:
    azul.atlas.projects[:] = many().projects
    azul.__dict__["limits"] = limit
    assert len(list(client.search("projects"))) == PROJECTS
    azul.requests.clear()
    assert len(client.matrices()) == PROJECTS
    failed = [path for where, _, path, _ in azul.requests if where == "service" and "/index/projects" in path]
    assert len(failed) <= best + 2, "what was learned is kept for the run"
    for project in azul.atlas.projects:
        project.managed = True
    with pytest.raises(Exception, match="115 more"):
        list(client.search("files"))
    for project in azul.atlas.projects:
        project.managed = False
    uuids = [file.uuid for project in azul.atlas.projects for file in project.files]
    from hca_azul.lists.entries import by_uuids

    assert [entry.missing for entry in by_uuids(client, uuids)] == [""] * PROJECTS


def test_an_answer_that_is_too_large_is_not_waited_for(client: AzulClient, azul: EmbeddedAzul) -> None:
    azul.atlas.projects[:] = many(40).projects
    # The gateway sends "Retry-After" with each, but the same request never succeeds.
    azul.__dict__["limits"] = Limits(answer_bytes=30_000, retry_after=100_000)
    assert len(list(client.search("projects"))) == 40
    asked = [(how, path) for where, how, path, _ in azul.requests if where == "service" and "/index/" in path]
    assert len(asked) == len(set(asked)), "none is repeated at its size"


@pytest.mark.parametrize(
    ("message", "most"),
    [
        ("Invalid value for parameter `size`, must not be greater than 50", 50),
        ("'size' exceeds the maximum of 75", 75),
        ("parameter size: at most 9 entities", 9),
        ("The page size is too large", 0),
        ("Unknown field `organ`", None),
    ],
)
def test_limits_that_errors_name(message: str, most: int | None) -> None:
    assert named_limit(message) == most


def test_a_limit_in_other_words_is_found_by_halving(client: AzulClient, azul: EmbeddedAzul) -> None:
    azul.atlas.projects[:] = many().projects
    azul.__dict__["limits"] = Limits(page_sizes={None: 13}, message="This `size` is not allowed")
    assert len(list(client.search("projects"))) == PROJECTS


def test_a_400_about_something_else_is_an_error(hca: Any, azul: EmbeddedAzul) -> None:
    done = hca("azul", "files", "--filters", '{"noSuchField": {"is": ["x"]}}', check=5)
    assert "Unknown field" in done.stderr
    assert azul.count("service", "GET", "/index/files") == 1


def test_one_entity_that_is_too_large_follows_the_retries(hca: Any, azul: EmbeddedAzul) -> None:
    azul.limits.answer_bytes = 100
    hca.configure({**azul.settings, "http": {"retries": 0}})
    done = hca("azul", "projects", "-f", "jsonl", check=6)
    assert "502" in done.stderr


def test_growth() -> None:
    size = PageSize()
    sizes = []
    for _ in range(6):
        sizes.append(size.next())
        size.succeeded(sizes[-1], 0.1, 1000 * sizes[-1])
    assert sizes == sorted(sizes) and sizes[-1] > 16 * sizes[0]
    slow = PageSize()
    slow.succeeded(20, 9.0, 1000)
    assert slow.next() == 20, "pages that take long do not grow"
    slow.succeeded(20, 25.0, 1000)
    assert slow.next() == 10
    large = PageSize()
    large.succeeded(20, 0.1, 3 << 20)
    assert large.next() < 30, "nor do those that are large already"


@pytest.mark.parametrize("turns", [1, 2])
def test_redirects_to_the_same_url_mean_wait(hca: Any, azul: EmbeddedAzul, turns: int) -> None:
    azul.faults.same_url, azul.faults.same_url_wait = turns, PAUSE_OF_FILES
    assert len(hca.rows("azul", "files", "--filter", "project=MouseHeart")) == 5
    hca("azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv")
    hca("azul", "download", "--manifest", "m.tsv")
    assert len(hca.files("MouseHeart")) == 5
    requests = [(how, path) for where, how, path, _ in azul.requests if where == "service"]
    waits = sum(1 for one in set(requests)) * turns
    assert len(requests) <= waits + math.ceil(waits / turns) * 3, "no more requests than waits and answers"
    for one in set(requests):
        assert requests.count(one) % (turns + 1) == 0, "each was repeated as it was, with its method"
    assert sum(how == "PUT" for how, _ in requests) == turns + 1
    waited(azul, turns)


#: Commands that cover all routes.
ROUTES = [
    ["azul", "summary"],
    ["azul", "catalogs"],
    ["azul", "facets", "organ", "--of", "files"],
    ["azul", "projects", "--filter", "project=BrainCells"],
    ["azul", "samples"],
    ["azul", "bundles"],
    ["azul", "matrices"],
    ["azul", "metadata", "BrainCells", "--output", "metadata.tsv"],
    ["azul", "export", "BrainCells", "--to", "curl"],
    ["azul", "get-index", "--catalog", "dcp44", "--entity-type", "projects"],
    ["azul", "manifest", "--project", "MouseHeart", "--output", "m.tsv"],
    ["azul", "download", "MouseHeart", "--download-dir", "d"],
    ["azul", "download", "GSE12345", "--filter", "format=bai", "--download-dir", "d"],
    ["anvil", "summary"],
    ["anvil", "catalogs"],
    ["anvil", "datasets"],
    ["anvil", "activities"],
    ["anvil", "files"],
    ["anvil", "facets", "organ"],
    ["anvil", "metadata", "BrainCells", "--output", "metadata.tsv"],
    ["anvil", "download", "MouseHeart", "--download-dir", "d"],
]
#: Retry-After seconds of a redirect; the transfer engine only supports integers, like HTTP.
PAUSE, PAUSE_OF_FILES = 0.15, 1


def waited(service: EmbeddedAzul, turns: int, method: str = "") -> None:
    """Check that each request was repeated as often as it was redirected, and never before its delay was over."""
    times: dict[str, list[float]] = {}
    for request, moment in service.arrivals:
        if request.startswith(method) and request.partition(" ")[2].startswith(service.url):
            times.setdefault(request, []).append(moment)
    assert times
    for request, moments in times.items():
        assert len(moments) % (turns + 1) == 0, f"{request}: {len(moments)} requests"
        for start in range(0, len(moments), turns + 1):
            turn = sorted(moments)[start : start + turns + 1]
            pauses = [later - earlier for earlier, later in itertools.pairwise(turn)]
            # The clocks of two processes may differ by a tick.
            assert min(pauses) >= service.faults.same_url_wait - 0.01, f"{request}: {pauses}"


@pytest.mark.parametrize("command", ROUTES, ids=lambda command: " ".join(command[:2]))
def test_redirects_to_the_same_url_mean_wait_on_every_route(hca: Any, command: list[str]) -> None:
    with EmbeddedAzul(service=command[0]) as service:
        hca.configure(service.settings)
        (hca.cwd / "plain").mkdir()
        plain = hca(*command, cwd=hca.cwd / "plain")
        service.arrivals.clear()
        service.faults.same_url = 2
        service.faults.same_url_wait = PAUSE_OF_FILES if "download" in command else PAUSE
        done = hca(*command)
        assert done.stdout == plain.stdout
        assert hca.files() == hca.files("plain") | {f"plain/{name}" for name in hca.files("plain")}
        waited(service, 2)


def test_a_post_of_long_filters_is_repeated_with_its_body(client: AzulClient, azul: EmbeddedAzul) -> None:
    azul.limits.url_length = 300
    azul.faults.same_url, azul.faults.same_url_wait = 1, PAUSE
    names = ["heart.loom", *(f"no such file {number}" for number in range(30))]
    assert len(list(client.search("files", {"fileName": {"is": names}}))) == 1
    waited(azul, 1, "POST ")


def test_unknown_formats_are_not_a_missing_catalog(hca: Any) -> None:
    done = hca("azul", "manifest", "--format", "brand.new", "--output", "m", check=5)
    assert "no such catalog" not in done.stderr and "Must be one of" in done.stderr


def test_the_facets_and_sums_of_a_service_with_small_pages(hca: Any, azul: EmbeddedAzul) -> None:
    azul.limits.page_sizes = {None: 1}
    assert [row["value"] for row in hca.rows("azul", "facets", "organ", "--filter", "organ=heart")]
    assert json.loads(hca("azul", "summary", "-f", "json").stdout)["projectCount"] == 4
