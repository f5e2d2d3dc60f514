"""Downloads one bundle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from hca_base.errors import UsageError
from hca_base.output import warn
from hca_base.transfer import Report, TransferOptions
from hca_dss.bundles import BUNDLE_JSON, BundleFile, read_bundle
from hca_dss.download import Download

if TYPE_CHECKING:
    from hca_dss.operations import DssOperations, Replica

_ALL = ("*",)


class ArgumentError(UsageError, ValueError):
    """Conflicting arguments. Also a ``ValueError``, which hca 7 raised."""


class Choice:
    """Which files of a bundle to download.

    :param metadata_filter: shell patterns for the names of indexed files, case-sensitive
    :param data_filter: the same for all other files
    :raises ArgumentError: a filter is combined with the option that excludes all of its files
    """

    def __init__(
        self,
        metadata_filter: Iterable[str] = _ALL,
        data_filter: Iterable[str] = _ALL,
        no_metadata: bool = False,
        no_data: bool = False,
    ) -> None:
        self._metadata = _patterns("metadata", metadata_filter, no_metadata)
        self._data = _patterns("data", data_filter, no_data)

    def takes(self, file: BundleFile) -> bool:
        """Whether to download the file."""
        patterns = self._metadata if file.indexed else self._data
        return patterns == _ALL or any(fnmatchcase(file.name, pattern) for pattern in patterns)

    def idle(self, files: Iterable[BundleFile]) -> Iterator[str]:
        """Yield the patterns that match no file, each with its option."""
        files = list(files)
        for option, patterns, indexed in (
            ("--metadata-filter", self._metadata, True),
            ("--data-filter", self._data, False),
        ):
            names = [file.name for file in files if file.indexed is indexed]
            for pattern in patterns if patterns != _ALL else ():
                if not any(fnmatchcase(name, pattern) for name in names):
                    yield f"{option} {pattern!r}"


def _patterns(kind: str, given: Iterable[str], none: bool) -> tuple[str, ...]:
    # A string would otherwise be treated as one pattern per character.
    patterns = (given,) if isinstance(given, str) else tuple(given)
    if not none:
        return patterns
    if patterns != _ALL:
        raise ArgumentError(f"--{kind}-filter and --no-{kind} cannot be combined")
    return ()


def download_bundle(
    client: DssOperations,
    uuid: str,
    replica: Replica,
    version: str | None,
    download_dir: Path | str,
    choice: Choice,
    options: TransferOptions,
) -> Report:
    """Download the selected files of a bundle; see :meth:`hca_dss.client.DSSClient.download`."""
    bundle = read_bundle(client, uuid, replica, version)
    files = [file for file in bundle.files if choice.takes(file)]
    for pattern in choice.idle(bundle.files):
        warn(f"no file of bundle {bundle.name} matches {pattern}")
    run = Download(client, replica, download_dir, options)
    run.check_bundle(bundle, files)
    destination = run.destination(run.root / bundle.name)
    items = (run.item(file.name, file) for file in files)
    report = run.run(items, destination, (len(files), sum(file.size for file in files)))
    report.raise_for_failures("downloaded")
    # Last: it exists only if everything else does.
    run.place_manifest(bundle, destination, BUNDLE_JSON)
    return report
