"""Sample sheets: which read files belong together, for pipelines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hca_azul.download.pipelines import (
    PIPELINES,
    check_libraries,
    check_pooled,
    fetch_rows,
    pipeline_rows,
    write_lines,
    write_rows,
)
from hca_azul.download.plan import Plan
from hca_azul.download.reads import is_fastq, lane_of, read_of
from hca_azul.lists.entries import Entry
from hca_base.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
POOLED = ("error", "split", "join")
PATHS = ("absolute", "relative")


@dataclass
class SampleSheet:
    """A sample sheet to write.

    :ivar path: output file; ``-`` is stdout
    :ivar pipeline: one of :data:`hca_azul.download.pipelines.PIPELINES`; None: a general table
    :ivar pooled: how to handle files of several libraries: error, split or join
    :ivar paths: absolute or relative; None: like the given download directory (with a pipeline: absolute)
    :ivar accessions: (document or file name) -> accession of its run, for names that do not contain it
    :ivar rows: number of rows written; None before that
    """

    path: Path
    pipeline: str | None = None
    pooled: str = "error"
    paths: str | None = None
    accessions: Mapping[str, str] | None = None
    rows: int | None = None

    def __post_init__(self) -> None:
        for value, known in ((self.pipeline, (None, *PIPELINES)), (self.pooled, POOLED), (self.paths, (None, *PATHS))):
            if value not in known:
                raise UsageError(f"unknown value {value!r}", hint=f"use {', '.join(one for one in known if one)}")

    @property
    def plain_names(self) -> bool:
        """Whether file names must not contain blanks."""
        return self.pipeline is not None and not self.replaces_download

    @property
    def needs_libraries(self) -> bool:
        """Whether it needs columns that only manifests have."""
        return self.pipeline is not None and not self.replaces_download

    @property
    def replaces_download(self) -> bool:
        """Whether the pipeline downloads the reads itself."""
        return self.pipeline == "fetchngs"

    def check(self, plan: Plan, root: Path) -> None:
        """Check that it can be written, before the download starts.

        :raises UsageError: a file has several libraries, or the directory's path has blanks
        """
        if not self.plain_names:
            return
        check_libraries(plan)
        if self.pooled == "error":
            check_pooled(plan)
        base = self._base(root)
        if any(c.isspace() for c in str(base)):
            raise UsageError(
                f"the path {str(base)!r} contains spaces, which nf-core/{self.pipeline} refuses",
                hint=self._without_blanks(root),
            )

    def _without_blanks(self, root: Path) -> str:
        import os

        if self.paths != "relative" and not any(c.isspace() for c in os.path.relpath(root.resolve())):
            return "use another --download-dir, or --sheet-paths relative"
        return "use another --download-dir"

    def _base(self, root: Path) -> Path:
        if self.paths == "absolute" or (self.paths is None and self.pipeline is not None):
            return root.resolve()
        if self.paths == "relative":
            import os

            # Pipelines resolve them against the directory that they are started in.
            return Path(os.path.relpath(root.resolve()))
        return root

    def write(self, plan: Plan, root: Path) -> int:
        """Write it; return the number of rows.

        :raises HCAError: writing failed
        """
        self.rows = self._write(plan, root)
        return self.rows

    def _write(self, plan: Plan, root: Path) -> int:
        base = self._base(root)
        if self.pipeline is None:
            return write_plain(self.path, plan, root, base)
        if self.replaces_download:
            return write_lines(self.path, fetch_rows(plan, self.accessions or {}))
        columns, rows = pipeline_rows(self.pipeline, plan, root, base, self.pooled)
        write_rows(self.path, columns, rows)
        return len(rows)


def write_plain(path: Path, plan: Plan, root: Path, base: Path) -> int:
    """Write the sample sheet of the downloaded read files; return its rows.

    A row has the reads of one run of one sample (and lane, if the names contain lanes). If several files have
    the same place in a row, because the list has no runs and their names are equal, files of one bundle are paired.

    :raises HCAError: writing failed
    """
    groups: dict[tuple[str, ...], list[tuple[Entry, str, dict[str, str]]]] = {}
    for planned in plan:
        entry = planned.entry
        file = root / planned.path
        if not is_fastq(entry) or not file.exists():
            continue
        column, stem = read_of(entry)
        lane = lane_of(entry)
        facts = {
            "sample": entry.sample or stem,
            column: str(base / planned.path),
            "lane": lane,
            "run": entry.run or stem,
            "project": entry.project,
            "species": entry.species,
            "organ": entry.organ,
            "library": entry.library,
        }
        groups.setdefault((entry.project, entry.sample, entry.run, lane, stem), []).append((entry, column, facts))
    rows = [row for group in groups.values() for row in _rows(group)]
    write_rows(path, COLUMNS, rows)
    return len(rows)


def _rows(group: list[tuple[Entry, str, dict[str, str]]]) -> list[dict[str, str]]:
    """The rows of files that differ only in their columns: a single one, if no two files have the same column."""
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
