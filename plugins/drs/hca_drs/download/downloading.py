"""Downloads: objects and the members of bundles are named, downloaded, verified and reported."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hca_base.errors import ExitCode, HCAError, RefusedError, UsageError
from hca_base.output import counted
from hca_base.transfer import (
    DirectoryDestination,
    FileStore,
    Item,
    Report,
    Row,
    TransferOptions,
    download,
    matches_etag,
    prefetch,
)
from hca_drs.download.bundles import Entry, Limits, walk
from hca_drs.download.names import Names
from hca_drs.download.sources import Sources
from hca_drs.objects.access import Preferences
from hca_drs.objects.model import DrsObject
from hca_drs.servers.servers import Servers

if TYPE_CHECKING:
    import pandas

#: Number of object names to keep for messages.
_EXAMPLES = 3


@dataclass
class Choices:
    """Settings of a download.

    :ivar flat: put all files into one directory
    :ivar on_collision: ``rename`` or ``error``
    """

    options: TransferOptions = field(default_factory=TransferOptions)
    limits: Limits = field(default_factory=Limits)
    flat: bool = False
    on_collision: str = "rename"


class Outcome:
    """The outcome of a download.

    :ivar report: a row for each file, and for each identifier without a file
    :ivar unverified: names of files without a usable checksum, and why (the first few)
    :ivar unverified_count: how many those are
    :ivar unchecked: number of files with neither a checksum nor a size, so that nothing was verified
    :ivar unchecked_names: the first few of them
    :ivar cycles: bundles that contain themselves (the first few)
    :ivar renamed: files whose names differ from those on their servers
    """

    def __init__(self) -> None:
        self.report = Report()
        self.plan: dict[str, int] = {}
        self.unverified: list[tuple[str, str]] = []
        self.unverified_count = 0
        self.unchecked = 0
        self.unchecked_names: list[str] = []
        self.unknown: dict[str, int] = {}
        self.cycles: list[str] = []
        self.renamed = 0
        self._refused: list[tuple[Row, HCAError]] = []
        #: Objects with something to report about their checksums, by name.
        self._noted: dict[str, DrsObject] = {}
        #: Files of multipart objects, and their ETags.
        self._to_compare: list[tuple[Row, str]] = []

    def add(self, row: Row) -> None:
        """Add a row of the engine's report."""
        self.report.add(row)
        found = self._noted.pop(row.name, None)
        # A file that failed, or is only planned, was not verified.
        if found is not None and row.good and not row.outcome.startswith("would-"):
            self._say_of(row, found)

    def compare_etags(self) -> None:
        """Compare files with the ETags of multipart objects that have no other checksum."""
        for row, etag in self._to_compare:
            if not matches_etag(row.path, etag):
                self._note_unverified(row.name, f"no common part size matches its ETag, {etag}")
        self._to_compare.clear()

    def to_pandas(self) -> pandas.DataFrame:
        """Return a row for each file as a :class:`pandas.DataFrame`."""
        return self.report.to_pandas()

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    def refuse(self, name: str, uri: str, error: HCAError) -> None:
        """Add an object that cannot be downloaded."""
        outcome = "refused" if isinstance(error, RefusedError | UsageError) else "failed"
        self._refused.append((Row(name or uri, outcome, 0, 0.0, 0, "", str(error), "", uri), error))

    def finish(self, engine: Report | None) -> None:
        """Complete the report.

        :param engine: the engine's report, which has the errors of its rows; None if it was interrupted
        """
        if engine is not None:
            self.report.take_totals(engine)
            self.plan = dict(engine.plan)
            for error in engine.errors:
                if error.exit_code == ExitCode.AUTH and error.hint is None:
                    error.hint = (
                        "its DRS server gave this address, and fresh ones in its place: report the refusal there"
                    )
            self.report.errors[:] = engine.errors
            self.report.codes.clear()
            self.report.codes.update(engine.codes)
        for row, error in self._refused:
            self.report.add(row, error)
        self._refused.clear()

    def note_digests(self, name: str, found: DrsObject) -> None:
        """Add an object to download: once it arrives, remarks about its checksums are reported."""
        digests = found.digests
        if digests.unknown or not digests.known:
            self._noted[name] = found

    def _say_of(self, row: Row, found: DrsObject) -> None:
        digests = found.digests
        if digests.known:
            for kind, why in digests.unknown:
                key = f"{kind}: {why}"
                self.unknown[key] = self.unknown.get(key, 0) + 1
        elif found.size is None:
            self.unchecked += 1
            if len(self.unchecked_names) < _EXAMPLES:
                self.unchecked_names.append(row.name)
        elif digests.unverifiable:
            self._note_unverified(row.name, digests.unverifiable)
        elif row.path:
            self._to_compare.append((row, digests.etag))

    def _note_unverified(self, name: str, why: str) -> None:
        self.unverified_count += 1
        if len(self.unverified) < _EXAMPLES:
            self.unverified.append((name, why))

    def notes(self) -> Iterator[str]:
        """Messages for the user besides the report."""
        if self.unverified_count:
            shown = "; ".join(f"{name} ({why})" for name, why in self.unverified)
            more = _and_more(self.unverified_count - len(self.unverified))
            yield f"only the size of {counted(self.unverified_count, 'file')} could be verified: {shown}{more}"
        if self.unchecked:
            more = _and_more(self.unchecked - len(self.unchecked_names))
            yield (
                f"{counted(self.unchecked, 'file')} could not be verified: the server gives neither a size "
                f"nor a checksum that hca knows: {', '.join(self.unchecked_names)}{more}"
            )
        for key, count in sorted(self.unknown.items())[:_EXAMPLES]:
            yield f"checksums not verified, another one was: {key} ({counted(count, 'file')})"
        if self.cycles:
            yield f"bundles that contain themselves were followed only once: {', '.join(self.cycles)}"
        if self.renamed:
            more = "has the same name as another" if self.renamed == 1 else "have the same names as others"
            yield f"{counted(self.renamed, 'file')} {more}; added a part of a digest"


def _and_more(left: int) -> str:
    return f" and {left:,} more" if left > 0 else ""


def run(servers: Servers, preferences: Preferences, uris: Iterable[str], root: Path | str, choices: Choices) -> Outcome:
    """Download objects to below ``root``; see :meth:`hca_drs.client.DRSClient.download`."""
    options = choices.options
    outcome = Outcome()
    destination = DirectoryDestination(
        Path(root), FileStore(options.filestore or root), link=options.link, fsync=options.fsync, names=options.names
    )
    items = prefetch(_items(servers, Sources(servers, preferences), uris, choices, outcome), depth=4096)
    engine: Report | None = None
    try:
        engine = download(
            items,
            destination,
            # The report is ours: it also has identifiers without a file.
            options=dataclasses.replace(options, report=None),
            session=servers.session,
            on_result=lambda item, row: outcome.add(row),
        )
        if not options.dry_run:
            outcome.compare_etags()
    finally:
        outcome.finish(engine)
        if options.report is not None:
            outcome.report.write(options.report)
    return outcome


def _items(
    servers: Servers, sources: Sources, uris: Iterable[str], choices: Choices, outcome: Outcome
) -> Iterator[Item]:
    names = Names(flat=choices.flat, on_collision=choices.on_collision)
    for entry in walk(servers, uris, choices.limits):
        if entry.cycle and len(outcome.cycles) < _EXAMPLES:
            outcome.cycles.append(entry.path)
        if entry.error is not None:
            _refuse(entry, entry.error, choices, outcome)
        elif entry.is_blob and entry.object is not None:
            try:
                name = names.of(entry.object, entry.path)
                if name is not None:
                    yield _item(sources, entry, entry.object, name, outcome)
            except HCAError as error:
                _refuse(entry, error, choices, outcome)
        outcome.renamed = names.renamed


def _refuse(entry: Entry, error: HCAError, choices: Choices, outcome: Outcome) -> None:
    """Record an object that cannot be downloaded, and continue; with ``fail_fast``, stop.

    :raises HCAError: ``error``
    """
    outcome.refuse(entry.path, entry.uri, error)
    if choices.options.fail_fast:
        raise error


def _item(sources: Sources, entry: Entry, found: DrsObject, name: str, outcome: Outcome) -> Item:
    outcome.note_digests(name, found)
    # A list, even with one element: such an item is downloaded in a thread, where a function may block.
    return Item(name, found.size, found.digests.known, sources.of(found), key=entry.uri)
