"""Reads file lists in all supported formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hca_azul.lists.addresses import Addresses
from hca_azul.lists.compact import flavour_of_header, read_compact
from hca_azul.lists.curl import is_curl, read_curl
from hca_azul.lists.entries import Entry, by_uuids
from hca_azul.lists.inputs import ListFile, open_list, open_text
from hca_azul.lists.packages import is_verbatim, read_bag, read_entities
from hca_base.errors import UsageError

if TYPE_CHECKING:
    from hca_azul.query.connection import AzulConnection


class FileList:
    """The files of a manifest or another list.

    :param source: path, ``-``, or URL of a manifest
    :param online: whether the service is reachable; otherwise files with incomplete metadata have no sources
    """

    def __init__(
        self, client: AzulConnection, source: Path | str, catalog: str | None = None, *, online: bool = True
    ) -> None:
        self._client, self._catalog = client, catalog
        self._addresses = Addresses(client, catalog, online=online)
        self._opened = open_list(client, source)
        self._list: ListFile | None = None

    def __enter__(self) -> FileList:
        self._list = self._opened.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.__exit__(*exception)  # type: ignore[arg-type]

    @property
    def _file(self) -> ListFile:
        assert self._list is not None
        return self._list

    @property
    def has_paths(self) -> bool:
        """Whether the list has the path of each file: curl configurations do."""
        return self._file.kind == "text" and is_curl(self._file.path)

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the files.

        :raises UsageError: it is not a file list, or a part of it is invalid
        """
        path, name, kind = self._file
        if kind == "zip":
            return read_bag(path, name, self._addresses)
        if kind == "avro":
            return read_entities(self._client, path, name, self._addresses, self._catalog)
        with open_text(path) as stream:
            try:
                first = stream.readline()
            except UnicodeError as error:
                raise UsageError(f"{name} is not valid text: {error}") from None
        if "\t" in first and flavour_of_header(first.rstrip("\r\n").split("\t")) is not None:
            return read_compact(path, name, self._addresses)
        if is_curl(path):
            listed = read_curl(path, self._addresses)
            return by_uuids(self._client, listed, self._catalog) if self._addresses.online else listed
        if is_verbatim(first):
            return read_entities(self._client, path, name, self._addresses, self._catalog)
        raise UsageError(
            f"{name} is neither a manifest nor a curl configuration",
            hint="a manifest is a table with tabs whose first row names the columns, file_uuid among them; "
            "PFB and BDBag are accepted as well",
        )
