"""Downloading items: the one function for it, whoever does the work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hca_base.transfer._download._scheduler import Download, OnResult
from hca_base.transfer._model import Item, TransferOptions
from hca_base.transfer._report import Report
from hca_base.transfer._store._destination import Destination
from hca_base.transfer._store._filestore import FileStore


def download(
    items: Iterable[Item],
    destination: Destination | FileStore,
    *,
    options: TransferOptions | None = None,
    progress: Any = None,
    session: Any = None,
    on_result: OnResult | None = None,
    expected: tuple[int, int] | None = None,
) -> Report:
    """Download items, in parallel, verified, resuming what an earlier run left.

    :param items: pulled one by one, in the calling thread, as there is room for them; see :func:`prefetch` for
        iterables that wait for a server themselves
    :param destination: a :class:`DirectoryDestination`, or a :class:`FileStore` alone
    :param progress: a :class:`hca_base.output.Progress` to count into; None makes one as the options say
    :param session: the ``hca_base.http`` session whose settings (proxy, CA bundle, user agent) are to hold here too
    :param on_result: called for every item when it is done, one call at a time, in no particular order
    :param expected: number of files and of bytes, where known beforehand
    :returns: what became of each item; failed items are in it, and raise nothing
    :raises DiskError: there is no room for what ``expected`` says
    :raises KeyboardInterrupt: after everything under way was stopped and what can be resumed was kept
    """
    options = options or TransferOptions()
    if options.executor and options.executor != "threads":
        from hca_base.transfer._download._cluster import download_on_cluster

        return download_on_cluster(items, destination, options, progress, session, on_result, expected)
    return Download(destination, options, progress, session, on_result, expected).run(items)
