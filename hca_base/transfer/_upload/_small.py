"""Small uploads over libcurl; after any failure the file falls back to the threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hca_base.transfer._model import UploadItem
from hca_base.transfer._network._curl import Completed, CurlLoop, Host
from hca_base.transfer._network._curl_queue import CurlQueue
from hca_base.transfer._report import Result, Row
from hca_base.transfer._upload._attempts import UploadContext
from hca_base.transfer._upload._local_file import LocalFile, describe_small, read_small
from hca_base.transfer._upload._s3 import clean_etag, refuse_name


@dataclass(slots=True, eq=False)
class UploadJob:
    """One item in progress."""

    item: UploadItem
    bucket: str
    url: str = ""
    size: int = 0
    started: float = 0.0
    attempts: int = 0


class CurlUploader(CurlQueue[UploadJob]):
    """Uploads small files over libcurl.

    :param finish: called with an item and its result
    :param fall_back: called with an item that this path cannot handle, and the attempts so far
    """

    def __init__(
        self,
        context: UploadContext,
        loop: CurlLoop,
        finish: Callable[[UploadItem, Result], None],
        fall_back: Callable[[UploadItem, int], None],
        max_connections: int,
    ) -> None:
        super().__init__(
            loop, context.options, context.rate, lambda job: fall_back(job.item, job.attempts), max_connections
        )
        self._context = context
        self._target = context.target
        self._store = context.limiters.store()
        self._finish = finish

    def submit(self, item: UploadItem) -> None:
        """Queue an item whose file is small."""
        self._ready.append(UploadJob(item, item.bucket or self._target.bucket))

    def _host_of(self, job: UploadJob) -> Host:
        self._store.check()
        job.url = self._target.url(job.bucket, job.item.key)
        return self._loop.host(job.url)

    def _send(self, job: UploadJob, host: Host, now: float) -> int:
        item = job.item
        job.started = now
        refuse_name(item.key)
        file = LocalFile.open(item)
        with file.stream:
            data = read_small(file)
        headers, sha256 = describe_small(item, data)
        signed = self._target.sign("PUT", job.url, headers, job.bucket, sha256)
        lines = [f"{name}: {value}" for name, value in signed.items()]
        if "Content-Type" not in signed:
            lines.append("Content-Type:")
        lines.append("Expect:")
        job.size = len(data)
        self._loop.start_put(job, job.url, tuple(lines), host, data)
        job.attempts += 1
        return job.size

    def _completed(self, done: Completed) -> None:
        job: UploadJob = done.job
        if done.error is None:
            self._store.on_response()
            if done.status in (429, 503):
                done.host.limiter.on_throttled(done.retry_after or None)
            elif self._is_right(done):
                done.host.limiter.on_success()
                self._stored(job)
                return
        elif not done.status:
            self._store.on_no_response(done.error, self._options.patience)
        self._fall_back(job)

    @staticmethod
    def _is_right(done: Completed) -> bool:
        """Return True if the store has the bytes that were sent."""
        etag = clean_etag(done.headers.get("etag", ""))
        encrypted = done.headers.get("x-amz-server-side-encryption", "").lower().startswith("aws:kms")
        return done.status == 200 and (etag == done.job.item.digests["s3_etag"] or (encrypted and bool(etag)))

    def _stored(self, job: UploadJob) -> None:
        item = job.item
        self._tuner.files += 1
        self._context.moved(item, job.size)
        row = Row.success(
            str(item.path), "uploaded", job.size, f"s3://{job.bucket}/{item.key}",
            checksum=item.digests.get("sha256", ""), key=item.tag,
            seconds=time.monotonic() - job.started, attempts=job.attempts,
        )  # fmt: skip
        self._finish(item, Result(row))
