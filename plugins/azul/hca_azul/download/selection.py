"""Selects the files to download: by project or dataset, by filters, by UUID, or from a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hca_azul.flavours.flavour import Unit
from hca_azul.lists.entries import Entry, by_filters, by_uuids
from hca_azul.lists.inputs import Asked, asked_by, is_manifest_url
from hca_azul.lists.read import FileList
from hca_azul.query.managed import Managed, find_managed, of_units
from hca_azul.query.units import find_units
from hca_base.errors import UsageError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection


class Chosen(NamedTuple):
    """The files of a selection.

    :ivar note: what to write to the lock file
    :ivar units: projects or datasets that were named
    :ivar filters: of the files; empty if they were selected in another way
    :ivar has_paths: whether the list contains the path of each file
    :ivar asked: the parameters in the manifest's URL, if the list is one
    :ivar managed: what else was selected and has managed access, if already known
    :ivar names_files: whether each file was named, by UUID or in a list
    """

    entries: Iterable[Entry]
    note: dict[str, Any]
    units: list[Unit]
    filters: dict[str, Any]
    has_paths: bool = False
    asked: Asked | None = None
    managed: Managed | None = None
    names_files: bool = False


@dataclass
class Selection:
    """Files to download. Projects and filters can be combined; the other ways cannot.

    :ivar units: projects or datasets, by any of their names
    :ivar filters: in the service's JSON form
    :ivar uuids: of files
    :ivar manifest: a manifest or another list: path, ``-`` or URL
    :ivar entries: already selected files
    :ivar managed: what is excluded from these files, because it has managed access
    :ivar named: the projects or datasets of it that were named
    """

    units: list[str] = field(default_factory=list)
    filters: Mapping[str, Any] = field(default_factory=dict)
    uuids: list[str] = field(default_factory=list)
    manifest: Path | str | None = None
    entries: Iterable[Entry] | None = None
    managed: Managed | None = None
    named: list[Unit] = field(default_factory=list)

    def check(self) -> None:
        """Check that it selects files in exactly one way.

        :raises UsageError: it does not
        """
        ways = [bool(self.units or self.filters), bool(self.uuids), bool(self.manifest), self.entries is not None]
        if sum(ways) == 0:
            raise UsageError(
                "nothing is selected", hint="name a project, or use --filter, --file UUID or --manifest FILE"
            )
        if not all(name.strip() for name in (*self.units, *self.uuids)):
            raise UsageError("the name of a project or the UUID of a file is empty")
        if sum(ways) > 1:
            raise UsageError("--file, --manifest, and projects with filters cannot be combined")

    @contextmanager
    def chosen(
        self, client: AzulConnection, catalog: str | None, *, online: bool = True, compact: bool = False
    ) -> Iterator[Chosen]:
        """The files.

        :param online: whether the service is reachable; otherwise only lists are supported
        :param compact: read the files from a compact manifest, which has more metadata than a listing
        :raises NotFoundError: a project does not exist
        """
        self.check()
        if self.entries is not None:
            yield Chosen(self.entries, {}, self.named, {}, managed=self.managed)
        elif self.manifest:
            with FileList(client, self.manifest, catalog, online=online) as files:
                asked = asked_by(str(self.manifest)) if online else None
                note: dict[str, Any] = {"manifest": self._list_name()}
                yield Chosen(files, note, [], {}, files.has_paths, asked, names_files=online and asked is None)
        elif self.uuids:
            entries = by_uuids(client, self.uuids, catalog)
            filters = {client.flavour.file_field: {"is": self.uuids}}
            with _told_by_manifest(client, filters, catalog, compact) as told:
                note = {"files": self.uuids[:1000]}
                yield Chosen(_with_details(entries, told), note, [], {}, names_files=True)
        else:
            found = find_units(client, self.units, catalog)
            units = [one.unit for one in found]
            filters = with_units(client, self.filters, units)
            with _told_by_manifest(client, filters, catalog, compact) as told:
                entries = by_filters(client, filters, catalog) if told is None else iter(told)
                yield Chosen(entries, {"filters": filters}, units, filters)

    def _list_name(self) -> str:
        """The list's name in the lock file; a URL may contain a key."""
        return "an address" if is_manifest_url(str(self.manifest)) else Path(str(self.manifest)).name


@contextmanager
def _told_by_manifest(
    client: AzulConnection, filters: Mapping[str, Any], catalog: str | None, wanted: bool
) -> Iterator[Iterable[Entry] | None]:
    """The files of a compact manifest that is requested for them; None if not wanted."""
    if not wanted:
        yield None
        return
    import tempfile

    from hca_azul.manifest.manifests import Manifest

    with tempfile.TemporaryDirectory(prefix="hca-azul-") as directory:
        path = Path(directory) / "manifest.tsv"
        Manifest(client, filters, "compact", catalog=catalog).save(path)
        with FileList(client, path, catalog) as files:
            yield files


def _with_details(entries: Iterable[Entry], told: Iterable[Entry] | None) -> Iterator[Entry]:
    """Files as described in a manifest, if it contains them."""
    known = {entry.uuid: entry for entry in told or ()}
    for entry in entries:
        yield known.get(entry.uuid, entry)


def run_accessions(client: AzulConnection, chosen: Chosen, catalog: str | None) -> dict[str, str]:
    """Request the accessions of sequencing runs: file name -> accession, as given by contributors."""
    import tempfile

    from hca_azul.manifest.manifests import Manifest
    from hca_azul.manifest.tables import read_records

    if not chosen.filters:
        return {}
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="hca-azul-") as directory:
        path = Path(directory) / "entities.jsonl"
        Manifest(client, chosen.filters, "verbatim.jsonl", catalog=catalog).save(path)
        for record in read_records(path):
            values = record.values
            core = values.get("file_core")
            runs = values.get("insdc_run_accessions") or values.get("insdc_run")
            name = core.get("file_name") if isinstance(core, dict) else None
            if isinstance(name, str) and isinstance(runs, list) and runs:
                found[name] = str(runs[0])
    return found


def with_units(client: AzulConnection, filters: Mapping[str, Any], units: list[Unit]) -> dict[str, Any]:
    """Combine filters and named projects or datasets.

    :raises UsageError: the filters also select projects
    """
    if not units:
        return dict(filters)
    flavour = client.flavour
    if flavour.unit_field in filters:
        raise UsageError(f"a {flavour.unit} and a filter on {flavour.unit_field} cannot be combined")
    return {**filters, **flavour.unit_filter([unit.key for unit in units])}


def managed_of(client: AzulConnection, chosen: Chosen, catalog: str | None) -> Managed:
    """Find out what was selected and is excluded, because it has managed access.

    Named projects report that themselves.
    """
    if chosen.managed is not None:
        return chosen.managed
    if chosen.units:
        return of_units(chosen.units)
    if chosen.asked is not None:
        # A manifest URL is requested for this user, so the service also excludes them from it.
        named = chosen.asked.catalog
        known = bool(named) and named in client.known_catalogs().all
        return find_managed(client, chosen.asked.filters, named if known else catalog)
    return find_managed(client, chosen.filters, catalog) if chosen.filters else Managed([])
