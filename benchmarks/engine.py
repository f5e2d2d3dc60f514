"""What ``hca dss download-manifest`` does with the engine, without the command around it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from hca_base.transfer import FileStore, Item, Source, download


def items(path: str) -> Iterator[Item]:
    base = os.environ["HCA_BENCH_URL"].replace("swagger.json", "files/")
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        next(stream)
        for line in stream:
            _, version, name, uuid, _, digest, size = line.rstrip("\n").split("\t")
            url = f"{base}{uuid}?replica=aws&version={version}"
            yield Item(name, int(size), {"sha256": digest}, Source(url, redirects="service"))


if __name__ == "__main__":
    report = download(items(sys.argv[1]), FileStore(sys.argv[2]))
    report.raise_for_failures("downloaded")
    sys.stderr.write(report.summary() + "\n")
