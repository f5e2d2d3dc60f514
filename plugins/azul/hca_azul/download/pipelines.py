"""Sample sheets of nf-core's pipelines.

nf-core/scrnaseq and nf-core/rnaseq treat rows with the same sample as further sequencing of one library, and read
FASTQ only; so their sample is our library (what was sequenced), not a specimen. nf-core/fetchngs reads
accessions of runs.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from hca_azul.download.plan import Plan
from hca_azul.download.reads import is_fastq, lane_of, read_of, run_accession
from hca_azul.lists.compact import SEPARATOR
from hca_azul.lists.entries import Entry
from hca_base.errors import HCAError, NotFoundError, UsageError

PIPELINES = ("scrnaseq", "rnaseq", "fetchngs")
_COLUMNS = {
    "scrnaseq": ("sample", "fastq_1", "fastq_2", "expected_cells"),
    "rnaseq": ("sample", "fastq_1", "fastq_2", "strandedness"),
}
_GZIPPED = re.compile(r"\S+\.f(ast)?q\.gz")

Row = dict[str, str]


def check_libraries(plan: Plan) -> None:
    """Check that the library of each read file is known.

    :raises UsageError: a list does not contain it; lanes would become samples, or wells would be merged into one
    """
    for planned in plan:
        entry = planned.entry
        if is_fastq(entry) and not entry.library_id:
            raise UsageError(
                f"the list does not name the library of {ascii(entry.name)[1:-1]}",
                hint="use a compact manifest, or name projects or filters",
            )


def check_pooled(plan: Plan) -> None:
    """Check that each read file has a single library.

    :raises UsageError: one has several; the message names it
    """
    for planned in plan:
        entry = planned.entry
        if is_fastq(entry) and SEPARATOR in entry.library_id:
            raise UsageError(
                f"{ascii(entry.name)[1:-1]} holds reads of several libraries: {entry.library_id[:200]}",
                hint="--pooled split lists it for each of them, --pooled join makes one sample of them",
            )


def pipeline_rows(pipeline: str, plan: Plan, root: Path, base: Path, pooled: str) -> tuple[Sequence[str], list[Row]]:
    """Build the rows for the downloaded read files.

    :param root: the folder of the files
    :param base: the same folder, as written into the sheet
    :param pooled: split or join files of several libraries
    :raises NotFoundError: there are no read files
    """
    runs: dict[tuple[str, str, str, str], dict[str, str]] = {}
    cells: dict[str, str] = {}
    skipped: list[str] = []
    for planned in plan:
        entry = planned.entry
        if not is_fastq(entry) or not (root / planned.path).exists():
            continue
        column, stem = read_of(entry)
        if not column.startswith("fastq_"):
            # These pipelines have no columns for index reads.
            continue
        path = str(base / planned.path)
        if not _GZIPPED.fullmatch(path):
            skipped.append(planned.path)
            continue
        for library in _libraries(entry, pooled):
            run = runs.setdefault((library, entry.run, lane_of(entry), f"{entry.bundle} {stem}"), {})
            if column in run:
                skipped.append(planned.path)
                continue
            run[column] = path
            if entry.cells.isdecimal():
                cells[library] = entry.cells
    names = _sample_names({key[0] for key in runs})
    rows = list(_rows(pipeline, runs, names, cells, skipped))
    if skipped:
        from hca_base.output import counted, warn

        warn(f"{counted(len(skipped), 'file')} left out of the sample sheet; the first: {ascii(skipped[0])[1:-1]}")
    if not rows:
        raise NotFoundError(f"no file of reads fits into a sample sheet for nf-core/{pipeline}")
    return _COLUMNS[pipeline], rows


def _libraries(entry: Entry, pooled: str) -> list[str]:
    name = entry.library_id or entry.sample or read_of(entry)[1]
    parts = name.split(SEPARATOR)
    return parts if pooled == "split" else ["-".join(parts)]


def _rows(
    pipeline: str,
    runs: Mapping[tuple[str, str, str, str], Mapping[str, str]],
    names: Mapping[str, str],
    cells: Mapping[str, str],
    skipped: list[str],
) -> Iterator[Row]:
    for key in sorted(runs):
        reads = runs[key]
        paired = "fastq_1" in reads and "fastq_2" in reads
        if not paired and (pipeline == "scrnaseq" or "fastq_1" not in reads):
            skipped += reads.values()
            continue
        row = {"sample": names[key[0]], "fastq_1": reads["fastq_1"], "fastq_2": reads.get("fastq_2", "")}
        if pipeline == "rnaseq":
            row["strandedness"] = "auto"
        elif key[0] in cells:
            row["expected_cells"] = cells[key[0]]
        yield row


def _sample_names(libraries: Iterable[str]) -> dict[str, str]:
    """Library -> a unique name without blanks."""
    safe = {library: re.sub(r"[\s,\"']+", "_", library) for library in libraries}
    counts: dict[str, int] = {}
    for name in safe.values():
        counts[name] = counts.get(name, 0) + 1
    return {
        library: name if counts[name] == 1 else f"{name}-{hashlib.sha256(library.encode()).hexdigest()[:6]}"
        for library, name in safe.items()
    }


def fetch_rows(plan: Plan, known: Mapping[str, str]) -> list[str]:
    """The run accessions of all read files, without duplicates.

    :param known: file name -> accession, for names that do not contain it
    :raises NotFoundError: a file's run has no accession
    """
    found: dict[str, None] = {}
    lacking = []
    for planned in plan:
        entry = planned.entry
        if not is_fastq(entry):
            continue
        accession = run_accession(entry) or known.get(entry.name, "")
        if accession:
            found.setdefault(accession)
        else:
            lacking.append(planned.path)
    if not found:
        raise NotFoundError("no file of reads that matches has the accession of a sequencing run")
    if lacking:
        from hca_base.output import counted

        raise NotFoundError(
            f"{counted(len(lacking), 'file')} of reads without the accession of a run; the first: "
            f"{ascii(lacking[0])[1:-1]}",
            hint="narrow the selection, or download the files with --for scrnaseq or rnaseq",
        )
    return sorted(found)


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write rows as CSV; the file is created once it is complete."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _save(path, text.getvalue())


def write_lines(path: Path, lines: Sequence[str]) -> int:
    """Write lines; return their number."""
    _save(path, "".join(f"{line}\n" for line in lines))
    return len(lines)


def _save(path: Path, text: str) -> None:
    from hca_base.config import open_atomic
    from hca_base.output import emit, emit_bytes, is_terminal

    data = text.encode("utf-8", "surrogateescape")
    if str(path) == "-":
        if is_terminal(sys.stdout):
            emit(text.rstrip("\n"), fmt="value")
        else:
            emit_bytes(data)
        return
    try:
        with open_atomic(path, new_mode=0o666) as stream:
            stream.write(data)
    except OSError as error:
        raise HCAError(f"cannot write the sample sheet {path}: {error.strerror or error}") from None
