"""Files that are there already: the second run of a download, and ``hca transfer verify``; and a Dask cluster.

    python benchmarks/present.py [--runs N] [--files N] [--dask N]

``--files`` files of 4 KiB (default: 20,000) are downloaded once. Then a second download of the same, by the command and
by the engine, and ``hca transfer verify`` are run N times, in turn. ``--dask`` files (default: 5,000) are downloaded by
threads and by a cluster of two workers on this machine, whose processor time is counted. Reported are microseconds of
processor time for each file, start of Python included, the least and the median, and the peak of resident memory.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import run as benchmark

SIZE = 4096
#: A scheduler and two workers; prints its address, and ends with its input.
CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=4, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@contextmanager
def cluster(env: dict[str, str], base: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a cluster, and its first process."""
    program = base / "cluster.py"
    program.write_text(CLUSTER)
    with subprocess.Popen(
        [sys.executable, str(program)], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        yield process.stdout.readline().strip(), process
        process.stdin.close()
        process.wait(30)


def processor_seconds(root: int) -> float:
    """Seconds of processor time of a process and all below it, so far (Linux)."""
    parents, used = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    below = {root}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return sum(used.get(pid, 0.0) for pid in below)


def report(name: str, count: int, cpu: list[float], rss: list[float]) -> None:
    least, median = (int(value / count * 1e6) for value in (min(cpu), statistics.median(cpu)))
    print(f"{name:<44}  {least:>8}  {median:>9}  {max(rss, default=0):>8.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--dask", type=int, default=5000, help="files for Dask; 0: none")
    parser.add_argument("--dir", type=Path, help="where files go (default: the temporary directory)")
    arguments = parser.parse_args()
    arguments.hca7 = None
    bench = benchmark.Bench(arguments)
    hca = benchmark.installed("hca")
    try:
        with benchmark.serving() as port:
            env = bench.environment(port)

            def fetch(manifest: Path, place: Path, *options: str) -> list[str]:
                command = [*hca, "dss", "download-manifest", "--manifest", str(manifest), "--replica", "aws"]
                return [*command, "--download-dir", str(place), "--layout", "none", *options]

            manifest, there = bench.manifest(arguments.files, SIZE), bench.base / "there"
            there.mkdir()
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}\n")
            print(f"{'job':<44}  {'least us':>8}  {'median us':>9}  {'RSS MiB':>8}")
            jobs: dict[str, Callable[[], list[str]]] = {
                "new, by the command": lambda: fetch(manifest, there),
                "present, by the command": lambda: fetch(manifest, there),
                "present, by the engine": lambda: [
                    sys.executable, str(benchmark.HERE / "engine.py"), str(manifest), str(there),
                ],
                "hca transfer verify": lambda: [*hca, "transfer", "verify", str(there)],
            }  # fmt: skip
            taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in jobs}
            for number in range(arguments.runs):
                for name, command in jobs.items():
                    if name.startswith("new") and number:
                        continue
                    _, cpu, rss = benchmark.run(command(), there, env)
                    taken[name][0].append(cpu)
                    taken[name][1].append(rss)
            for name, (cpus, peaks) in taken.items():
                report(name, arguments.files, cpus, peaks)
            if arguments.dask and importlib.util.find_spec("distributed"):
                with_dask(arguments, bench, env, fetch)
    finally:
        bench.close()


def with_dask(
    arguments: argparse.Namespace, bench: benchmark.Bench, env: dict[str, str], fetch: Callable[..., list[str]]
) -> None:
    """Threads against a cluster."""
    manifest = bench.manifest(arguments.dask, SIZE)
    threads: list[float] = []
    workers: list[float] = []
    with cluster(env, bench.base) as (address, process):
        for number in range(arguments.runs):
            for options, taken in (((), threads), (("--executor", f"dask://{address.rpartition('/')[2]}"), workers)):
                place = bench.base / f"dask-{number}-{len(options)}"
                place.mkdir()
                before = processor_seconds(process.pid)
                _, cpu, _ = benchmark.run(fetch(manifest, place, *options), place, env)
                taken.append(cpu + (processor_seconds(process.pid) - before if options else 0.0))
                shutil.rmtree(place)
    report("new, by threads", arguments.dask, threads, [])
    report("new, by a Dask cluster", arguments.dask, workers, [])


if __name__ == "__main__":
    main()
