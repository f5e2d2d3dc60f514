"""The entry point for downloads, with any executor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hca_base.transfer._download._scheduler import Download, OnResult
from hca_base.transfer._model import Item, TransferOptions
from hca_base.transfer._report import Report
from hca_base.transfer._store._filestore import FileStore
from hca_base.transfer._store._interface import Destination


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
    """Download items in parallel, verify each, and resume earlier runs.

    :param items: consumed one by one, in the calling thread, when needed; see :func:`prefetch` for
        iterables that wait for a server
    :param destination: a :class:`DirectoryDestination` or a :class:`FileStore`
    :param progress: a :class:`hca_base.output.Progress` to update; None creates one according to the options
    :param session: the ``hca_base.http`` session whose settings (proxy, CA bundle, user agent) to use
    :param on_result: called for every finished item, one call at a time, in no particular order
    :param expected: number of files and of bytes, if known beforehand
    :returns: the outcome of each item; failed items are included and raise no exception
    :raises DiskError: the disk does not have enough space for ``expected``
    :raises UsageError: ``options.executor`` is not known
    :raises KeyboardInterrupt: after all transfers were stopped and saved for resuming
    """
    options = options or TransferOptions()
    if options.executor and options.executor != "threads":
        from hca_base.transfer._download._executors import executor_for

        return executor_for(options.executor)(items, destination, options, progress, session, on_result, expected)
    return Download(destination, options, progress, session, on_result, expected).run(items)
