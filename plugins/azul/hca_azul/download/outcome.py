"""The outcome of a download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hca_azul.flavours.flavour import Unit
from hca_azul.query.managed import Managed, error_of, message
from hca_base.errors import (
    AuthError,
    ExitCode,
    HCAError,
    NotFoundError,
    ServiceError,
    TransferError,
    UnreachableError,
    VerificationError,
)
from hca_base.output import counted, with_subject
from hca_base.transfer import Report, Row

if TYPE_CHECKING:
    import pandas

    from hca_azul.download.plan import LeftOut
    from hca_azul.query.connection import AzulConnection

#: HTTP statuses of a file that its last source does not have.
_NOT_THERE = frozenset({404, 410})
#: Status of missing objects in buckets without list permission, and of the service without access.
_FORBIDDEN = 403
UNAVAILABLE = "unavailable"
MANAGED = "managed"
DUPLICATE = "duplicate"
LEFT_OUT = "left-out"
OFFLINE = "the service is unavailable, and the list names no copy in the public mirror"
ABSENT = "the public mirror has no copy"
ABSENT_OFFLINE = f"the service is unavailable, and {ABSENT}"
_OTHER_NAMES = (
    "--name-template '{project}/{stem}-{uuid}{suffix}' gives names that can be used everywhere; --names native keeps "
    "those that only other systems cannot hold; --report FILE lists all"
)
_AGAIN = "run the same command again to get the missing files; --report FILE lists all"


class Outcome:
    """The outcome of a download.

    :ivar report: a row for each file; missing ones are ``unavailable``
    :ivar engine: the report of the engine, which has the errors
    :ivar unavailable: number of unavailable files
    :ivar withheld: number of files named by UUID or in a list that have managed access
    :ivar managed: selected projects or datasets whose files the user cannot access
    :ivar named: those of them that were named, directly or through their files
    :ivar downloads: False if a pipeline downloads the files, and hca downloads none
    """

    def __init__(self, client: AzulConnection, catalog: str) -> None:
        self.client = client
        self.catalog = catalog
        self.report = Report()
        self.engine: Report | None = None
        self.unavailable = 0
        self.withheld = 0
        self.failed = 0
        self.refused = 0
        self.renamed = 0
        self.downloads = True
        self.left_out = 0
        self.offline = 0
        self._offline_reason = ""
        self._forbidden = 0
        self.managed = Managed([])
        self.named: list[Unit] = []
        self.examples: list[str] = []
        self._reasons: set[str] = set()
        self.plan: dict[str, Any] = {}
        self._lost: dict[int, Row] = {}

    def add(self, row: Row) -> None:
        """Add a row of the engine's report, or one of ours."""
        if _is_missing(row):
            row = row._replace(outcome=UNAVAILABLE)
        if row.outcome == UNAVAILABLE and row.error in (OFFLINE, ABSENT_OFFLINE):
            self.offline += 1
            self._offline_reason = self._offline_reason or row.error
        elif row.outcome == UNAVAILABLE:
            self.unavailable += 1
            if len(self.examples) < 5:
                self.examples.append(row.name)
            if len(self._reasons) < 2:
                self._reasons.add(row.error)
        elif row.outcome == MANAGED:
            self.withheld += 1
        elif not row.good:
            self.failed += 1
            self.refused += row.outcome == "refused"
            self._forbidden += row.status == _FORBIDDEN
        if not row.good and row.key is not None:
            self._lost[row.key] = row
        self.report.add(row, _error_of(row))

    def add_left_out(self, left: LeftOut, path: str) -> None:
        """Add the row of a file whose name another file has; call it after those were added.

        :param path: where that file is
        """
        if left.same and left.kept in self._lost:
            self.add(self._lost[left.kept]._replace(name=left.path, key=left.number))
        elif left.same:
            self.report.add(Row.success(left.path, DUPLICATE, 0, path, key=left.number))
        else:
            self.report.add(Row.success(left.path, LEFT_OUT, 0, key=left.number))

    def to_pandas(self) -> pandas.DataFrame:
        """Return a row for each file as a :class:`pandas.DataFrame`."""
        return self.report.to_pandas()

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    def add_managed(self, managed: Managed, named: list[Unit]) -> None:
        """Add excluded projects or datasets as rows of the report."""
        self._take(managed, [unit for unit in named if unit.accessible is False])
        rows = [
            Row.failure(one.short or one.uuid, MANAGED, message(self.client, Managed([one]))) for one in managed.units
        ]
        if managed.unknown:
            rows.append(Row.failure("", MANAGED, message(self.client, Managed([], managed.unknown))))
        for row in rows:
            self.report.add(row, _error_of(row))

    def take_withheld(self, managed: Managed) -> None:
        """Add the projects or datasets of named files; the files have rows of their own."""
        self._take(managed, managed.units)

    def _take(self, managed: Managed, named: list[Unit]) -> None:
        units = {unit.uuid: unit for unit in (*self.managed.units, *managed.units)}
        self.managed = Managed(list(units.values()), self.managed.unknown or managed.unknown)
        self.named = list({unit.uuid: unit for unit in (*self.named, *named)}.values())

    def failure(self, skip_unavailable: bool, *, dry_run: bool = False) -> HCAError | None:
        """Return the error that :meth:`raise_for_failures` raises, or None."""
        try:
            self.raise_for_failures(skip_unavailable, dry_run=dry_run)
        except HCAError as error:
            return error
        return None

    def _raise_named(self, skip_unavailable: bool) -> None:
        if self.named and not skip_unavailable:
            raise error_of(self.client, self.named)

    def raise_for_failures(self, skip_unavailable: bool, *, dry_run: bool = False) -> None:
        """Raise an error if files are missing.

        :param skip_unavailable: ignore files that are unavailable or that this user cannot access
        :param dry_run: nothing was downloaded; the error says what would be missing
        :raises AuthError: a named project, or a file, has managed access
        :raises NotFoundError: files are unavailable, and no others failed
        :raises HCAError: other files failed
        """
        if self.failed and self.engine is not None:
            try:
                if self.failed == self.engine.failures:
                    self.engine.raise_for_failures("downloaded")
                self._raise_mixed(self.engine)
            except HCAError as error:
                if self.refused == self.failed:
                    # Repeating the command would give the same result.
                    error.hint = _OTHER_NAMES
                raise
        if self.offline and not skip_unavailable:
            raise UnreachableError(
                f"{counted(self.offline, 'file')} {'would not be' if dry_run else 'not'} downloaded: "
                f"{self._offline_reason}",
                hint="run the same command again when the service is back; --skip-unavailable ignores them. "
                "Compact manifests name the copies in the mirror",
            )
        self._raise_named(skip_unavailable)
        if self.unavailable and not skip_unavailable:
            self._raise_unavailable(dry_run)

    def _raise_unavailable(self, dry_run: bool) -> None:
        shown = ", ".join(ascii(name)[1:-1] for name in self.examples[:3])
        more = f" and {self.unavailable - 3:,} more" if self.unavailable > 3 else ""
        files = self.report.files - self.report.counts[MANAGED]
        all_others = "all others are there; " if self.unavailable < files and not dry_run else ""
        # A reason shared by all fits into the message; several are left to the report.
        why = f": {next(iter(self._reasons))}" if len(self._reasons) == 1 else ""
        told = "" if why else "--report FILE says why; "
        raise NotFoundError(
            f"{self.unavailable:,} of {counted(files, 'file')} cannot be downloaded ({shown}{more}){why}",
            hint=f"{all_others}{told}with --skip-unavailable this is not an error",
        )

    def _raise_mixed(self, engine: Report) -> None:
        """Some files are unavailable, and others failed: report the failures."""
        # Missing files, and those with managed access, are not failures.
        lacking = _NOT_THERE if self._forbidden else _NOT_THERE | {_FORBIDDEN}
        others = [error for error in engine.errors if not (isinstance(error, ServiceError) and error.status in lacking)]
        failed = (row for row in engine.failed if row.outcome not in ("cancelled", UNAVAILABLE))
        first = next((row for row in failed if row.status not in lacking), None)
        told = f"{self.failed:,} of {counted(self.report.files, 'file')} not downloaded"
        if lost := self.unavailable + self.offline:
            told += f", and {lost:,} cannot be"
        if first is not None:
            told += f"; the first: {with_subject(first.name, first.error)}"
        codes = {error.exit_code for error in others}
        if any(isinstance(error, VerificationError) for error in others):
            raise VerificationError(told, hint=_AGAIN)
        raise TransferError(told, exit_code=codes.pop() if len(codes) == 1 else ExitCode.FAILED, hint=_AGAIN)


def _error_of(row: Row) -> HCAError | None:
    """The error for an unavailable file."""
    kinds: dict[str, type[HCAError]] = {UNAVAILABLE: NotFoundError, MANAGED: AuthError}
    kind = kinds.get(row.outcome)
    return kind(row.error) if kind is not None else None


def _is_missing(row: Row) -> bool:
    return row.outcome == "failed" and row.status in _NOT_THERE
