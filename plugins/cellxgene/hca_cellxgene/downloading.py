"""Downloads: select versions, pin them, download their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hca_cellxgene.assets import Asset, assets_of, filetypes_of
from hca_cellxgene.etags import Etags
from hca_cellxgene.lock import read_lock, write_lock

if TYPE_CHECKING:
    from hca_base.http import Session
    from hca_base.transfer import Item, Report, TransferOptions


class Catalog(Protocol):
    """The methods of the client that a download uses."""

    @property
    def base_url(self) -> str: ...

    @property
    def session(self) -> Session: ...

    def datasets(
        self, filters: Mapping[str, Sequence[str]] | None = None, *, with_descendants: bool = False
    ) -> list[dict[str, Any]]: ...

    def dataset_version(self, identifier: str) -> dict[str, Any] | None: ...


@dataclass
class Request:
    """What to download.

    :ivar ids: UUIDs of datasets, dataset versions or collections
    :ivar filters: labels or term IDs by field, instead of ``ids``
    :ivar filetypes: kinds of files, in upper case
    :ivar update: use current versions, also of datasets pinned in the lock file
    """

    ids: list[str] = field(default_factory=list)
    filters: dict[str, Any] = field(default_factory=dict)
    filetypes: tuple[str, ...] = ("H5AD",)
    update: bool = False
    with_descendants: bool = False


def run(client: Catalog, request: Request, root: Path, options: TransferOptions, note: Callable[[str], None]) -> Report:
    """Download the selected files below ``root``; see :meth:`hca_cellxgene.client.CellxgeneClient.download`.

    :param note: receives messages about how the files were verified
    """
    from hca_base.errors import HCAError
    from hca_base.transfer import DirectoryDestination, FileStore, check_directory, download

    check_directory(root)
    pinned = read_lock(root)
    chosen = choose(client, request, pinned)
    sizes = [asset.size for asset in chosen]
    known = None if None in sizes else (len(chosen), sum(size or 0 for size in sizes))
    if not options.dry_run:
        for asset in chosen:
            others = [one for one in pinned.get(asset.dataset_id, []) if one.filetype != asset.filetype]
            same_version = [one for one in others if one.dataset_version_id == asset.dataset_version_id]
            pinned[asset.dataset_id] = [*same_version, asset]
        try:
            write_lock(root, client.base_url, pinned)
        except OSError as error:
            raise HCAError(f"cannot write to {root}: {error.strerror or error}") from None
    destination = DirectoryDestination(
        root, FileStore(options.filestore or root), link=options.link, fsync=options.fsync, names=options.names
    )
    etags = None if options.dry_run else Etags(client.session)
    report = download(
        items(chosen, etags),
        destination,
        options=options,
        session=client.session,
        expected=known,
        on_result=etags.add if etags is not None else None,
    )
    if etags is not None:
        etags.compare()
        note(etags.summary())
    return report


def choose(client: Catalog, request: Request, pinned: dict[str, list[Asset]]) -> list[Asset]:
    """Return the files to download, in their pinned versions or else the current ones.

    Without IDs and filters, all files in the lock file.

    :raises UsageError: nothing was selected
    :raises NotFoundError: nothing matches, a UUID is unknown, or no file is of the kind
    """
    from hca_base.errors import NotFoundError, UsageError
    from hca_base.output import counted

    if request.ids and request.filters:
        raise UsageError("IDs cannot be combined with filters", hint="use one of the two")
    if not request.ids and not request.filters:
        if not pinned:
            raise UsageError(
                "nothing to download: no ID, no filter, and no lock file in the download directory",
                hint="name datasets or collections, or pass filters such as --tissue lung",
            )
        if not request.update:
            return [asset for assets in pinned.values() for asset in assets]
        request = Request(ids=list(pinned), filetypes=request.filetypes, update=True)
    datasets = (
        by_ids(client, request.ids)
        if request.ids
        else client.datasets(request.filters, with_descendants=request.with_descendants)
    )
    if not datasets:
        raise NotFoundError("no dataset matches", hint="'hca cellxgene facets' lists the values of each filter")
    chosen = []
    for dataset in datasets:
        held = (
            []
            if request.update
            else [one for one in pinned.get(str(dataset.get("dataset_id")), []) if one.filetype in request.filetypes]
        )
        # A version requested by its own UUID takes precedence over the lock file.
        named = dataset.get("dataset_version_id") in request.ids
        chosen += held if held and not named else list(assets_of(dataset, request.filetypes))
    if not chosen:
        kinds = ", ".join(sorted(filetypes_of(datasets))) or "none"
        raise NotFoundError(
            f"no file of the kind {', '.join(request.filetypes)} in {counted(len(datasets), 'dataset')}",
            hint=f"these kinds exist: {kinds}",
        )
    return chosen


def by_ids(client: Catalog, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return the datasets with these UUIDs, without duplicates; one listing resolves all current ones.

    :raises NotFoundError: a UUID is neither a dataset, nor a version, nor a collection
    """
    from hca_base.errors import NotFoundError

    listed = client.datasets()
    index: dict[str, list[dict[str, Any]]] = {}
    for dataset in listed:
        for member in ("dataset_id", "dataset_version_id", "collection_id"):
            index.setdefault(str(dataset.get(member)), []).append(dataset)
    found: dict[Any, dict[str, Any]] = {}
    for name in ids:
        matches = index.get(name.strip().lower())
        if not matches:
            version = client.dataset_version(name.strip().lower())
            if version is None:
                raise NotFoundError(
                    f"{name} is not the UUID of a public dataset, dataset version or collection",
                    hint="'hca cellxgene datasets' lists the datasets",
                )
            matches = [version]
        for dataset in matches:
            found[dataset.get("dataset_version_id")] = dataset
    return list(found.values())


def items(assets: list[Asset], etags: Etags | None) -> Iterator[Item]:
    """Yield an item of the transfer engine for each file; ETags are requested one by one, just in time.

    :param etags: None: request none
    """
    from hca_base.transfer import Item, Source, prefetch

    def asked() -> Iterator[Item]:
        for asset in assets:
            checksums = etags.checksums(asset.name, asset.url) if etags is not None else {}
            yield Item(asset.name, asset.size, checksums, Source(asset.url), asset)

    return prefetch(asked(), 32)
