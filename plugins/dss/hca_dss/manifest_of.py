"""Writes manifests of bundles in the format that ``download-manifest`` reads."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hca_base.errors import HCAError, RefusedError
from hca_dss.bundles import Bundle, read_bundle
from hca_dss.download import ahead
from hca_dss.manifest import COLUMNS, PATH_COLUMN, Manifest

if TYPE_CHECKING:
    from hca_dss.operations import DssOperations, Replica


def manifest_lines(client: DssOperations, bundles: Iterable[tuple[str, str]], replica: Replica) -> Iterator[str]:
    """Yield the lines of a manifest: the header, and one for each file of each bundle.

    :param bundles: (UUID, version); an empty version means the latest
    :raises HCAError: a bundle is not available; a manifest without it would look complete
    """

    def ask(bundle: tuple[str, str]) -> Bundle:
        return read_bundle(client, bundle[0], replica, bundle[1])

    yield "\t".join(COLUMNS)
    for _, answer in ahead(ask, bundles):
        if isinstance(answer, HCAError):
            raise answer
        for file in answer.files:
            cells = (answer.uuid, answer.version, file.name, file.uuid, file.version, file.sha256, str(file.size))
            if any(character in cell for cell in cells for character in "\t\r\n"):
                raise RefusedError(
                    f"bundle {answer.name} has a file whose name cannot be written to a table: {file.name!r:.80}"
                )
            yield "\t".join(cells)


def write_manifest(lines: Iterable[str], output: Path | str | None, stream: IO[str] | None = None) -> int:
    """Write a manifest to a file, created once complete, or to a stream; return the number of files in it.

    :raises HCAError: the file is not writable
    """
    from hca_base.config import open_atomic

    count = -1  # do not count the header
    if output is None or str(output) == "-":
        stream = stream or sys.stdout
        for line in lines:
            stream.write(f"{line}\n")
            count += 1
        return count
    try:
        with open_atomic(output, new_mode=0o666) as binary:
            for line in lines:
                binary.write(f"{line}\n".encode("utf-8", "surrogateescape"))
                count += 1
    except OSError as error:
        raise HCAError(f"cannot write the manifest {output}: {error.strerror or error}") from None
    return count


def same_files(one: Path, other: Path) -> bool:
    """Whether two manifests list the same files, ignoring their order and the paths of downloaded files."""
    return _rows(one) == _rows(other)


def _rows(path: Path) -> set[tuple[object, ...]]:
    with contextlib.suppress(HCAError):
        return {tuple(row) for row in Manifest(path, bundles=True)}
    return {(path, PATH_COLUMN)}
