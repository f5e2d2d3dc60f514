"""Downloads: select files, name them, and download each from the first source that has it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hca_azul.download.lock import locked_catalog, write_lock
from hca_azul.download.naming import DEFAULT, LISTED, Template
from hca_azul.download.outcome import ABSENT, ABSENT_OFFLINE, MANAGED, OFFLINE, UNAVAILABLE, Outcome
from hca_azul.download.plan import Plan, Planned
from hca_azul.download.reads import is_fastq, run_accession
from hca_azul.download.samplesheet import SampleSheet
from hca_azul.download.selection import Chosen, Selection, managed_of, run_accessions
from hca_azul.download.sources import SOURCES, Sources
from hca_azul.lists.entries import NOT_LISTED
from hca_azul.lists.managed import ManagedFiles
from hca_azul.query.managed import error_of
from hca_base.errors import AuthError, HCAError, NotFoundError, ServiceError, UnreachableError, UsageError
from hca_base.http import RetryPolicy
from hca_base.transfer import (
    DirectoryDestination,
    FileStore,
    Item,
    Row,
    TransferOptions,
    check_directory,
    download,
)

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection


#: Statuses for a file that does not exist, or that this user cannot access.
_REFUSALS = frozenset({401, 403, 404})
#: Most seconds to connect, and to wait for an answer, where the mirror can stand in for the service.
_PATIENCE = (10.0, 30.0)
#: Seconds after which a message tells the user why hca is waiting.
_SILENCE = 2.0


@dataclass
class DownloadRequest:
    """Settings of a download.

    :ivar catalog: None: from the lock file, the settings or the service
    :ivar template: for names; None: a folder for each project, or the paths from a curl configuration
    :ivar policy: for files with the same name
    :ivar sources: where to get files, in order of preference
    :ivar skip_unavailable: unavailable files are not failures
    :ivar samplesheet: sample sheet to write
    """

    catalog: str | None = None
    template: str | None = None
    policy: str = "rename"
    sources: tuple[str, ...] = SOURCES
    skip_unavailable: bool = False
    samplesheet: SampleSheet | None = None
    options: TransferOptions = field(default_factory=TransferOptions)


class _Job:
    """One download."""

    def __init__(self, client: AzulConnection, selection: Selection, root: Path, request: DownloadRequest) -> None:
        self.client, self.selection, self.root, self.request = client, selection, root, request
        self.options = request.options
        if request.catalog is None:
            client.lock_catalog(locked_catalog(root, client.base_url))
        self.catalog, self.online = catalog_of(client, selection, request.catalog)
        self.outcome = Outcome(client, self.catalog)
        self._named: ManagedFiles | None = None

    def run(self) -> Outcome:
        """Run the download.

        :raises AuthError: all matches have managed access
        :raises NotFoundError: nothing matches
        """
        check_directory(self.root)
        sheet = self.request.samplesheet
        compact = sheet is not None and sheet.needs_libraries
        with self.selection.chosen(self.client, self.catalog or None, online=self.online, compact=compact) as chosen:
            template = self.request.template or (LISTED if chosen.has_paths else DEFAULT)
            plan = Plan(
                Template(template, plain=sheet is not None and sheet.plain_names),
                self.request.policy,
                native=self.options.names == "native",
            )
            try:
                self._fill(plan, chosen)
                self._move(plan, chosen)
                return self.outcome
            finally:
                plan.close()

    def _fill(self, plan: Plan, chosen: Chosen) -> None:
        if not chosen.names_files:
            plan.fill(chosen.entries)
            return
        self._named = ManagedFiles(self.client, self.catalog)
        plan.fill(self._named.watch(chosen.entries), self._named.review)
        self.outcome.take_withheld(self._named.managed)

    def _move(self, plan: Plan, chosen: Chosen) -> None:
        outcome, totals = self.outcome, plan.totals()
        outcome.renamed, outcome.left_out = plan.renamed, plan.left_out
        # The service excludes them silently, and the remaining files would look complete.
        outcome.add_managed(managed_of(self.client, chosen, self.catalog), chosen.units)
        try:
            if not totals.files and not plan.missing_count():
                self._nothing()
            elif self.request.samplesheet is not None and self.request.samplesheet.replaces_download:
                self._list_runs(plan, chosen, self.request.samplesheet)
            else:
                self._download(plan, chosen)
        finally:
            if self.options.report is not None:
                outcome.report.write(self.options.report)

    def _list_runs(self, plan: Plan, chosen: Chosen, sheet: SampleSheet) -> None:
        """Write the accessions of the runs, for a pipeline that downloads the reads itself."""
        self.outcome.downloads = False
        if any(is_fastq(planned.entry) and not run_accession(planned.entry) for planned in plan):
            sheet.accessions = run_accessions(self.client, chosen, self.catalog)
        if not self.options.dry_run:
            sheet.write(plan, self.root)

    def _download(self, plan: Plan, chosen: Chosen) -> None:
        sheet, totals = self.request.samplesheet, plan.totals()
        if sheet is not None:
            sheet.check(plan, self.root)
        if not self.options.dry_run and totals.files:
            try:
                write_lock(self.root, self.client.base_url, self.catalog, chosen.note, totals.files, totals.bytes)
            except OSError as error:
                raise HCAError(f"cannot write to {self.root}: {error.strerror or error}") from None
        self._fetch(plan)
        if sheet is not None and not self.options.dry_run:
            sheet.write(plan, self.root)

    def _nothing(self) -> None:
        """Raise an error, unless all matches have managed access and the user chose to skip unavailable files."""
        managed = self.outcome.managed
        if managed.units and not self.request.skip_unavailable:
            raise error_of(self.client, managed.units)
        if not managed.units:
            raise NotFoundError(f"no file in catalog {self.catalog} matches")

    def _fetch(self, plan: Plan) -> None:
        options, outcome = self.options, self.outcome
        sources = Sources(self.client, self.request.sources, online=self.online)
        destination = DirectoryDestination(
            self.root,
            FileStore(options.filestore or self.root),
            link=options.link,
            fsync=options.fsync,
            names=options.names,
        )
        totals = plan.totals()
        for planned in plan.missing():
            self._unavailable(planned, planned.entry.missing)
        refused: list[Row] = []
        try:
            outcome.engine = download(
                self._items(plan, sources),
                destination,
                # The report is ours: it also contains files that were never requested.
                options=dataclasses.replace(options, report=None),
                session=self.client.session,
                on_result=lambda item, row: refused.append(row) if row.status in _REFUSALS else outcome.add(row),
                expected=(totals.files, totals.bytes),
            )
        except BaseException:
            # Interrupted: they go into the report, but no further requests are made.
            for row in refused:
                outcome.add(row)
            raise
        self._settle(plan, refused, sources)
        for left in plan.without_name():
            outcome.add_left_out(left, str(self.root / plan.planned(left.kept).path))
        outcome.report.take_totals(outcome.engine)
        outcome.plan = outcome.report.plan = dict(outcome.engine.plan)

    def _items(self, plan: Plan, sources: Sources) -> Iterator[Item]:
        for planned in plan:
            entry = planned.entry
            found = sources.of(entry)
            if not found:
                why = f"none of {', '.join(sources.order)} offers it" if self.online else OFFLINE
                self._unavailable(planned, why)
                continue
            # A single source, not a list: the engine has a fast path for it.
            source = found[0] if len(found) == 1 else found
            yield Item(planned.path, entry.size, entry.checksums, source, planned.number)

    def _settle(self, plan: Plan, refused: list[Row], sources: Sources) -> None:
        """Find out why files were refused: managed access, or not available from a source."""
        entries = [plan.planned(row.key).entry._replace(missing=NOT_LISTED) for row in refused]
        if self._named is not None and refused:
            self._named.ask_about(entries)
            entries = [self._named.withheld(entry) for entry in entries]
            self.outcome.take_withheld(self._named.managed)
        for row, entry in zip(refused, entries, strict=True):
            if entry.managed:
                row = Row.failure(row.name, MANAGED, entry.missing, key=row.key, checksum=row.checksum)
            elif sources.is_mirror_alone(entry):
                why = ABSENT if self.online else ABSENT_OFFLINE
                row = Row.failure(row.name, UNAVAILABLE, why, key=row.key, checksum=row.checksum)
            self.outcome.add(row)

    def _unavailable(self, planned: Planned, why: str) -> None:
        """Record a file that no source has, and continue; with ``fail_fast``, stop.

        :raises HCAError: with ``fail_fast``, the first failure
        """
        entry = planned.entry
        digest = entry.sha256 or entry.md5
        outcome = MANAGED if entry.managed else UNAVAILABLE
        self.outcome.add(Row.failure(planned.path, outcome, why, key=planned.number, checksum=digest))
        if self.options.fail_fast and not self.request.skip_unavailable:
            if entry.managed and self._named is not None:
                raise error_of(self.client, self._named.managed.units)
            kind = UnreachableError if why == OFFLINE else NotFoundError
            raise kind(f"{ascii(planned.path)[1:-1]} cannot be downloaded: {why}")


def catalog_of(client: AzulConnection, selection: Selection, catalog: str | None) -> tuple[str, bool]:
    """The catalog to use, and whether the service is reachable: a manifest and the mirror work without it.

    :param catalog: chosen by the caller
    """
    try:
        if selection.manifest:
            # With a configured catalog, it still takes a request to find out whether the service is reachable.
            _await_service(client)
        found = client.catalog(catalog)
        return found, True
    except HCAError as error:
        if not selection.manifest or not _is_gone(error):
            raise
        from hca_base.output import warn

        warn(f"the service is unavailable ({error}); files come from the public mirror alone")
        return catalog or client.setting("catalog") or "", False


def _await_service(client: AzulConnection) -> None:
    """Ask the service for its catalogs, and wait less long than elsewhere: there is the mirror.

    :raises HCAError: it does not answer, or with something else
    """
    from hca_base.output import warn

    limits = client.session.settings.timeout_within(_PATIENCE)
    told = f"no answer from {urlsplit(client.base_url).netloc} yet; waiting up to {limits[1]:g} s for it"
    notice = threading.Timer(_SILENCE, warn, [told])
    notice.daemon = True
    notice.start()
    try:
        # What fails at once is tried again; no answer at all is waited for once.
        client.known_catalogs(timeout=limits, policy=RetryPolicy(longest_attempt=min(limits)))
    finally:
        notice.cancel()


def _is_gone(error: HCAError) -> bool:
    """Whether the service is permanently or temporarily unavailable: the response is not a list of catalogs.

    Usage errors, rejected credentials and rate limits are excluded: the user can act on those.
    """
    if isinstance(error, UsageError | AuthError):
        return False
    return not isinstance(error, ServiceError) or error.status not in (401, 429)


def run(client: AzulConnection, selection: Selection, root: Path | str, request: DownloadRequest) -> Outcome:
    """Download the selected files below ``root``; see :meth:`hca_azul.client.AzulClient.download`."""
    return _Job(client, selection, Path(root), request).run()
