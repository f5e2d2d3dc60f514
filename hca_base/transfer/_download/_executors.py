"""Executors for downloads: ``dask://HOST:PORT``, and those that plugins register in ``hca.executors``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from hca_base import _extension_points
from hca_base.errors import UsageError
from hca_base.transfer._model import Item, TransferOptions
from hca_base.transfer._report import Report, Row
from hca_base.transfer._store._filestore import FileStore
from hca_base.transfer._store._interface import Destination

GROUP = "hca.executors"


class Executor(Protocol):
    """A function that runs a download elsewhere. The name of its entry point is the scheme of the address.

    :raises UsageError: the address in ``options.executor`` is not valid
    """

    def __call__(
        self,
        items: Iterable[Item],
        destination: Destination | FileStore,
        options: TransferOptions,
        progress: Any = None,
        session: Any = None,
        on_result: Callable[[Item, Row], None] | None = None,
        expected: tuple[int, int] | None = None,
    ) -> Report:
        """See :func:`hca_base.transfer.download`."""


def executor_for(address: str) -> Executor:
    """Return the executor for an address such as ``dask://HOST:PORT``, by its scheme.

    :raises UsageError: no installed plugin provides the executor
    """
    scheme = address.partition("://")[0]
    if scheme == "dask":
        from hca_base.transfer._download._cluster import download_on_cluster

        return download_on_cluster
    found = _extension_points.load(GROUP, scheme) if "://" in address else None
    if found is None:
        names = ", ".join(["threads", "dask://HOST:PORT", *_names()])
        raise UsageError(f"{address!r} is not a known executor", hint=f"use one of: {names}")
    return found


def _names() -> list[str]:
    return [f"{name}://…" for name in _extension_points.names(GROUP) if name != "dask"]
