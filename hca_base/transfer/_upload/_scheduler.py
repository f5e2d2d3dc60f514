"""The run of an upload: decides how each file is sent, and hands it to libcurl or to the threads."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from hca_base.errors import TransferError, UsageError
from hca_base.transfer._model import SMALL_FILE, TransferOptions, UploadItem
from hca_base.transfer._network._settings import curl_loop
from hca_base.transfer._report import Report, Result, Row
from hca_base.transfer._run import TransferRun
from hca_base.transfer._upload._attempts import UploadContext
from hca_base.transfer._upload._s3 import S3Target
from hca_base.transfer._upload._send import IN_MEMORY, Sender
from hca_base.transfer._upload._small import CurlUploader

#: Maximum number of items that wait for a thread or a connection.
_QUEUE = 256
#: More threads than this are no faster: the store's limits are reached first.
_MAX_THREADS = 32
#: More connections than this are no faster: reading and signing the files is the bottleneck.
_MAX_CONNECTIONS = 64
#: Large files at once; each is sent over several connections.
_MAX_LARGE = 4
#: Largest response body that libcurl accepts: the response to a PUT is empty or an error document.
_MAX_RESPONSE = 1024 * 1024

OnUploaded = Callable[[UploadItem, Row], None]


def upload(
    items: Iterable[UploadItem],
    target: S3Target,
    *,
    options: TransferOptions | None = None,
    progress: Any = None,
    session: Any = None,
    on_result: OnUploaded | None = None,
    expected: tuple[int, int] | None = None,
) -> Report:
    """Upload local files to an S3 store, in parallel, each read and checksummed once and compared afterwards.

    A file of one part (up to 64 MiB) gets its tags with its bytes; a larger one is sent in parts, resumes where an
    earlier run stopped, and gets its tags when it is complete.

    :param items: consumed one by one, in the calling thread
    :param on_result: called for every finished item, one call at a time; ``item.digests`` holds its checksums
    :param expected: number of files and of bytes, if known beforehand
    :returns: the outcome of each item; failed items are included and raise no exception
    :raises UsageError: ``options.executor`` is set
    :raises KeyboardInterrupt: after all transfers were stopped
    """
    options = options or TransferOptions()
    if options.executor and options.executor != "threads":
        raise UsageError("uploads run on this machine only, because the files are on it", hint="omit --executor")
    return Upload(target, options, progress, session, on_result, expected).run(items)


class SendTask(NamedTuple):
    """An item for the threads, and the attempts that failed before, elsewhere."""

    item: UploadItem
    attempts: int = 0


class Upload(TransferRun[UploadItem, SendTask]):
    """One run of :func:`upload`."""

    def __init__(
        self,
        target: S3Target,
        options: TransferOptions,
        progress: Any = None,
        session: Any = None,
        on_result: OnUploaded | None = None,
        expected: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(
            "upload", options, progress=progress, session=session, on_result=on_result, expected=expected,
            limiters=None, max_threads=_MAX_THREADS, max_large=_MAX_LARGE,
        )  # fmt: skip
        self._target = target
        self._context = UploadContext(
            options, target, self.connections, self.limiters, self.cancel, self.rate,
            self._moved, self._resumed, lambda: self._workers.large_pending,
        )  # fmt: skip
        self._sender = Sender(self._context)

    def _begin(self) -> None:
        if self.options.dry_run:
            return
        most = self._max_connections(_MAX_CONNECTIONS)
        loop = curl_loop(
            self.settings, self.options, self.limiters,
            max_size=_MAX_RESPONSE, max_connections=most, with_headers=True,
        )  # fmt: skip
        if loop is not None:
            self._curl = CurlUploader(self._context, loop, self._finish, self._fall_back, most)

    def _fall_back(self, item: UploadItem, attempts: int) -> None:
        self._workers.submit(SendTask(item, attempts), False)

    def _end(self) -> None:
        pass

    def _plan(self) -> dict[str, int]:
        return {"files": self.report.counts["would-upload"], "bytes": self.report.sizes["would-upload"]}

    def _room(self) -> int:
        room = _QUEUE - self._workers.pending
        return room if self._curl is None else min(room, _QUEUE - self._curl.pending)

    def _admit(self, item: UploadItem) -> None:
        try:
            status = os.stat(item.path)
            size = status.st_size
            # The size of a pipe is unknown, and reading it may block.
            problem = None if stat.S_ISREG(status.st_mode) else "not a regular file"
        except OSError as error:
            problem = error.strerror or str(error)
        name = str(item.path)
        if problem is not None:
            failure = TransferError(f"cannot read {item.path}: {problem}")
            self._finish(item, Result.failed(name, "failed", failure, key=item.tag))
        elif self.options.dry_run:
            where = f"s3://{item.bucket or self._target.bucket}/{item.key}"
            self._finish(item, Result(Row.success(name, "would-upload", size, where, key=item.tag)))
        elif self._curl is not None and size <= SMALL_FILE and self._sender.tagging.is_checked(item):
            self._curl.submit(item)  # type: ignore[attr-defined]
        else:
            self._workers.submit(SendTask(item), size > IN_MEMORY)

    def _execute(self, task: SendTask) -> Result:
        return self._sender.run(task.item, task.attempts)

    def _item_of(self, task: SendTask) -> UploadItem:
        return task.item

    def _name_of(self, item: UploadItem) -> str:
        return str(item.path)

    def _key_of(self, item: UploadItem) -> Any:
        return item.tag
