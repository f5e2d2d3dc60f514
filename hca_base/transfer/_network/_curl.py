"""Many small requests over libcurl: one thread, one event loop, kept-alive connections.

libcurl handles connections, TLS, proxies and HTTP. What a response means (redirects, waits, retries, which host gets
which header) is decided by the same rules as for the threads. Without pycurl nothing here is used.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hca_base.errors import HCAError, TimedOutError, UnreachableError
from hca_base.http import Origin, origin_of, proxy_for
from hca_base.transfer._network._curl_options import STOPS_AT_SIZE, handle_options, version
from hca_base.transfer._network._limits import HostLimiter, HostLimiters
from hca_base.transfer._network._poller import Poller
from hca_base.transfer._network._tls import ConnectionSettings, TruncatedError, ca_bundle

#: libcurl error codes (curl/curl.h) that are handled specially.
_TIMED_OUT = {28}
_TRUNCATED = {18, 52, 55, 56}
_UNKNOWN_HOST = {5, 6}
_CERTIFICATE = {60, 77, 83, 90, 91}
#: The fastest of this many responses measures the latency; the others may have waited at the server.
_MEASURED = 8


class Host:
    """An origin with its limiter and its proxy."""

    __slots__ = ("limiter", "origin", "proxy", "secure")

    def __init__(self, origin: Origin, limiter: HostLimiter, proxy: str) -> None:
        self.origin = origin
        self.limiter = limiter
        self.proxy = proxy
        #: TLS is used, to the host or to the proxy.
        self.secure = origin.scheme == "https" or proxy.startswith("https:")


@dataclass(slots=True)
class Completed:
    """A finished request.

    :param job: the caller's own, as given to :meth:`CurlLoop.start`
    :param status: HTTP status; 0 if no response came
    :param body: the response body, empty unless the status is 200
    :param headers: by lower-case name, in a loop ``with_headers``; of repeated ones, the last
    :param retry_after: seconds that the server asked the client to wait; 0 if it did not
    :param redirect_url: where a redirect leads
    :param error: why no response came, or not all of it
    """

    job: Any
    host: Host
    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float = 0.0
    redirect_url: str = ""
    error: HCAError | None = None


@dataclass(slots=True)
class _Request:
    """The state of one libcurl handle."""

    chunks: list[bytes]
    header_lines: list[bytes]
    job: Any = None
    host: Host | None = None
    headers: tuple[str, ...] | None = None
    proxy: str | None = None
    is_put: bool = False
    has_ca_bundle: bool = False


class CurlLoop:
    """The event loop; used by one thread.

    A request stands for a job, any object of the caller's; :meth:`poll` returns it with the response.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        limiters: HostLimiters,
        *,
        max_size: int,
        max_connections: int,
        with_headers: bool = False,
    ) -> None:
        import pycurl

        self._pycurl = pycurl
        self._settings = settings
        self._limiters = limiters
        self._options = handle_options(settings, max_size)
        self._counts_bytes = version() < STOPS_AT_SIZE
        self._max_size = max_size
        self._with_headers = with_headers
        self._hosts: dict[str, Host] = {}
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, max_connections)
        self._poller = Poller()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._poller.socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        self._deadline: float | None = None
        self._free: list[Any] = []
        #: All handles, and the request of each (pycurl's handles are hashed by identity).
        self._requests: dict[Any, _Request] = {}
        #: Requests in progress.
        self.active = 0
        #: Seconds spent waiting for the network; shows whether more connections would help.
        self.waited = 0.0
        #: Shortest response time (seconds), and how many responses remain to be measured.
        self.latency, self.unmeasured = float("inf"), _MEASURED
        #: Shortest connection time (seconds), which does not depend on the server's work.
        self.connecting = float("inf")

    def host(self, url: str) -> Host:
        """Return what is known about the origin of a URL.

        :raises UsageError: it is not an http or https URL
        """
        prefix = url[: url.find("/", 8)]
        host = self._hosts.get(prefix)
        if host is None:
            origin = origin_of(url)
            limiter = self._limiters.of(origin.host, origin.port)
            host = Host(origin, limiter, proxy_for(origin, self._settings.proxy) or "")
            # Cache only prefixes that end with the host: the slash of "http://a?b/" is in the query.
            if origin_of(prefix) == origin:
                self._hosts[prefix] = host
        return host

    def _set_timer(self, milliseconds: int) -> None:
        self._deadline = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _handle(self) -> Any:
        if self._free:
            return self._free.pop()
        handle = self._pycurl.Curl()
        for option, value in self._options.items():
            handle.setopt(option, value)
        request = _Request([], [])
        write = self._counted(request.chunks) if self._counts_bytes else request.chunks.append
        handle.setopt(self._pycurl.WRITEFUNCTION, write)
        if self._with_headers:
            handle.setopt(self._pycurl.HEADERFUNCTION, request.header_lines.append)
        self._requests[handle] = request
        return handle

    def _counted(self, chunks: list[bytes]) -> Any:
        """Make a write function that enforces the size limit, for versions of libcurl that do not."""
        limit = self._max_size

        def write(data: bytes) -> int | None:
            chunks.append(data)
            return 0 if sum(map(len, chunks)) > limit else None

        return write

    def start(self, job: Any, url: str, headers: tuple[str, ...], host: Host) -> None:
        """Start a GET. The caller has acquired the host's limiter.

        :raises Exception: the request cannot be encoded (a non-ASCII header); nothing was started
        """
        self._begin(self._handle(), job, url, headers, host)

    def start_put(self, job: Any, url: str, headers: tuple[str, ...], host: Host, body: bytes) -> None:
        """Start a PUT with a body in memory.

        :raises Exception: see :meth:`start`
        """
        handle = self._handle()
        request = self._requests[handle]
        if not request.is_put:
            handle.setopt(self._pycurl.POST, 1)
            handle.setopt(self._pycurl.CUSTOMREQUEST, "PUT")
            request.is_put = True
        handle.setopt(self._pycurl.POSTFIELDS, body)
        self._begin(handle, job, url, headers, host)

    def _begin(self, handle: Any, job: Any, url: str, headers: tuple[str, ...], host: Host) -> None:
        pycurl, request = self._pycurl, self._requests[handle]
        try:
            handle.setopt(pycurl.URL, url)
            if request.headers != headers:
                handle.setopt(pycurl.HTTPHEADER, list(headers))
                request.headers = headers
            if request.proxy != host.proxy:
                handle.setopt(pycurl.PROXY, host.proxy)
                request.proxy = host.proxy
            if host.secure and not request.has_ca_bundle:
                bundle = ca_bundle(self._settings.ca_bundle)
                handle.setopt(pycurl.CAPATH if Path(bundle).is_dir() else pycurl.CAINFO, bundle)
                request.has_ca_bundle = True
            self._multi.add_handle(handle)
        except BaseException:
            self._free.append(handle)
            raise
        request.job, request.host = job, host
        self.active += 1

    def poll(self, timeout: float) -> list[Completed]:
        """Wait for the network, at most ``timeout`` seconds, and return the requests that are finished."""
        pycurl = self._pycurl
        now = time.monotonic()
        if self._deadline is not None and self._deadline <= now:
            self._deadline = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            events: list[tuple[int, int]] = self._poller.poll(0.0)
        else:
            if self._deadline is not None:
                timeout = min(timeout, self._deadline - now)
            events = self._poller.poll(timeout)
            self.waited += time.monotonic() - now
        for fd, mask in events:
            self._multi.socket_action(fd, mask)
        done: list[Completed] = []
        while True:
            left, good, bad = self._multi.info_read()
            for handle in good:
                done.append(self._complete(handle, 0, ""))
            for handle, code, text in bad:
                done.append(self._complete(handle, code, text))
            if not left:
                return done

    def _complete(self, handle: Any, code: int, text: str) -> Completed:
        """Return a finished handle's response, and free the handle."""
        pycurl, request = self._pycurl, self._requests[handle]
        self._multi.remove_handle(handle)
        host = request.host
        assert host is not None
        if self.unmeasured and not code:
            self._measure_latency(handle)
        done = Completed(request.job, host, handle.getinfo(pycurl.RESPONSE_CODE))
        if code:
            done.error = self._error(code, text, host.origin.host)
        elif done.status == 200:
            chunks = request.chunks
            done.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        else:
            done.retry_after = float(handle.getinfo(pycurl.RETRY_AFTER))
            done.redirect_url = handle.getinfo(pycurl.REDIRECT_URL) or ""
        if self._with_headers:
            done.headers = _parse_headers(request.header_lines)
            request.header_lines.clear()
        request.chunks.clear()
        request.job = request.host = None
        self._free.append(handle)
        self.active -= 1
        host.limiter.release()
        return done

    def _measure_latency(self, handle: Any) -> None:
        """Record how long a response took, excluding the time to connect."""
        ready, answered = map(handle.getinfo, (self._pycurl.PRETRANSFER_TIME, self._pycurl.STARTTRANSFER_TIME))
        self.latency = min(self.latency, answered - ready)
        named, connected = map(handle.getinfo, (self._pycurl.NAMELOOKUP_TIME, self._pycurl.CONNECT_TIME))
        if connected > named:
            self.connecting = min(self.connecting, connected - named)
        self.unmeasured -= 1

    @staticmethod
    def _error(code: int, text: str, host: str) -> HCAError:
        """Return the exception for one of libcurl's error codes."""
        if code in _TIMED_OUT:
            return TimedOutError(f"{host} sent no data for too long")
        if code in _TRUNCATED:
            return TruncatedError(f"{host} closed the connection")
        if code in _UNKNOWN_HOST:
            return UnreachableError(f"the name of {host} or of its proxy is not known")
        if code in _CERTIFICATE:
            return UnreachableError(
                f"the certificate of {host} is not trusted: {text}",
                hint="if your network uses its own CA, set http.ca_bundle or REQUESTS_CA_BUNDLE to its file",
            )
        return UnreachableError(f"cannot reach {host}: {text or f'libcurl error {code}'}")

    def unfinished_jobs(self) -> list[Any]:
        """Return the jobs of the requests in progress."""
        return [request.job for request in self._requests.values() if request.job is not None]

    def close(self) -> None:
        """Stop all requests and close all connections."""
        for handle, request in self._requests.items():
            if request.job is not None:
                try:
                    self._multi.remove_handle(handle)
                except self._pycurl.error:
                    pass
        self._multi.close()
        for handle in self._requests:
            handle.close()
        self._requests.clear()
        self._free.clear()
        self._poller.close()


def _parse_headers(lines: list[bytes]) -> dict[str, str]:
    """Return headers by lower-case name; of repeated ones (an informational response came first), the last."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon:
            headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    return headers
