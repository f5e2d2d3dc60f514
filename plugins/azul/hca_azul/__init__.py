"""The hca_azul plugin: services azul and anvil."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__version__ = "9.0.0"


def tables(path: Path | str) -> Mapping[str, Iterable[dict[str, Any]]]:
    """Read the tables of a manifest in one of the formats terra.pfb, verbatim.pfb and verbatim.jsonl.

    Requires the extra ``hca-azul[pfb]`` for PFB.

    :param path: of the manifest, which may be gzip-compressed
    :return: table name -> its rows, each with ``id``, the entity's values, and ``links.TABLE``: ids of entities in
        another table
    :raises hca_base.errors.UsageError: the file has none of these formats
    """
    from hca_azul.manifest.tables import tables as read

    return read(path)
