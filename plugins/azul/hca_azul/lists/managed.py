"""Finds the files of a list that have managed access.

The service does not tell this of a file: it does not list files that the user cannot access, and returns 404 for them,
as if they did not exist. Their project or dataset is listed with its access. A list names that, or the file's bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from hca_azul.flavours.flavour import Unit
from hca_azul.lists.compact import SEPARATOR
from hca_azul.lists.entries import BATCH, NOT_LISTED, Entry, by_filters
from hca_azul.query.managed import Managed, find_managed, message

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection

#: Up to so many values are looked up one by one, to know which of them have managed access.
_FEW = 10


class ManagedFiles:
    """The files with managed access among those named by UUID or in a list.

    :param catalog: for files without a catalog in the list
    :ivar units: the projects or datasets of marked files, by UUID
    :ivar unknown: why the service could not be queried; empty if it could
    """

    def __init__(self, client: AzulConnection, catalog: str | None) -> None:
        self._client, self._catalog = client, catalog
        self._answers: dict[tuple[str, str, str], list[Unit]] = {}
        self._lost: list[Entry] = []
        self._unlisted: set[str] = set()
        self._keys: dict[str, set[str]] = {}
        self._unplaced: list[Entry] | None = None
        self.units: dict[str, Unit] = {}
        self.unknown = ""

    def watch(self, entries: Iterable[Entry], *, look_up: bool = False) -> Iterator[Entry]:
        """Iterate over files, and collect what needs to be looked up.

        :param look_up: also look up files whose project is not in the list
        """
        self._unplaced = [] if look_up else None
        for entry in entries:
            if entry.missing == NOT_LISTED:
                self._lost.append(entry)
            elif not entry.missing and entry.project_id:
                self._keys.setdefault(entry.catalog, set()).add(entry.project_id)
            elif not entry.missing and self._unplaced is not None:
                self._unplaced.append(entry)
            yield entry

    def ask(self) -> bool:
        """Look up the collected files; return whether some have managed access."""
        flavour = self._client.flavour
        for catalog, keys in self._keys.items():
            self._ask(flavour.unit_field, keys, catalog)
        lost = [*self._lost, *self._look_up(self._unplaced or [])]
        self._unlisted.update(entry.uuid for entry in lost)
        self.ask_about(lost)
        return any(self._answers.values())

    def review(self) -> Callable[[Entry], Entry] | None:
        """Look up the collected files; return a function that marks those with managed access, or None for none."""
        return self.withheld if self.ask() else None

    def withheld(self, entry: Entry) -> Entry:
        """The file, with why it is unavailable if it has managed access."""
        units = self.units_of(entry)
        if not units:
            return entry
        for unit in units:
            self.units.setdefault(unit.uuid, unit)
        return entry._replace(missing=message(self._client, Managed(units)), managed=True)

    @property
    def managed(self) -> Managed:
        """The result: the projects or datasets of the files with managed access."""
        return Managed(list(self.units.values()), self.unknown)

    def ask_about(self, entries: Iterable[Entry]) -> None:
        """Look up files that the service does not return to this user."""
        flavour = self._client.flavour
        left: list[Entry] = list(entries)
        for field in (flavour.unit_field, flavour.bundle_field, flavour.file_field):
            values: dict[str, set[str]] = {}
            for entry in left:
                values.setdefault(entry.catalog, set()).update(self._values(field, entry))
            for catalog, some in values.items():
                self._ask(field, some, catalog)
            # A file of a known public project is missing for another reason.
            left = [entry for entry in left if not entry.project_id and not self.units_of(entry)]

    def units_of(self, entry: Entry) -> list[Unit]:
        """The projects or datasets with managed access of a file, as far as looked up."""
        flavour = self._client.flavour
        fields = [flavour.unit_field]
        if entry.missing or entry.uuid in self._unlisted:
            # Other files of a bundle may be public.
            fields += [flavour.bundle_field, flavour.file_field]
        for field in fields:
            for value in self._values(field, entry):
                found = self._answers.get((entry.catalog, field, value))
                if found:
                    return found
        return []

    def _ask(self, field: str, values: Iterable[str], catalog: str) -> None:
        new = sorted(value for value in values if (catalog, field, value) not in self._answers)
        for start in range(0, len(new), BATCH):
            self._ask_batch(field, new[start : start + BATCH], catalog)

    def _ask_batch(self, field: str, values: list[str], catalog: str) -> None:
        found = find_managed(self._client, {field: {"is": values}}, catalog or self._catalog)
        self.unknown = self.unknown or found.unknown
        if field == self._client.flavour.unit_field:
            known: Mapping[str, Unit] = {unit.key: unit for unit in found.units}
            self._answers.update(
                {(catalog, field, value): [known[value]] if value in known else [] for value in values}
            )
        elif 1 < len(values) <= _FEW and found.units:
            for value in values:
                self._ask_batch(field, [value], catalog)
        else:
            self._answers.update(dict.fromkeys(((catalog, field, value) for value in values), found.units))

    def _look_up(self, entries: list[Entry]) -> Iterator[Entry]:
        """Those of the files that the service does not list for this user."""
        field = self._client.flavour.file_field
        for start in range(0, len(entries), BATCH):
            batch = entries[start : start + BATCH]
            filters = {field: {"is": sorted({entry.uuid for entry in batch})}}
            listed = {entry.uuid for entry in by_filters(self._client, filters, self._catalog)}
            yield from (entry._replace(missing=NOT_LISTED) for entry in batch if entry.uuid not in listed)

    def _values(self, field: str, entry: Entry) -> list[str]:
        """A file's value in a field."""
        flavour = self._client.flavour
        if field == flavour.unit_field:
            return [value for value in entry.project_id.split(SEPARATOR) if value]
        if field == flavour.bundle_field:
            return [entry.bundle] if entry.bundle else []
        return [entry.uuid]
