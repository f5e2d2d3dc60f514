"""Downloads: what is wanted, named, fetched from the first source that has it, and told about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_azul.download.lock import locked_catalog, write_lock
from hca_azul.download.naming import DEFAULT, LISTED, Template
from hca_azul.download.plan import Plan, Planned
from hca_azul.download.selection import Selection
from hca_azul.download.sources import SOURCES, Sources
from hca_azul.query.managed import left_out, tell_hidden
from hca_base.errors import ExitCode, HCAError, NotFoundError, ServiceError, TransferError, VerificationError
from hca_base.transfer import DirectoryDestination, FileStore, Item, Report, Row, TransferOptions, download

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

#: HTTP statuses of a file that its last source does not have.
_NOT_THERE = frozenset({404, 410})
UNAVAILABLE = "unavailable"
_OTHER_NAMES = (
    "--name-template '{project}/{stem}-{uuid}{suffix}' gives names that can be used everywhere; --report FILE lists all"
)
_AGAIN = "Run the same command again to get those that are missing; --report FILE lists them all."


@dataclass
class Wishes:
    """How a download is to be.

    :ivar catalog: None: that of the lock file, the settings or the service
    :ivar template: for names; None: a folder for each project, or the paths of a curl configuration
    :ivar policy: what to do with files of one name
    :ivar sources: where to get files, the best first
    :ivar skip_unavailable: files that cannot be had are no failure
    :ivar samplesheet: file to write a sample sheet to
    """

    catalog: str | None = None
    template: str | None = None
    policy: str = "rename"
    sources: tuple[str, ...] = SOURCES
    skip_unavailable: bool = False
    samplesheet: Path | str | None = None
    options: TransferOptions = field(default_factory=TransferOptions)


class Outcome:
    """What became of a download.

    :ivar report: a row for each file; those that cannot be had are ``unavailable``
    :ivar engine: the report of the engine, which knows the errors
    :ivar unavailable: how many cannot be had
    :ivar hidden: projects whose files are asked for, and not shown to this user
    :ivar named: whether these projects were asked for by their names
    """

    def __init__(self, catalog: str) -> None:
        self.catalog = catalog
        self.report = Report()
        self.engine: Report | None = None
        self.unavailable = 0
        self.failed = 0
        self.refused = 0
        self.renamed = 0
        self.left_out = 0
        self.hidden: list[str] = []
        self.named = False
        self.examples: list[str] = []
        self.plan: dict[str, Any] = {}

    def add(self, row: Row) -> None:
        """Take a row of the engine's, or one of ours."""
        if _is_missing(row):
            row = row._replace(outcome=UNAVAILABLE)
        if row.outcome == UNAVAILABLE:
            self.unavailable += 1
            if len(self.examples) < 5:
                self.examples.append(row.name)
        elif not row.good:
            self.failed += 1
            self.refused += row.outcome == "refused"
        self.report.add(row, NotFoundError(row.error) if row.outcome == UNAVAILABLE else None)

    def raise_for_failures(self, skip_unavailable: bool) -> None:
        """Raise when files are missing.

        :param skip_unavailable: not for those that nobody can have
        :raises NotFoundError: files cannot be had, and all others are there
        :raises HCAError: others failed
        """
        if self.failed and self.engine is not None:
            try:
                if self.failed == self.engine.failures:
                    self.engine.raise_for_failures("downloaded")
                self._raise_mixed(self.engine)
            except HCAError as error:
                if self.refused == self.failed:
                    # The same command again would be refused again.
                    error.hint = _OTHER_NAMES
                raise
        if self.unavailable and not skip_unavailable:
            shown = ", ".join(ascii(name)[1:-1] for name in self.examples[:3])
            more = f" and {self.unavailable - 3:,} more" if self.unavailable > 3 else ""
            all_others = "all others are there; " if self.unavailable < self.report.files else ""
            raise NotFoundError(
                f"{self.unavailable:,} of {self.report.files:,} files cannot be downloaded ({shown}{more})",
                hint=f"{all_others}--report FILE says why; with --skip-unavailable that is no failure",
            )
        if self.hidden and self.named and not skip_unavailable:
            shown = ", ".join(self.hidden[:3]) + (f" and {len(self.hidden) - 3:,} more" if self.hidden[3:] else "")
            raise NotFoundError(
                f"nothing of {shown} was downloaded: it is of managed access, and not shown to you",
                hint="all others are there; with --skip-unavailable that is no failure",
            )

    def _raise_mixed(self, engine: Report) -> None:
        """Some files cannot be had, and others failed: it is those that matter."""
        others = [error for error in engine.errors if not (isinstance(error, ServiceError) and error.status == 404)]
        first = next((row for row in engine.failed if row.outcome != "cancelled" and not _is_missing(row)), None)
        told = f"{self.failed:,} of {self.report.files:,} files were not downloaded"
        if self.unavailable:
            told += f", and {self.unavailable:,} cannot be"
        if first is not None:
            told += f"; the first: {first.name}: {first.error}"
        codes = {error.exit_code for error in others}
        if any(isinstance(error, VerificationError) for error in others):
            raise VerificationError(told, hint=_AGAIN)
        raise TransferError(told, exit_code=codes.pop() if len(codes) == 1 else ExitCode.FAILED, hint=_AGAIN)


def _is_missing(row: Row) -> bool:
    return row.outcome == "failed" and row.status in _NOT_THERE


def run(client: AzulConnection, selection: Selection, root: Path | str, wishes: Wishes) -> Outcome:
    """Download what is selected to below ``root``; see :meth:`hca_azul.client.AzulClient.download`."""
    root = Path(root)
    options = wishes.options
    if wishes.catalog is None:
        client.lock_catalog(locked_catalog(root, client.base_url))
    catalog = client.catalog(wishes.catalog)
    outcome = Outcome(catalog)
    default = LISTED if selection.manifest and _has_paths(selection) else DEFAULT
    plan = Plan(Template(wishes.template or default), wishes.policy)
    try:
        entries, told, named = selection.found(client, catalog)
        plan.fill(entries)
        totals = plan.totals()
        outcome.renamed, outcome.left_out = plan.renamed, plan.left_out
        if not totals.files and not plan.missing_count():
            _nothing(client, selection, named, catalog)
        if selection.projects or selection.filters:
            # The service keeps silent about them, and the others would look like all.
            outcome.hidden = left_out(client, selection.whole_filters(named), named, catalog)
            outcome.named = bool(named)
        if not options.dry_run and totals.files:
            try:
                write_lock(root, client.base_url, catalog, told, totals.files, totals.bytes)
            except OSError as error:
                raise HCAError(f"cannot write to {root}: {error.strerror or error}") from None
        _fetch(client, plan, root, wishes, outcome)
        if wishes.samplesheet and not options.dry_run:
            from hca_azul.download.samplesheet import write_samplesheet

            write_samplesheet(wishes.samplesheet, plan, root)
        return outcome
    finally:
        plan.close()


def _fetch(client: AzulConnection, plan: Plan, root: Path, wishes: Wishes, outcome: Outcome) -> None:
    import dataclasses

    options = wishes.options
    report = options.report
    sources = Sources(client, wishes.sources)
    destination = DirectoryDestination(
        root, FileStore(options.filestore or root), link=options.link, fsync=options.fsync
    )
    totals = plan.totals()
    for planned in plan.missing():
        _unavailable(outcome, planned, planned.entry.missing)
    try:
        outcome.engine = download(
            _items(plan, sources, outcome),
            destination,
            # The report is ours: it has files that were never asked for, too.
            options=dataclasses.replace(options, report=None),
            session=client.session,
            on_result=lambda item, row: outcome.add(row),
            expected=(totals.files, totals.bytes),
        )
        outcome.report.seconds = outcome.engine.seconds
        outcome.plan = dict(outcome.engine.plan)
    finally:
        if report is not None:
            outcome.report.write(report)


def _items(plan: Plan, sources: Sources, outcome: Outcome) -> Iterator[Item]:
    for planned in plan:
        entry = planned.entry
        found = sources.of(entry)
        if not found:
            _unavailable(outcome, planned, f"none of {', '.join(sources.order)} offers it")
            continue
        checksums = {name: value for name, value in (("sha256", entry.sha256), ("crc32c", entry.crc32c)) if value}
        # One source alone, not a list of it: the engine is fastest with that.
        yield Item(planned.path, entry.size, checksums, found[0] if len(found) == 1 else found, planned.number)


def _unavailable(outcome: Outcome, planned: Planned, why: str) -> None:
    outcome.add(Row.failure(planned.path, UNAVAILABLE, why, key=planned.number, checksum=planned.entry.sha256))


def _has_paths(selection: Selection) -> bool:
    from hca_azul.download.lists import is_curl

    return selection.manifest is not None and is_curl(selection.manifest)


def _nothing(client: AzulConnection, selection: Selection, named: Any, catalog: str) -> None:
    """Nothing matches: say so, and whether managed data does.

    :raises NotFoundError: always
    """
    hint = None
    if selection.projects or selection.filters:
        hint = tell_hidden(client, selection.whole_filters(named), catalog)
    raise NotFoundError(f"no file in catalog {catalog} matches", hint=hint)
