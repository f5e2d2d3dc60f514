"""Downloads the files of a manifest, alone or as parts of their bundles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hca_base.errors import HCAError, NotFoundError, VerificationError
from hca_base.transfer import DirectoryDestination, Item, Report, TransferOptions, prefetch
from hca_dss.bundles import BUNDLE_JSON, Bundle, BundleFile, read_bundle
from hca_dss.download import Download, ahead, stored_path
from hca_dss.download_bundle import ArgumentError
from hca_dss.manifest import Manifest, Row, copy_name

if TYPE_CHECKING:
    from hca_dss.operations import DssOperations, Replica

LAYOUTS = ("none", "bundle")
#: Rows of one bundle per group; each request made ahead holds as many again.
GROUP = 2_000
#: Most bundles whose rows are tracked in memory; a manifest with more is sorted on disk.
REMEMBERED = 100_000


def download_manifest(
    client: DssOperations,
    path: Path | str,
    replica: Replica,
    layout: str,
    no_metadata: bool,
    no_data: bool,
    download_dir: Path | str,
    options: TransferOptions,
) -> Report:
    """Download the files of a manifest; see :meth:`hca_dss.client.DSSClient.download_manifest`."""
    if layout not in LAYOUTS:
        raise ArgumentError(f"layout must be one of {', '.join(LAYOUTS)}, not {layout!r}")
    if layout == "none" and (no_metadata or no_data):
        raise ArgumentError("--no-metadata and --no-data require the layout 'bundle'")
    manifest = Manifest(path, bundles=layout == "bundle")
    # Validate it before any request: an invalid row should not be reported after hours.
    summary = manifest.check()
    run = Download(client, replica, download_dir, options)
    if layout == "none":
        report = run.run(_files(run, manifest), run.store, (summary.rows, summary.bytes))
    else:
        destination = run.destination()
        groups = groups_of(manifest)
        items = _bundles(run, groups, destination, not no_metadata, not no_data)
        report = run.run(prefetch(items), destination)
    report.raise_for_failures("downloaded")
    if not options.dry_run:
        _write_copy(run, manifest)
    return report


def _files(run: Download, manifest: Manifest) -> Iterator[Item]:
    source = run.source
    untried = not run.options.dry_run
    for row in manifest:
        assert row.size is not None, "without bundles the column is required"
        if untried and not run.store.has(row.sha256, row.size):
            untried = False
            run.check_reachable()
        where = source(row.file_uuid, row.file_version)
        yield Item(row.file_name or row.file_uuid, row.size, {"sha256": row.sha256}, where)


def _write_copy(run: Download, manifest: Manifest) -> None:
    target = Path(copy_name(manifest.path))
    if target.exists():
        from hca_base.output import warn

        warn(f"replacing the manifest {target} in the working directory by its copy with the paths of the files")
    try:
        manifest.write_copy(target, stored_path(run.store))
    except OSError as error:
        raise HCAError(f"cannot write the copy of the manifest, {target}: {error.strerror or error}") from None


# Bundles


class Listed(NamedTuple):
    """A row's values for a file, besides its name and bundle.

    :ivar size: bytes; None for any
    :ivar uuid: may be empty, for any
    :ivar version: may be empty, for any
    """

    sha256: str
    size: int | None
    uuid: str
    version: str

    def contradiction(self, file: BundleFile) -> str | None:
        """How the bundle's file differs from the row; None if it does not."""
        pairs = (
            ("sha256", self.sha256, file.sha256),
            ("size", self.size, file.size),
            ("uuid", self.uuid.lower() or None, file.uuid.lower()),
            ("version", self.version or None, file.version),
        )
        for name, listed, found in pairs:
            if listed is not None and listed != found:
                return f"has the {name} {found}; the manifest says {listed}"
        return None


class Group(NamedTuple):
    """Rows of one bundle.

    :ivar wanted: by name
    :ivar again: names in ``wanted`` that have another row with different values
    :ivar first: the bundle's first group
    """

    uuid: str
    version: str
    wanted: dict[str, Listed]
    again: list[tuple[str, Listed]]
    first: bool


class _Scattered(Exception):
    """Rows of one bundle are not adjacent."""


def groups_of(manifest: Manifest) -> Iterator[Group]:
    """The rows of a manifest, bundle by bundle, in constant memory."""
    try:
        _check_order(manifest)
    except _Scattered:
        yield from _grouped(_sorted(manifest))
    else:
        yield from _grouped(manifest)


def _check_order(manifest: Manifest) -> None:
    seen: set[int] = set()
    last: tuple[str, str] | None = None
    for row in manifest:
        bundle = (row.bundle_uuid, row.bundle_version)
        if bundle != last:
            last = bundle
            mark = hash(bundle)
            # Only the hash is stored: a collision merely causes an unnecessary sort.
            if mark in seen or len(seen) >= REMEMBERED:
                raise _Scattered
            seen.add(mark)


def _sorted(manifest: Manifest) -> Iterator[Row]:
    """The rows by bundle, sorted in a temporary file."""
    import sqlite3

    # An empty name is a private database that SQLite keeps on disk and deletes itself.
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode=OFF")
        database.execute("PRAGMA cache_size=-8192")
        database.execute("CREATE TABLE rows (bundle_uuid, bundle_version, name, uuid, version, sha256, size)")
        database.execute("BEGIN")
        database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?)", manifest)
        database.execute("COMMIT")
        for row in database.execute("SELECT * FROM rows ORDER BY bundle_uuid, bundle_version, rowid"):
            yield Row(*row)
    except sqlite3.Error as error:
        raise HCAError(f"the manifest {manifest.path} cannot be sorted: {error}") from None
    finally:
        database.close()


def _grouped(rows: Iterator[Row] | Manifest) -> Iterator[Group]:
    group: Group | None = None
    for row in rows:
        same = group is not None and (row.bundle_uuid, row.bundle_version) == (group.uuid, group.version)
        if group is None or not same or len(group.wanted) + len(group.again) >= GROUP:
            if group is not None:
                yield group
            group = Group(row.bundle_uuid, row.bundle_version, {}, [], not same)
        listed = Listed(row.sha256, row.size, row.file_uuid, row.file_version)
        if group.wanted.setdefault(row.file_name, listed) != listed:
            group.again.append((row.file_name, listed))
    if group is not None:
        yield group


def _bundles(
    run: Download, groups: Iterator[Group], destination: DirectoryDestination, metadata: bool, data: bool
) -> Iterator[Item]:
    def ask(group: Group) -> Bundle | None:
        # Further groups of a bundle directly follow its first one, and reuse its response.
        return read_bundle(run.client, group.uuid, run.replica, group.version) if group.first else None

    answer: Bundle | HCAError | None = None
    for group, found in ahead(ask, groups):
        if group.first:
            answer = found
        if isinstance(answer, HCAError):
            if group.first:
                run.fail(f"{group.uuid}.{group.version}", answer)
            continue
        assert answer is not None
        try:
            yield from bundle_items(run, answer, destination, group, metadata, data)
        except HCAError as error:
            run.fail(answer.name, error)


def bundle_items(
    run: Download,
    bundle: Bundle,
    destination: DirectoryDestination,
    group: Group | None = None,
    metadata: bool = True,
    data: bool = True,
) -> Iterator[Item]:
    """The files of a bundle, saved in the bundle's directory; its manifest is written at once.

    :param group: the requested data files; None: everything
    :raises HCAError: no file of the bundle can be downloaded
    """
    if group is None:
        files = bundle.files
    else:
        refused = _compare(run, bundle, group)
        files = list(_chosen(bundle, group, refused, metadata, data))
    run.check_bundle(bundle, files)
    name = bundle.name
    if group is None or group.first:
        run.place_manifest(bundle, destination, f"{name}/{BUNDLE_JSON}")
    for file in files:
        yield run.item(f"{name}/{file.name}", file)


def _chosen(bundle: Bundle, group: Group, refused: set[str], metadata: bool, data: bool) -> Iterator[BundleFile]:
    """The files of a group of rows: its data, and with the first group all metadata."""
    files: Iterable[BundleFile] = bundle.files
    if not group.first and len(bundle.by_name) == len(bundle.files):
        # Avoids scanning perhaps 100,000 files for each group of rows.
        files = [bundle.by_name[name] for name in group.wanted if name in bundle.by_name]
    for file in files:
        if file.name not in refused and (
            metadata and group.first if file.indexed else data and file.name in group.wanted
        ):
            yield file


def _compare(run: Download, bundle: Bundle, group: Group) -> set[str]:
    """Record differences between manifest and bundle; return the names of the files concerned.

    Those are not downloaded: only the user can know which of the two is right.
    """
    files = bundle.by_name
    refused = set()
    for name, listed in (*group.wanted.items(), *group.again):
        error: HCAError | None = None
        if name not in files:
            error = NotFoundError(
                f"the manifest lists {name!a} in bundle {bundle.name}, but the bundle has no such file"
            )
        elif different := listed.contradiction(files[name]):
            error = VerificationError(f"{name} in bundle {bundle.name} {different}")
        if error is not None and name not in refused:
            refused.add(name)
            run.fail(f"{bundle.name}/{name}", error)
    return refused
