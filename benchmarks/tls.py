"""Downloads over TLS, with HTTP/1.1 and 2: the engine against curl and aria2c, in one run, from nginx on this machine.

    python benchmarks/tls.py [--runs N] [--small N] [--large N]

``--small`` files of 4 KiB and ``--large`` files of 64 MiB (default: 2,000 and 10) are served by nginx, which has to be
installed, with ``openssl``. Each contender is run N times, in turn; the tables say what ``run.py`` says. For large
files, curl is followed by ``openssl dgst``; of small ones, only the engine and aria2c look at checksums. At the end:
how many TLS sessions the engine began, and how many connections went on with one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import run as benchmark

KIB, MIB = 1024, 1024**2
#: port -> whether it speaks HTTP/2 too
PORTS = {19443: False, 19444: True}
Contender = Callable[[Path], tuple[float, float, float]]


def configuration(base: Path) -> str:
    """What nginx reads."""
    servers = "".join(
        f"server {{ listen 127.0.0.1:{port} ssl{' http2' * http2}; root {base}/files; }}\n"
        for port, http2 in PORTS.items()
    )
    places = "".join(f"{name}_temp_path {base}/tmp;\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""{user} worker_processes 1; daemon off; pid {base}/nginx.pid; error_log {base}/error.log;
events {{ worker_connections 2048; }}
http {{
log_format sessions '$ssl_session_reused $connection'; access_log {base}/sessions.log sessions;
{places} sendfile on; keepalive_requests 100000; default_type application/octet-stream;
ssl_certificate {base}/certificate.pem; ssl_certificate_key {base}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
ssl_session_cache shared:sessions:10m;
{servers}}}
"""


@contextmanager
def serving(base: Path) -> Iterator[None]:
    """nginx, as long as the context lasts."""
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    request += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", base / "key.pem", "-out", base / "certificate.pem"]
    subprocess.run(request, check=True, stderr=subprocess.DEVNULL)
    (base / "nginx.conf").write_text(configuration(base))
    process = subprocess.Popen(["nginx", "-c", base / "nginx.conf"])
    try:
        time.sleep(1)
        if process.poll() is not None:
            raise SystemExit(f"nginx does not start: {(base / 'error.log').read_text()[-300:]}")
        yield
    finally:
        process.terminate()
        process.wait()


def files(base: Path, count: int, size: int) -> dict[str, str]:
    """Make files; their sha256 by name."""
    (base / "files").mkdir(exist_ok=True)
    found = {}
    for number in range(count):
        name = f"{size}-{number}"
        digest, dice = hashlib.sha256(), random.Random(number)
        with (base / "files" / name).open("wb") as file:
            for _ in range(0, size, min(size, MIB)):
                data = dice.randbytes(min(size, MIB))
                digest.update(data)
                file.write(data)
        found[name] = digest.hexdigest()
    return found


def engine(listed: Path, to: Path) -> None:
    """What the engine does with a list."""
    from hca_base.transfer import FileStore, Item, Source, download

    given = json.loads(listed.read_text())
    items = [
        Item(name, given["size"], {"sha256": digest}, Source(f"{given['base']}/{name}"))
        for name, digest in given["files"].items()
    ]
    download(items, FileStore(to)).raise_for_failures("downloaded")


def contenders(bench: Any, base: Path, port: int, size: int, digests: dict[str, str]) -> dict[str, Contender]:
    """All that are here, the engine first."""
    url, certificate = f"https://127.0.0.1:{port}", str(base / "certificate.pem")
    listed = base / f"list-{port}-{size}.json"
    listed.write_text(json.dumps({"base": url, "size": size, "files": digests}))
    env = {**os.environ, "REQUESTS_CA_BUNDLE": certificate}

    def verified(first: tuple[float, float, float], place: Path) -> tuple[float, float, float]:
        if size < MIB:
            return first
        check = ["openssl", "dgst", "-sha256", "-r", *digests]
        return benchmark.plus(first, benchmark.run(check, place))

    def ours(place: Path) -> tuple[float, float, float]:
        return benchmark.run([sys.executable, __file__, "--engine", str(listed), "--to", str(place)], place, env)

    def curl(version: str) -> Contender:
        def fetch(place: Path) -> tuple[float, float, float]:
            names = base / "curl.txt"
            names.write_text("\n".join(f'url = "{url}/{name}"\noutput = "{name}"' for name in digests))
            command = ["curl", "-sS", "--fail", version, "--cacert", certificate, "--parallel", "--parallel-max", "32"]
            return verified(benchmark.run([*command, "-K", str(names)], place), place)

        return fetch

    def aria2(place: Path) -> tuple[float, float, float]:
        names = base / "aria2.txt"
        lines = (f"{url}/{name}\n  out={name}\n  checksum=sha-256={digest}" for name, digest in digests.items())
        names.write_text("\n".join(lines))
        command = [
            "aria2c",
            "-q",
            "-i",
            str(names),
            "-j16",
            "--file-allocation=none",
            f"--ca-certificate={certificate}",
        ]
        return benchmark.run(command, place)

    found: dict[str, Contender] = {"hca_base.transfer.download": ours}
    if shutil.which("curl"):
        found["curl --parallel" + (" + openssl" if size >= MIB else ", unverified")] = curl("--http1.1")
        if PORTS[port]:
            found["curl --parallel --http2" + (" + openssl" if size >= MIB else ", unverified")] = curl("--http2")
    if shutil.which("aria2c"):
        found["aria2c, verified"] = aria2
    return found


def handshakes(base: Path) -> tuple[int, int]:
    """Connections with a new TLS session, and with one that there was, since the last time."""
    time.sleep(0.2)
    log = base / "sessions.log"
    seen = {tuple(line.split()) for line in log.read_text().splitlines()}
    with log.open("w"):
        pass
    # The first request of a connection tells; all of one connection say the same.
    return sum(reused == "." for reused, _ in seen), sum(reused == "r" for reused, _ in seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small", type=int, default=2000, help="files of 4 KiB")
    parser.add_argument("--large", type=int, default=10, help="files of 64 MiB")
    parser.add_argument("--dir", type=Path, help="where files go (default: the temporary directory)")
    parser.add_argument("--engine", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine:
        engine(arguments.engine, arguments.to)
        return
    if not shutil.which("nginx"):
        raise SystemExit("nginx is not installed")
    arguments.hca7 = None
    bench = benchmark.Bench(arguments)
    base = bench.base
    counted = []
    try:
        with serving(base):
            for count, size in ((arguments.small, 4 * KIB), (arguments.large, 64 * MIB)):
                digests = files(base, count, size)
                for port, http2 in PORTS.items():
                    title = f"{count:,} files of {size // KIB:,} KiB over TLS, HTTP/1.1" + " or 2" * http2
                    found = contenders(bench, base, port, size, digests)
                    bench.contend(title, found)
                    handshakes(base)
                    (base / "to").mkdir()
                    found["hca_base.transfer.download"](base / "to")
                    shutil.rmtree(base / "to")
                    counted.append("* {}: {} new TLS sessions, {} that went on".format(title, *handshakes(base)))
    finally:
        bench.close()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{os.cpu_count()} cores, load {load}, {arguments.runs} runs, {time.strftime('%Y-%m-%d')}\n")
    print("\n".join(benchmark.table(title, measures) for title, measures in bench.results.items()))
    print("\n".join(counted))


if __name__ == "__main__":
    main()
