"""The built-in validator: valid JSON, intact gzip, complete FASTQ records.

Prints one JSON object, in the format of the platform's validators, and exits with 1 if a file is invalid.
"""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path


def problems(path: Path) -> list[str]:
    """What is wrong with a file, checked by its suffixes; files with unknown suffixes are valid."""
    name = path.name.lower()
    try:
        if name.endswith(".json"):
            json.loads(path.read_bytes())
        elif name.endswith((".fastq.gz", ".fq.gz")):
            with gzip.open(path) as file:
                return _fastq(path.name, file)
        elif name.endswith((".fastq", ".fq")):
            with path.open("rb") as file:
                return _fastq(path.name, file)
        elif name.endswith(".gz"):
            with gzip.open(path) as file:
                while file.read(1 << 20):
                    pass
    except (ValueError, OSError, EOFError, zlib.error, RecursionError) as error:
        return [f"{path.name}: {type(error).__name__}: {error}"]
    return []


def _fastq(name: str, lines: Iterable[bytes]) -> list[str]:
    record: list[bytes] = []
    number = 0
    for line in lines:
        record.append(line.rstrip(b"\r\n"))
        if len(record) < 4:
            continue
        number += 1
        header, sequence, plus, quality = record
        if not header.startswith(b"@") or not plus.startswith(b"+") or len(sequence) != len(quality):
            return [f"{name}: record {number} is not a FASTQ record"]
        record.clear()
    return [f"{name}: record {number + 1} is cut short"] if record else []


def main(paths: list[str]) -> int:
    found = [problem for path in paths for problem in problems(Path(path))]
    print(json.dumps({"validation_state": "INVALID" if found else "VALID", "validation_errors": found}))  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
