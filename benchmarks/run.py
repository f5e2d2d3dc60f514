"""Measure transfers against their peers, in one run, on this machine, over loopback.

    python benchmarks/run.py [--job NAME …] [--runs N] [--hca7 PYTHON] [--dir DIR] [--rst FILE]

Every contender of a job is run N times, in turn, so that what else the machine does hits all alike. Reports the
median and the spread of the wall time (interpreter start included), the median of the processor time of the
contender's own processes, their peak resident memory, and the ratio to ours. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import server as content

HERE = Path(__file__).parent
KIB, MIB, GIB = 1024, 1024**2, 1024**3


@dataclass
class Measure:
    """What the runs of one contender took."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)
    failed: str = ""


def run(command: list[str], cwd: Path, env: dict[str, str] | None = None) -> tuple[float, float, float]:
    """Seconds of wall time and of processor time, and peak MiB, of a command.

    :raises RuntimeError: it failed
    """
    started = time.perf_counter()
    env = {**(env or os.environ)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, cwd=cwd, env=env, stdout=told, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            told.seek(0)
            raise RuntimeError(f"{command[0]}: {told.read()[-600:].decode(errors='replace')}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@contextmanager
def serving(latency: float = 0.0) -> Iterator[int]:
    """The loopback server; its port."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "server.py"), "--latency", str(latency)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


class Distance(NamedTuple):
    """How far away a server is: seconds of a round trip, bytes a second of a connection, share of lost packets."""

    round_trip: float
    rate: int = 0
    loss: float = 0.0


@contextmanager
def far_away(port: int, distance: Distance | None) -> Iterator[int]:
    """The port of the server, or that of a proxy that makes it as far away."""
    if distance is None:
        yield port
        return
    command = [sys.executable, str(HERE / "distance.py"), f"127.0.0.1:{port}"]
    command += ["--round-trip", str(distance.round_trip), "--rate", str(distance.rate), "--loss", str(distance.loss)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


class Bench:
    """One job: its files, and who fetches them."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.runs = arguments.runs
        self.hca7 = arguments.hca7
        self.base = Path(tempfile.mkdtemp(prefix="hca-bench-", dir=arguments.dir))
        self.home = self.base / "home"
        self.results: dict[str, dict[str, Measure]] = {}
        self._digests: dict[tuple[int, int], str] = {}

    def close(self) -> None:
        shutil.rmtree(self.base, ignore_errors=True)

    def digest(self, size: int, number: int) -> str:
        if (size, number) not in self._digests:
            self._digests[size, number] = content.sha256_of(size, number)
        return self._digests[size, number]

    def environment(self, port: int) -> dict[str, str]:
        """A home of its own, with the server as the DSS."""
        config = self.home / ".config" / "hca"
        config.mkdir(parents=True, exist_ok=True)
        url = f"http://127.0.0.1:{port}/v1/swagger.json"
        settings = {"DSSClient": {"swagger_url": url}}
        (config / "config.json").write_text(json.dumps(settings))
        (config / "config.json").chmod(0o600)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_"))}
        # As installed packages are, all contenders are compiled beforehand, or by their first run.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env |= {"HOME": str(self.home), "HCA_BENCH_URL": url, "AWS_CONFIG_FILE": "/nonexistent"}
        env |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
        return env

    def contend(self, job: str, contenders: dict[str, Callable[[Path], tuple[float, float, float]]]) -> None:
        """Run all contenders in turn, and remember."""
        measures = self.results[job] = {name: Measure() for name in contenders}
        for number in range(self.runs):
            for name, contender in contenders.items():
                if measures[name].failed:
                    continue
                place = self.base / "to"
                place.mkdir()
                try:
                    wall, cpu, rss = contender(place)
                except RuntimeError as error:
                    measures[name].failed = str(error)
                    print(f"{job}: {name} failed: {error}", file=sys.stderr)
                else:
                    for values, value in zip(
                        (measures[name].wall, measures[name].cpu, measures[name].rss), (wall, cpu, rss), strict=True
                    ):
                        values.append(value)
                    print(f"{job} {number + 1}: {name} {wall:.2f} s, {cpu:.2f} s CPU, {rss:.0f} MiB", file=sys.stderr)
                self._discard(place)

    def _discard(self, place: Path) -> None:
        """Take away what a contender left, without slowing down the next.

        ext4 does not hand out an inode again for up to some minutes after its file was deleted, and looks at each such
        inode whenever it wants a new one: who makes thousands of files right after thousands were deleted pays for them
        (measured: 0.05 s became 3 s for 5,000 files). Many files are therefore only put aside, until all is over.
        """
        if sum(len(files) for _, _, files in os.walk(place)) > 100:
            place.rename(self.base / f"old-{len(self.results)}-{time.monotonic_ns()}")
        else:
            shutil.rmtree(place)

    # Downloads

    def manifest(self, count: int, size: int) -> Path:
        """A manifest as ``hca dss download-manifest`` takes it."""
        path = self.base / f"manifest-{count}-{size}.tsv"
        if not path.exists():
            lines = ["bundle_uuid\tbundle_version\tfile_name\tfile_uuid\tfile_version\tfile_sha256\tfile_size"]
            for number in range(count):
                uuid = content.uuid_of(size, number)
                version = "2019-01-01T000000.000000Z"
                digest = self.digest(size, number)
                lines.append(f"{uuid}\t{version}\tfile{number}\t{uuid}\t{version}\t{digest}\t{size}")
            path.write_text("\n".join(lines) + "\n")
        return path

    def downloads(
        self, job: str, count: int, size: int, latency: float = 0.0, distance: Distance | None = None
    ) -> None:
        """A job of downloads."""
        manifest = self.manifest(count, size)
        with serving(latency) as near, far_away(near, distance) as port:
            env = self.environment(port)
            base = f"http://127.0.0.1:{port}"
            urls = [(number, f"{base}/data/{size}/{number}") for number in range(count)]
            if distance and count > 1:
                # Each redirect costs a round trip, which the peers are not to be spared.
                urls = [(n, f"{base}/v1/files/{content.uuid_of(size, n)}?replica=aws") for n in range(count)]
            many, streams = (128, 1) if latency or distance else (16, 1)
            if count == 1:
                many, streams = 1, 16

            def ours(place: Path, *options: str) -> tuple[float, float, float]:
                command = ["dss", "download-manifest", "--manifest", str(manifest), "--replica", "aws"]
                command += ["--download-dir", str(place), "--layout", "none", *options]
                return run([*installed("hca"), *command], place, env)

            def ours_with_16(place: Path) -> tuple[float, float, float]:
                return ours(place, "--connections", "16")

            def engine(place: Path) -> tuple[float, float, float]:
                return run([sys.executable, str(HERE / "engine.py"), str(manifest), str(place)], place, env)

            def hca7(place: Path) -> tuple[float, float, float]:
                return run([self.hca7, str(HERE / "hca7.py"), str(manifest), str(place)], place, env)

            def aria2(place: Path) -> tuple[float, float, float]:
                listed = self.base / "aria2.txt"
                lines = []
                for number, url in urls:
                    lines.append(f"{url}\n  out=f{number}")
                    if size < MIB:
                        lines.append(f"  checksum=sha-256={self.digest(size, number)}")
                listed.write_text("\n".join(lines))
                command = ["aria2c", "-q", "-i", str(listed), "-d", str(place), f"-j{many}", f"-x{min(streams, 16)}"]
                command += [f"-s{streams}", "-k1M", "--file-allocation=none", "--auto-file-renaming=false"]
                first = run(command, place, env)
                return first if size < MIB else plus(first, self._openssl(place, size, [number for number, _ in urls]))

            def curl(place: Path) -> tuple[float, float, float]:
                listed = self.base / "curl.txt"
                listed.write_text("\n".join(f'url = "{url}"\noutput = "f{number}"' for number, url in urls))
                command = [
                    "curl",
                    "-sSL",
                    "--fail",
                    "--parallel",
                    "--parallel-max",
                    str(max(many, 16)),
                    "-K",
                    str(listed),
                ]
                first = run(command, place, env)
                return first if size < MIB else plus(first, self._openssl(place, size, [number for number, _ in urls]))

            contenders: dict[str, Callable[[Path], tuple[float, float, float]]] = {"hca dss download-manifest": ours}
            contenders["hca_base.transfer.download"] = engine
            if count == 1 and distance:
                contenders["hca dss download-manifest --connections 16"] = ours_with_16
            if self.hca7 and not distance:
                contenders["hca 7.0.1"] = hca7
            if shutil.which("aria2c"):
                contenders["aria2c, verified" if size < MIB else "aria2c + openssl"] = aria2
            if shutil.which("curl") and not (count == 1 and distance):
                contenders["curl --parallel, unverified" if size < MIB else "curl --parallel + openssl"] = curl
            self.contend(job, contenders)

    def _openssl(self, place: Path, size: int, numbers: list[int]) -> tuple[float, float, float]:
        """Verify what a peer fetched, on all cores."""
        if len(numbers) == 1:
            return run(["openssl", "dgst", "-sha256", "-r", f"f{numbers[0]}"], place)
        listed = "\0".join(f"f{number}" for number in numbers)
        (self.base / "names").write_text(listed)
        shell = f"xargs -0 -n1 -P{os.cpu_count()} openssl dgst -sha256 -r < {self.base / 'names'}"
        return run(["sh", "-c", shell], place)

    # Checksums and uploads

    def checksums(self, job: str, size: int) -> None:
        """The four checksums of one file."""
        path = self._local(1, size)[0]

        def ours(place: Path) -> tuple[float, float, float]:
            code = f"from hca_base.transfer import checksum_file; checksum_file({str(path)!r})"
            return run([sys.executable, "-c", code], place)

        def old(place: Path) -> tuple[float, float, float]:
            code = (
                "import sys; from dcplib.checksumming_io import ChecksummingSink\n"
                f"sink = ChecksummingSink(64 << 20)\nwith open({str(path)!r}, 'rb') as stream:\n"
                "    while True:\n        data = stream.read(1 << 20)\n        if not data: break\n"
                "        sink.write(data)\nsink.get_checksums()\n"
            )
            return run([self.hca7, "-c", code], place)

        def md5(place: Path) -> tuple[float, float, float]:
            return run(["openssl", "dgst", "-md5", str(path)], place)

        contenders = {"hca_base.transfer.checksum_file": ours, "openssl md5 alone": md5}
        if self.hca7:
            contenders["hca 7.0.1 (dcplib)"] = old
        self.contend(job, contenders)

    def uploads(self, job: str, count: int, size: int) -> None:
        """A job of uploads to an S3 that keeps nothing."""
        paths = self._local(count, size)
        listed = self.base / "paths.json"
        listed.write_text(json.dumps([str(path) for path in paths]))
        with serving() as port:
            env = self.environment(port)
            endpoint = f"http://127.0.0.1:{port}"

            def script(name: str, python: str = sys.executable) -> Callable[[Path], tuple[float, float, float]]:
                return lambda place: run([python, str(HERE / "uploads.py"), name, str(listed), endpoint], place, env)

            def s5cmd(place: Path) -> tuple[float, float, float]:
                command = ["s5cmd", "--endpoint-url", endpoint, "cp", f"{paths[0].parent}/*", "s3://null/"]
                return run(command, place, env)

            contenders = {
                "hca_base.transfer.upload": script("ours"),
                "boto3 upload_fileobj in threads": script("boto3"),
            }
            contenders["boto3, checksums first"] = script("two-pass")
            if self.hca7:
                contenders["hca 7.0.1 upload_to_cloud"] = script("hca7", self.hca7)
            if shutil.which("s5cmd"):
                contenders["s5cmd, no checksums"] = s5cmd
            self.contend(job, contenders)

    def _local(self, count: int, size: int) -> list[Path]:
        place = self.base / f"local-{count}-{size}"
        paths = [place / f"f{number}" for number in range(count)]
        if not place.exists():
            place.mkdir()
            body = content.tile()
            for number, path in enumerate(paths):
                with path.open("wb") as stream:
                    stream.write(content.head_of(size, number))
                    left = size - min(size, content.HEAD)
                    while left > 0:
                        stream.write(body[: min(left, len(body))])
                        left -= len(body)
        return paths


def installed(script: str) -> list[str]:
    """The command as users start it.

    ``python -m`` would put the working directory on the import path, and with that another set of plugins to look for
    in each directory.
    """
    path = Path(sys.executable).with_name(script)
    if not path.exists():
        raise SystemExit(f"{path} is missing: install hca-base and hca-dss into the environment of this Python")
    return [str(path)]


def plus(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float, float]:
    """Two commands, one after the other."""
    return one[0] + other[0], one[1] + other[1], max(one[2], other[2])


JOBS: dict[str, tuple[str, Callable[[Bench, str], Any]]] = {
    "small": ("5,000 files of 4 KiB", lambda bench, name: bench.downloads(name, 5000, 4 * KIB)),
    "medium": ("20 files of 64 MiB", lambda bench, name: bench.downloads(name, 20, 64 * MIB)),
    "large": ("1 file of 2 GiB", lambda bench, name: bench.downloads(name, 1, 2 * GIB)),
    "latency": (
        "1,000 files of 4 KiB, 50 ms a request",
        lambda bench, name: bench.downloads(name, 1000, 4 * KIB, 0.05),
    ),
    "far-large": (
        "1 file of 64 MiB, round trips of 80 ms, 2 MB/s a connection",
        lambda bench, name: bench.downloads(name, 1, 64 * MIB, distance=Distance(0.08, 2_000_000)),
    ),
    "far-lossy": (
        "1 file of 64 MiB, round trips of 80 ms, 315 kB/s a connection, 0.2 % of packets lost",
        lambda bench, name: bench.downloads(name, 1, 64 * MIB, distance=Distance(0.08, 315_000, 0.002)),
    ),
    "far-small": (
        "1,000 files of 4 KiB, round trips of 80 ms",
        lambda bench, name: bench.downloads(name, 1000, 4 * KIB, distance=Distance(0.08)),
    ),
    "checksums": ("four checksums of 1 GiB", lambda bench, name: bench.checksums(name, GIB)),
    "upload-small": ("upload of 2,000 files of 4 KiB", lambda bench, name: bench.uploads(name, 2000, 4 * KIB)),
    "upload-large": ("upload of 4 files of 256 MiB", lambda bench, name: bench.uploads(name, 4, 256 * MIB)),
}


#: job -> contender -> how many times our median it must take at least.
TARGETS = {
    "small": {"hca 7.0.1": 20.0, "aria2c, verified": 1.0},
    "medium": {"hca 7.0.1": 1.5, "aria2c + openssl": 1 / 0.65},
    "large": {"hca 7.0.1": 1.4, "aria2c + openssl": 1 / 0.7},
    "latency": {"hca 7.0.1": 20.0},
    "far-large": {"aria2c + openssl": 1.0},
    "far-lossy": {"aria2c + openssl": 1.0},
    "far-small": {"curl --parallel, unverified": 1.0},
    "checksums": {"hca 7.0.1 (dcplib)": 1.7},
    "upload-small": {"hca 7.0.1 upload_to_cloud": 3.5},
    "upload-large": {"hca 7.0.1 upload_to_cloud": 1.6},
}
INTRODUCTION = """\
Results of the benchmarks
=========================

Written by ``python benchmarks/run.py --rst benchmarks/RESULTS.rst``; its docstring describes the measurements. The
server runs on the same two cores as the programs. ``hca dss download-manifest`` makes two requests for each file (the
service's redirect, then the bytes), as hca 7 does; aria2c and curl get the final URL and make one, except for
many files far away. A far server is behind ``distance.py``, which delays and limits each connection. hca and
hca 7 verify sha256 and keep a filestore in directories by checksum; the processor time of the server is not counted.
``hca`` is the command of the environment that runs this (for these numbers, of wheels); its first run includes the
search for plugins.
aria2c deletes a control file for each file, after which ext4 creates files slowly; on a file system in memory, it takes
about 1.4 times as long as hca for 5,000 small files.
"""


def judged(results: dict[str, dict[str, Measure]]) -> str:
    """Which targets were met in this run."""
    lines = ["Targets", "-------", ""]
    for job, targets in TARGETS.items():
        measures = results.get(job)
        if not measures:
            continue
        ours = next(iter(measures.values()))
        for name, factor in targets.items():
            other = measures.get(name)
            if other is None or not other.wall or not ours.wall:
                lines.append(f"* {JOBS[job][0]}: not compared with {name}, which was not there")
                continue
            wall = statistics.median(other.wall) / statistics.median(ours.wall)
            cpu = statistics.median(other.cpu) / statistics.median(ours.cpu)
            verdict = "met" if wall >= factor else "not met in this run"
            lines.append(
                f"* {JOBS[job][0]}: {name} takes {wall:.2f} times as long (target {factor:.2f}: {verdict}), "
                f"and {cpu:.2f} times the processor time"
            )
    return "\n".join([*lines, ""])


def table(title: str, measures: dict[str, Measure]) -> str:
    """One job's results, as a reStructuredText table."""
    rows = [("", "median s", "spread s", "CPU s", "RSS MiB", "ratio")]
    ours = statistics.median(next(iter(measures.values())).wall or [float("nan")])
    for name, measure in measures.items():
        if not measure.wall:
            rows.append((name, "failed", "", "", "", ""))
            continue
        wall = statistics.median(measure.wall)
        spread = f"{min(measure.wall):.2f}-{max(measure.wall):.2f}"
        cpu, rss = f"{statistics.median(measure.cpu):.2f}", f"{max(measure.rss):.0f}"
        rows.append((name, f"{wall:.2f}", spread, cpu, rss, f"{wall / ours:.2f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "  ".join("=" * max(width, 3) for width in widths)
    lines = ["  ".join(cell.ljust(max(width, 3)) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines = [line.rstrip() for line in lines]
    lines[0] = ("\\" + lines[0][1:]) if lines[0].startswith(" ") else lines[0]
    return "\n".join([title, "-" * len(title), "", rule, lines[0], rule, *lines[1:], rule, ""])


def others_sections(path: Path, ours: list[str]) -> list[str]:
    """The sections of a file that this program does not write: those written by hand stay."""
    text = path.read_text() if path.exists() else ""
    starts = list(re.finditer(r"^(?P<title>[^\n]+)\n(?P<line>-{3,})\n", text, re.MULTILINE))
    starts = [each for each in starts if len(each["line"]) == len(each["title"])]
    ends = [each.start() for each in starts[1:]] + [len(text)]
    return [text[each.start() : end] for each, end in zip(starts, ends, strict=True) if each["title"] not in ours]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--job", nargs="*", choices=list(JOBS), default=list(JOBS), help="default: all")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--hca7", type=os.path.abspath, metavar="PYTHON", help="a Python 3.8 in whose environment hca 7.0.1 is"
    )
    parser.add_argument("--dir", type=Path, help="where files go (default: the temporary directory)")
    parser.add_argument("--rst", type=Path, metavar="FILE", help="write the tables to FILE too")
    arguments = parser.parse_args()
    if arguments.rst and set(arguments.job) != set(JOBS):
        parser.error("--rst replaces the tables of all jobs, and takes no --job")
    bench = Bench(arguments)
    try:
        for name in arguments.job:
            JOBS[name][1](bench, name)
    finally:
        bench.close()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    head = f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, load {load}, "
    head += f"{arguments.runs} runs, {time.strftime('%Y-%m-%d')}"
    tables = [table(JOBS[name][0], measures) for name, measures in bench.results.items()]
    print("\n".join([head, "", judged(bench.results), *tables]))
    if arguments.rst:
        busy = (
            "The machine was busy with other work during this run (see the load): wall times are inflated, most of all "
            "those of contenders that use both cores. Processor times say more.\n"
            if os.getloadavg()[1] > 2 * (os.cpu_count() or 1)
            else ""
        )
        parts = [INTRODUCTION, head + ".", "", busy, judged(bench.results), *tables]
        kept = others_sections(arguments.rst, ["Targets", *(title for title, _ in JOBS.values())])
        arguments.rst.write_text("\n".join([*(part for part in parts if part or part == ""), *kept]))


if __name__ == "__main__":
    main()
