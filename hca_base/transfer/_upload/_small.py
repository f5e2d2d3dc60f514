"""Small uploads over libcurl, as long as all goes well; what does not is handed to the careful path."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from hca_base.transfer._download._fetch import Result
from hca_base.transfer._download._small import Pace
from hca_base.transfer._model import UploadItem
from hca_base.transfer._network._curl import CurlLoop
from hca_base.transfer._report import Row
from hca_base.transfer._upload._s3 import clean_etag, refuse_name
from hca_base.transfer._upload._send import LocalFile, UploadContext, describe_small, read_small

MOST = 64


class Job:
    """One item on its way."""

    __slots__ = ("item", "size", "started", "where")

    def __init__(self, item: UploadItem, size: int, where: str) -> None:
        self.item = item
        self.size = size
        self.started = time.monotonic()
        self.where = where


class FastUploads:
    """The event loop with its queue.

    :param finish: called with an item and its result
    :param careful: called with an item that needs the other path, and the attempts so far
    :param fixed: number of connections, None to adapt
    """

    def __init__(
        self,
        context: UploadContext,
        loop: CurlLoop,
        finish: Callable[[UploadItem, Result], None],
        careful: Callable[[UploadItem, int], None],
        fixed: int | None,
    ) -> None:
        self._context = context
        self._target = context.target
        self._store = context.gates.store()
        self._loop = loop
        self._finish = finish
        self._careful = careful
        self._ready: deque[UploadItem] = deque()
        self._pace = Pace(fixed, MOST)
        self._hold_until = 0.0

    @property
    def pending(self) -> int:
        """Items that wait or are under way."""
        return len(self._ready) + self._loop.active

    def submit(self, item: UploadItem) -> None:
        """Queue an item whose file is small."""
        self._ready.append(item)

    def step(self, timeout: float) -> None:
        """Start what may start, wait for something to happen, and deal with it."""
        hold = self._start_some()
        for handle, code, text in self._loop.poll(min(timeout, hold) if hold else timeout):
            self._done(handle, code, text)
        self._pace.look(self._loop, bool(self._ready))

    def drop(self) -> list[UploadItem]:
        """Give up everything; the items that were not finished."""
        items = list(self._ready)
        items += [handle.job.item for handle in self._loop._all if getattr(handle, "job", None) is not None]
        self._ready.clear()
        self._loop.close()
        return items

    def _start_some(self) -> float:
        now = time.monotonic()
        if self._hold_until > now:
            return self._hold_until - now
        while self._ready and self._loop.active < self._pace.limit:
            item = self._ready.popleft()
            if self._store.given_up is not None:
                # The careful path knows how to tell it.
                self._careful(item, 0)
                continue
            bucket = item.bucket or self._target.bucket
            try:
                url = self._target.url(bucket, item.key)
                host = self._loop.host(url)
                wait = host.gate.try_enter()
                if wait > self._context.options.wait_budget:
                    self._careful(item, 0)
                    continue
                if wait:
                    self._ready.appendleft(item)
                    return min(wait, 0.5) if wait > 0 else 0.05
            except Exception:  # noqa: BLE001 - as below
                self._careful(item, 0)
                continue
            try:
                refuse_name(item.key)
                file = LocalFile.open(item)
                with file.stream:
                    data = read_small(file)
                headers, sha256 = describe_small(item, data)
                signed = self._target.sign("PUT", url, headers, bucket, sha256)
                lines = [f"{name}: {value}" for name, value in signed.items()]
                if "Content-Type" not in signed:
                    lines.append("Content-Type:")
                lines.append("Expect:")
                job = Job(item, len(data), f"s3://{bucket}/{item.key}")
                self._loop.start_put(job, url, tuple(lines), host, data)
            except Exception:  # noqa: BLE001 - files, credentials, botocore and pycurl have errors of many kinds
                # The careful path comes to the same conclusion, and knows how to tell it.
                host.gate.leave()
                self._careful(item, 0)
                continue
            wait = self._context.rate.draw(len(data))
            if wait:
                self._hold_until = now + wait
                break
        return 0.0

    def _done(self, handle: Any, code: int, text: str) -> None:
        job: Job = handle.job
        item = job.item
        loop = self._loop
        good = False
        if code == 0:
            self._store.answered()
            status = handle.getinfo(loop._pycurl.RESPONSE_CODE)
            etag = clean_etag(loop.told(handle, b"etag"))
            encrypted = loop.told(handle, b"x-amz-server-side-encryption").lower().startswith("aws:kms")
            good = status == 200 and (etag == item.digests["s3_etag"] or (encrypted and bool(etag)))
            if status in (429, 503):
                wait = handle.getinfo(loop._pycurl.RETRY_AFTER)
                handle.host.gate.throttled(float(wait) if wait else None)
            elif good:
                handle.host.gate.fine()
        elif not handle.getinfo(loop._pycurl.RESPONSE_CODE):
            error = loop.error(code, text, handle.host.origin.host)
            self._store.silent(error, self._context.options.patience)
        loop.release(handle)
        if not good:
            self._careful(item, 1)
            return
        self._pace.files += 1
        self._context.moved(item, job.size)
        checksum = item.digests.get("sha256", "")
        seconds = time.monotonic() - job.started
        row = Row(str(item.path), "uploaded", job.size, seconds, 1, checksum, "", job.where, item.tag)
        self._finish(item, Result(row))
