"""Filling an upload area: ``hca upload`` against boto3 in a thread pool, and against the old way of two passes.

``python benchmarks/upload_areas.py [--rounds N] [--small N] [--large N]`` makes files of 4 KiB and of 256 MiB. Each
means sends them in turn to an S3 that keeps nothing (``server.py``), for N rounds; medians and ratios are printed. Each
run is a process of its own, as a user's is; its seconds include its start.

* ``library``, ``command``: :meth:`hca_upload.UploadArea.upload_files`, and ``hca upload files``: with the CRC-32C as
  metadata, the ETags compared, the service told of each file
* ``boto3``: ``upload_fileobj`` in 16 threads, and nothing else
* ``two-pass``: what hca 7 did: the CRC-32C of a file in one pass, ``upload_fileobj`` in another, then the service told
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
AREA = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
BUCKET = "org-humancellatlas-upload-bench"
MIB = 1024 * 1024
CREDENTIALS = json.dumps(
    {
        "AccessKeyId": "AKIABENCH",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
).encode()


# The service: credentials for who asks, and 202 for the rest.


class Api(asyncio.Protocol):
    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head, self.buffer = self.buffer[:end], self.buffer[end + 4 :]
            lent = b"/credentials " in head.split(b"\r\n", 1)[0]
            status, body = (b"201 Created", CREDENTIALS) if lent else (b"202 Accepted", b"")
            answer = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            self.transport.write(answer % (status, len(body), body))  # type: ignore[attr-defined]


async def serve_api() -> None:
    server = await asyncio.get_running_loop().create_server(Api, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def serving(*command: str) -> Iterator[str]:
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


# The means.


def with_library(folder: Path, api: str) -> None:
    from hca_upload import UploadAreaURI, UploadService

    area = UploadService("bench").upload_area(UploadAreaURI(f"s3://{BUCKET}/{AREA}/"))
    area.upload_files([folder], sync=False)


def with_boto3(folder: Path, s3: str, api: str, two_passes: bool) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import boto3
    import google_crc32c
    import requests
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    client = boto3.client("s3", endpoint_url=s3, config=Config(max_pool_connections=16))
    config = TransferConfig(multipart_threshold=64 * MIB, multipart_chunksize=64 * MIB)
    session = requests.Session()

    def one(path: Path) -> None:
        extra: dict[str, object] = {"ContentType": "application/octet-stream; dcp-type=data"}
        if two_passes:
            crc = 0
            with path.open("rb") as stream:
                while data := stream.read(MIB):
                    crc = google_crc32c.extend(crc, data)
            extra["Metadata"] = {"crc32c": f"{crc:08x}"}
        with path.open("rb") as stream:
            client.upload_fileobj(stream, BUCKET, f"{AREA}/{path.name}", Config=config, ExtraArgs=extra)
        if two_passes:
            session.post(f"{api}/v1/area/{AREA}/{path.name}", timeout=60).raise_for_status()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, sorted(folder.iterdir())))


# The comparison.


def measure(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds, and seconds of processor time, of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(title: str, folder: Path, rounds: int, s3: str, api: str) -> None:
    home = folder.parent / "home"
    settings = {
        "upload": {
            "preprod_api_url_template": f"{api}/v1",
            "areas": {AREA: {"uri": f"s3://{BUCKET}/{AREA}/"}},
            "current_area": AREA,
        },
        "s3": {"endpoint_url": s3, "region": "us-east-1"},
    }
    config = home / ".config" / "hca" / "config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps(settings))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HCA_", "XDG_", "AWS_"))}
    environment |= {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"}
    worker = [
        sys.executable,
        str(Path(__file__).resolve()),
        "--folder",
        str(folder),
        "--s3",
        s3,
        "--api",
        api,
        "--means",
    ]
    means = {
        "library": [*worker, "library"],
        "command": [sys.executable, "-m", "hca_base", "upload", "files", "-q", "--no-sync", str(folder)],
        "boto3": [*worker, "boto3"],
        "two-pass": [*worker, "two-pass"],
    }
    for path in folder.iterdir():
        # Everyone finds the files in memory.
        path.read_bytes()
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in means}
    for _ in range(rounds):
        for name, command in means.items():
            taken[name].append(measure(command, environment))
    base = statistics.median(seconds for seconds, _ in taken["library"])
    print(f"\n{title}, medians of {rounds} rounds\n")
    line = "=" * 10 + "  " + "=" * 9 + "  " + "=" * 15 + "  " + "=" * 15
    print(f"{line}\nMeans       Seconds    Processor (s)    Times library\n{line}")
    for name, runs in taken.items():
        seconds = statistics.median(each for each, _ in runs)
        processor = statistics.median(each for _, each in runs)
        print(f"{name:<10}  {seconds:>9.2f}  {processor:>15.2f}  {seconds / base:>15.2f}")
    print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", type=int, default=2000, help="number of files of 4 KiB")
    parser.add_argument("--large", type=int, default=4, help="number of files of 256 MiB")
    parser.add_argument("--serve-api", action="store_true", help=argparse.SUPPRESS)
    for name in ("--means", "--folder", "--s3", "--api"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve_api:
        asyncio.run(serve_api())
    elif args.means == "library":
        with_library(Path(args.folder), args.api)
    elif args.means:
        with_boto3(Path(args.folder), args.s3, args.api, args.means == "two-pass")
    else:
        with (
            serving(str(HERE / "server.py")) as s3,
            serving(str(Path(__file__).resolve()), "--serve-api") as api,
            tempfile.TemporaryDirectory(prefix="hca-bench-") as scratch,
        ):
            generator = random.Random(3)
            for count, size, title in ((args.small, 4096, "4 KiB"), (args.large, 256 * MIB, "256 MiB")):
                folder = Path(scratch, title.replace(" ", ""), "files")
                folder.mkdir(parents=True)
                for number in range(count):
                    with (folder / f"f{number:05}.bin").open("wb") as file:
                        for start in range(0, size, MIB):
                            file.write(generator.randbytes(min(MIB, size - start)))
                compare(f"{count} files of {title}", folder, args.rounds, s3, api)


if __name__ == "__main__":
    main()
