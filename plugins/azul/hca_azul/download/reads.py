"""Read files: which read, lane and run of a sample they contain."""

from __future__ import annotations

import re

from hca_azul.lists.entries import Entry

_READS = {"read1": "fastq_1", "read2": "fastq_2", "index1": "index_1", "index2": "index_2"}
# S1_L001_R1_001.fastq.gz, SRR3562915_1.fastq.gz
_IN_NAME = re.compile(r"(?:^|[._-])([RI]?)([12])(?=[._-]|$)(?!.*[._-][RI][12](?:[._-]|$))", re.IGNORECASE)
_LANE = re.compile(r"(?:^|[._-])L0*(\d{1,3})(?=[._-]|$)", re.IGNORECASE)
_RUN_ACCESSION = re.compile(r"(?<![A-Z0-9])([SED]RR\d{6,})(?![0-9])")


def lane_of(entry: Entry) -> str:
    """The lane of a read file; empty if neither its metadata nor its name contain it."""
    found = _LANE.search(entry.name)
    return entry.lane or (found[1] if found else "")


def run_accession(entry: Entry) -> str:
    """The accession of the sequencing run in a file's name; empty for none."""
    found = _RUN_ACCESSION.search(entry.name)
    return found[1] if found else ""


def read_of(entry: Entry) -> tuple[str, str]:
    """The column of a read file, and the part of its name that it shares with the other reads of its run."""
    leaf = entry.name.rsplit("/", 1)[-1]
    base = re.sub(r"\.(fastq|fq)(\.gz|\.bz2)?$", "", leaf, flags=re.IGNORECASE)
    match = _IN_NAME.search(base)
    stem = base if match is None else base[: match.start()] + base[match.end() :]
    known = _READS.get(entry.read.split(" || ")[0].lower())
    if known is None and match is not None:
        known = ("index_" if match[1].upper() == "I" else "fastq_") + match[2]
    return known or "fastq_1", stem


def is_fastq(entry: Entry) -> bool:
    """Whether a file contains reads."""
    name = (entry.format or entry.name).lower()
    return name.endswith(("fastq", "fq", "fastq.gz", "fq.gz", "fastq.bz2"))
