"""Small downloads over libcurl, in the thread that called ``download``.

This handles the usual case: query the service, follow its redirect, receive, verify and store the bytes. It also
handles waits and rate limits that servers ask for. Everything else (errors, wrong bytes, refusals) falls
back to a thread of the :class:`WorkerPool`, with one attempt counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256 as new_sha256

from hca_base.errors import HCAError, RefusedError
from hca_base.http import REDIRECT_STATUSES, same_host, wait_of
from hca_base.transfer._download._context import MAX_REDIRECTS, Context, not_ready, sources_of
from hca_base.transfer._model import Item, Source
from hca_base.transfer._network._curl import Completed, CurlLoop, Host
from hca_base.transfer._network._curl_queue import CurlQueue
from hca_base.transfer._report import Result, Row
from hca_base.transfer._store._disk import disk_error
from hca_base.transfer._store._verify import strongest_checksum

_ENCODING = "Accept-Encoding: identity"
_PLAIN: tuple[str, ...] = (_ENCODING,)

#: Passes an item to the threads: item, sha256, attempts so far, and the digest of wrong bytes, if any arrived.
Fallback = Callable[[Item, "str | None", int, "str | None"], None]


@dataclass(slots=True, eq=False)
class DownloadJob:
    """One item in progress."""

    item: Item
    sha256: str | None
    url: str = ""
    headers: tuple[str, ...] = _PLAIN
    #: The host of the source's URL, which is the only one to receive its headers.
    start: Host | None = None
    redirects: int = 0
    attempts: int = 0
    started: float = 0.0
    waited: float = 0.0


class CurlDownloader(CurlQueue[DownloadJob]):
    """Downloads small files over libcurl.

    :param finish: called with an item and its result
    :param fall_back: called with an item that this path cannot handle
    """

    def __init__(
        self,
        context: Context,
        loop: CurlLoop,
        finish: Callable[[Item, Result], None],
        fall_back: Fallback,
        max_connections: int,
    ) -> None:
        super().__init__(loop, context.options, context.rate, self._hand_over, max_connections)
        self._context = context
        self._finish = finish
        self._to_threads = fall_back

    def submit(self, item: Item, sha256: str | None) -> None:
        """Queue an item; its size must be known."""
        self._ready.append(DownloadJob(item, sha256))

    def _hand_over(self, job: DownloadJob, bad_digest: str | None = None) -> None:
        self._to_threads(job.item, job.sha256, job.attempts, bad_digest)

    def _host_of(self, job: DownloadJob) -> Host:
        if not job.url:
            self._locate(job)
        host = self._loop.host(job.url)
        host.limiter.check()
        return host

    def _locate(self, job: DownloadJob) -> None:
        source = job.item.source
        if not isinstance(source, Source):
            first = source if callable(source) else sources_of(job.item)[0]
            source = first() if callable(first) else first
        job.url = source.url
        job.start = self._loop.host(source.url)
        headers = source.headers_now()
        if headers:
            lines = [f"{name}: {value}" for name, value in headers.items()]
            if not all(line.isascii() and line.isprintable() for line in lines):
                # libcurl does not escape line breaks, which would inject another header.
                raise ValueError("a header that cannot be sent")
            job.headers = (_ENCODING, *lines)

    def _send(self, job: DownloadJob, host: Host, now: float) -> int:
        if not job.started:
            job.started = now
        self._loop.start(job, job.url, job.headers, host)
        job.attempts += 1
        return job.item.size or 0

    def _completed(self, done: Completed) -> None:
        job: DownloadJob = done.job
        limiter = done.host.limiter
        if done.error is None:
            limiter.on_response()
            if done.status == 200:
                limiter.on_success()
                self._received(job, done.body)
                return
            if done.status in REDIRECT_STATUSES and self._redirected(done, job):
                return
            if done.status == 429 or (done.status == 503 and done.retry_after):
                limiter.on_throttled(done.retry_after or None)
        elif not done.status:
            limiter.on_no_response(done.error, self._options.patience)
        self._hand_over(job)

    def _redirected(self, done: Completed, job: DownloadJob) -> bool:
        """Follow a redirect by the same rules as the threads; return False to leave the decision to them."""
        if not done.redirect_url or job.redirects >= MAX_REDIRECTS:
            return False
        start = job.start
        try:
            target = self._loop.host(done.redirect_url)
            if target.limiter.unreachable is not None:
                return False
            if target is not done.host and start is not None:
                self._context.redirects.check(start.origin, done.host.origin, done.redirect_url)
        except RefusedError as error:
            if len(sources_of(job.item)) > 1:
                return False
            # The server would only repeat the redirect.
            self._failed(job, error)
            return True
        except HCAError:
            return False
        wait = done.retry_after
        kind = wait_of(done.status, job.url, done.redirect_url, wait or None, ignored=frozenset())
        if kind is None:
            wait = 0.0
        if kind is not None:
            job.waited += wait
            if job.waited > self._options.wait_budget:
                self._failed(job, not_ready(done.host.origin.host, job.item, job.waited - wait))
                return True
            if self._context.wait_notes is not None:
                self._context.wait_notes.take(done.host.origin.host, kind, wait, job.waited)
        else:
            job.redirects += 1
        job.url = done.redirect_url
        # Never send credentials to another origin.
        if start is not None and target is not start and not same_host(start.origin, target.origin):
            job.headers = _PLAIN
        if wait:
            self._later(job, wait)
        elif target.limiter.try_acquire():
            self._ready.appendleft(job)
        else:
            try:
                self._loop.start(job, job.url, job.headers, target)
            except Exception:  # noqa: BLE001 - pycurl raises several kinds for what it cannot send
                target.limiter.release()
                return False
        return True

    def _received(self, job: DownloadJob, data: bytes) -> None:
        item = job.item
        size = len(data)
        digest = new_sha256(data).hexdigest()
        if (size != item.size or digest != job.sha256) and not self._is_right(item, data, digest):
            self._hand_over(job, digest if size == item.size else None)
            return
        try:
            path = self._context.destination.put_bytes(item, digest, data)
        except HCAError as error:
            self._failed(job, error)
            return
        except OSError as failure:
            self._failed(job, disk_error(failure, item.name))
            return
        if self._context.shows_progress:
            self._context.moved(item, size)
        self._tuner.files += 1
        seconds = time.monotonic() - job.started
        self._finish(
            item, Result(Row(item.name, "downloaded", size, seconds, job.attempts, digest, "", path, item.key))
        )

    def _is_right(self, item: Item, data: bytes, digest: str) -> bool:
        """Return True if the bytes match an item without sha256 (another checksum, or none)."""
        if len(data) != item.size:
            # Truncated or compressed in transit: wrong even if checksums are not verified.
            return False
        expected = strongest_checksum(item)
        if expected is None or not self._options.verify:
            return True
        if expected.name == "sha256":
            return expected.digest == digest
        from hca_base.transfer._checksums import Hashes

        hashes = Hashes((expected.name,), len(data))
        hashes.update(data)
        return hashes.hexdigests()[expected.name] == expected.digest

    def _failed(self, job: DownloadJob, error: HCAError) -> None:
        outcome = "refused" if isinstance(error, RefusedError) else "failed"
        seconds = time.monotonic() - job.started
        item = job.item
        self._finish(
            item, Result.failed(item.name, outcome, error, key=item.key, seconds=seconds, attempts=job.attempts)
        )
