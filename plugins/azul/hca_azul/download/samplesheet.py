"""Sample sheets: which reads belong together, for pipelines."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from hca_azul.download.entries import Entry
from hca_azul.download.plan import Plan
from hca_base.errors import HCAError

COLUMNS = (
    "sample",
    "fastq_1",
    "fastq_2",
    "index_1",
    "index_2",
    "lane",
    "run",
    "project",
    "species",
    "organ",
    "library",
)
_READS = {"read1": "fastq_1", "read2": "fastq_2", "index1": "index_1", "index2": "index_2"}
# S1_L001_R1_001.fastq.gz, SRR3562915_1.fastq.gz
_IN_NAME = re.compile(r"(?:^|[._-])([RI]?)([12])(?=[._-]|$)(?!.*[._-][RI][12](?:[._-]|$))", re.IGNORECASE)
_LANE = re.compile(r"(?:^|[._-])L0*(\d{1,3})(?=[._-]|$)", re.IGNORECASE)


def write_samplesheet(path: Path | str, plan: Plan, root: Path) -> int:
    """Write the sample sheet of the reads that are there; its rows.

    A row has the reads of one run of one sample (and lane, where the names tell lanes apart). Where several files want
    one place in a row, because the list knows no runs and their names are the same, those of one bundle go together.

    :raises HCAError: it cannot be written
    """
    groups: dict[tuple[str, ...], list[tuple[Entry, str, dict[str, str]]]] = {}
    for planned in plan:
        entry = planned.entry
        file = root / planned.path
        if not _is_fastq(entry) or not file.exists():
            continue
        column, stem = read_of(entry)
        found = _LANE.search(entry.name)
        lane = entry.lane or (found[1] if found else "")
        facts = {
            "sample": entry.sample or stem,
            column: str(file),
            "lane": lane,
            "run": entry.run or stem,
            "project": entry.project,
            "species": entry.species,
            "organ": entry.organ,
            "library": entry.library,
        }
        groups.setdefault((entry.project, entry.sample, entry.run, lane, stem), []).append((entry, column, facts))
    rows = [row for group in groups.values() for row in _rows(group)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    from hca_base.config import open_atomic

    try:
        with open_atomic(path, new_mode=0o666) as stream:
            stream.write(text.getvalue().encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise HCAError(f"cannot write the sample sheet {path}: {error.strerror or error}") from None
    return len(rows)


def _rows(group: list[tuple[Entry, str, dict[str, str]]]) -> list[dict[str, str]]:
    """The rows of files that have all but their places in common: one, if they are in each other's way in none."""
    if len({column for _, column, _ in group}) == len(group):
        whole: dict[str, str] = {}
        for _, _, facts in group:
            whole |= facts
        return [whole]
    bundles: dict[str, list[tuple[Entry, str, dict[str, str]]]] = {}
    for one in group:
        bundles.setdefault(one[0].bundle, []).append(one)
    if len(bundles) == 1:
        return [facts for _, _, facts in group]
    return [row for part in bundles.values() for row in _rows(part)]


def read_of(entry: Entry) -> tuple[str, str]:
    """The column of a file of reads, and what its name has in common with those of the other reads of its run."""
    leaf = entry.name.rsplit("/", 1)[-1]
    base = re.sub(r"\.(fastq|fq)(\.gz|\.bz2)?$", "", leaf, flags=re.IGNORECASE)
    match = _IN_NAME.search(base)
    stem = base if match is None else base[: match.start()] + base[match.end() :]
    known = _READS.get(entry.read.split(" || ")[0].lower())
    if known is None and match is not None:
        known = ("index_" if match[1].upper() == "I" else "fastq_") + match[2]
    return known or "fastq_1", stem


def _is_fastq(entry: Entry) -> bool:
    name = (entry.format or entry.name).lower()
    return name.endswith(("fastq", "fq", "fastq.gz", "fq.gz", "fastq.bz2"))
