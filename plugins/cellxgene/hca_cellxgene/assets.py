"""The files of datasets: kinds, names and URLs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Asset:
    """One file of one version of a dataset.

    :ivar size: bytes, or None if the service does not tell
    """

    dataset_id: str
    dataset_version_id: str
    collection_id: str
    title: str
    filetype: str
    size: int | None
    url: str

    @property
    def name(self) -> str:
        """The file's name: the version's UUID, which identifies the content, and the kind."""
        return f"{self.dataset_version_id}.{self.filetype.lower()}"

    def record(self) -> dict[str, Any]:
        """Return the file as a JSON object."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Asset:
        """Parse the result of :meth:`record`.

        :raises KeyError: a member is missing
        :raises TypeError: a member has another type
        """
        texts = {name: record[name] for name in cls.__dataclass_fields__ if name != "size"}
        size = record["size"]
        if not all(isinstance(text, str) for text in texts.values()) or not isinstance(size, int | None):
            raise TypeError("not the record of a file")
        return cls(size=size, **texts)


def assets_of(dataset: Mapping[str, Any], filetypes: Iterable[str]) -> Iterator[Asset]:
    """Yield a dataset's files of the given kinds (upper case)."""
    kinds = set(filetypes)
    for asset in dataset.get("assets") or ():
        kind, url = str(asset.get("filetype") or "").upper(), asset.get("url")
        if kind not in kinds or not isinstance(url, str) or not url:
            continue
        size = asset.get("filesize")
        yield Asset(
            dataset_id=str(dataset.get("dataset_id") or ""),
            dataset_version_id=str(dataset.get("dataset_version_id") or ""),
            collection_id=str(dataset.get("collection_id") or ""),
            title=str(dataset.get("title") or ""),
            filetype=kind,
            size=int(size) if isinstance(size, int | float) and size >= 0 else None,
            url=url,
        )


def filetypes_of(datasets: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the kinds of files in the datasets."""
    return {str(asset.get("filetype") or "").upper() for one in datasets for asset in one.get("assets") or ()}
