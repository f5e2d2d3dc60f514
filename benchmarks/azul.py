"""Listings of ``hca azul`` against the loop that people would write, in one run, on an embedded Azul.

``azul.py [--files N] [--projects N] [--runs N]`` prints two tables:

* processor time of listing N files (default 100,000) as jsonl, by ``hca azul files`` and by a loop of requests,
  ``json.loads`` and writing ``json.dumps`` of each hit. The service is another process, whose time is not counted;
  interpreter start is. Both write to a file, and the hits in both files must be equal.
* number of requests of ``hca azul matrices`` over N projects (default 500), and of one request for each project.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import zip_longest
from pathlib import Path
from typing import Any

import requests
from hca_azul.testing import Atlas, EmbeddedAzul, File, Project

#: Files of a project of the large listing.
SHARE = 1000
LOOP = """
import json, sys
import requests
url = sys.argv[1] + "/index/files?size=%d"
session = requests.Session()
while url:
    page = json.loads(session.get(url, timeout=600).content)
    for hit in page["hits"]:
        sys.stdout.write(json.dumps(hit) + "\\n")
    url = page["pagination"]["next"]
"""


def many_files(count: int) -> Atlas:
    """Files of one byte: only what is told of them is listed."""
    return Atlas(
        [
            Project(f"P{number:04}", f"Project {number}", files=[File(f"{at}.fastq.gz", 1) for at in range(SHARE)])
            for number in range(-(-count // SHARE))
        ]
    )


def many_projects(count: int) -> Atlas:
    """Projects with a matrix each."""
    place = ("Homo sapiens", "human adult stage", "brain", "10x 3' v2")
    return Atlas(
        [
            Project(f"P{number:04}", f"Project {number}", files=[File("a.loom", 1, format="loom", matrix=place)])
            for number in range(count)
        ]
    )


def serve(count: int, channel: Any) -> None:
    """Tell the settings that lead to an Azul of so many files, and serve until a message comes."""
    with EmbeddedAzul(many_files(count)) as azul:
        channel.send(azul.settings)
        channel.recv()


def ours(*arguments: str) -> list[str]:
    """A command line of the ``hca`` of this environment."""
    return [str(Path(sys.executable).with_name("hca")), "azul", *arguments]


def environment(home: Path, settings: dict[str, Any]) -> dict[str, str]:
    """A home of its own, with the embedded service in its settings."""
    config = home / ".config" / "hca" / "config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps(settings))
    config.chmod(0o600)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_"))}
    return env | {"HOME": str(home), "HCA_SITE_CONFIG": str(home / "none")}


def seconds(command: list[str], output: Path, env: dict[str, str]) -> float:
    """Seconds of processor time of a command, whose stdout goes to a file."""
    with output.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, env=env)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return usage.ru_utime + usage.ru_stime


def check_equal(paths: list[Path], count: int) -> None:
    """Check that the files hold the same hits, of which there are so many."""
    first, second = (path.open(encoding="utf-8") for path in paths)
    with first, second:
        lines = 0
        for lines, (one, other) in enumerate(zip_longest(first, second, fillvalue="null"), 1):  # noqa: B007
            assert one == other or json.loads(one) == json.loads(other), "the listings differ"
        assert lines == count, f"{lines} hits instead of {count}"


def compare_time(count: int, size: int, runs: int, folder: Path) -> None:
    """List files by both, in turn."""
    channel, end = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(count, end))
    server.start()
    settings = channel.recv()
    url = settings["azul"]["url"].rpartition("/")[0]
    env = environment(folder, settings)
    commands = {
        "hca azul files -f jsonl": ours("files", "-f", "jsonl"),
        "requests, json.loads, json.dumps": [sys.executable, "-c", LOOP % size, url],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    outputs = [folder / str(number) for number in range(len(commands))]
    try:
        # The service makes its listing at the first request.
        requests.get(f"{url}/index/files?size=1", timeout=600)
        for _ in range(runs):
            for (name, command), output in zip(commands.items(), outputs, strict=True):
                taken[name].append(seconds(command, output, env))
        check_equal(outputs, -(-count // SHARE) * SHARE)
    finally:
        channel.send(None)
        server.join()
    print(f"{count:,} files, {outputs[0].stat().st_size / count:,.0f} bytes each; seconds of processor time")
    for name, found in taken.items():
        print(f"{name:34} {statistics.median(found):6.2f}  ({min(found):.2f}-{max(found):.2f})")
    mine, peer = (statistics.median(found) for found in taken.values())
    print(f"ratio {mine / peer:.2f}")


def compare_requests(count: int, folder: Path) -> None:
    """Find the matrices of all projects by both."""
    with EmbeddedAzul(many_projects(count)) as azul:
        env = environment(folder, azul.settings)
        done = subprocess.run(ours("matrices", "-f", "jsonl"), env=env, capture_output=True, check=True)
        assert len(done.stdout.splitlines()) == count
        mine = azul.count("service", "", "/index/")
        azul.requests.clear()
        url: str | None = f"{azul.url}/index/projects?size={azul.limits.page_size('projects')}"
        with requests.Session() as session:
            while url:
                page = session.get(url, timeout=60).json()
                for hit in page["hits"]:
                    session.get(f"{azul.url}/index/projects/{hit['entryId']}", timeout=60).json()
                url = page["pagination"]["next"]
        peer = azul.count("service", "", "/index/")
    print(f"matrices of {count:,} projects: {mine} requests; one for each project: {peer} ({peer / mine:.0f} times)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--projects", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--page-size", type=int, default=1000, help="of the loop; hca finds its own")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hca-azul-") as folder:
        compare_requests(arguments.projects, Path(folder))
        compare_time(arguments.files, arguments.page_size, arguments.runs, Path(folder))


if __name__ == "__main__":
    main()
