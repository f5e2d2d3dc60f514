"""Many small requests over libcurl: one thread, one event loop, kept-alive connections.

libcurl does what it does well here: connections, TLS, proxies, HTTP. What a request means (redirects, waits, repeats,
who gets which header) is decided by the same rules as on the other path. Without pycurl nothing here is used.
"""

from __future__ import annotations

import select
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hca_base.errors import HCAError, TimedOutError, UnreachableError
from hca_base.http import Origin, origin_of, proxy_for
from hca_base.transfer._network._limits import Gates, HostGate
from hca_base.transfer._network._tls import Truncated, ca_bundle

#: libcurl error codes (curl/curl.h) with a meaning of their own for us.
_TIMED_OUT = {28}
_TRUNCATED = {18, 52, 55, 56}
_UNKNOWN_HOST = {5, 6}
_CERTIFICATE = {60, 77, 83, 90, 91}
#: CURLE_FILESIZE_EXCEEDED: more bytes than there can be.
TOO_LARGE = 63
_OLDEST = (7, 68, 0)
#: From this version on the size limit is enforced while bytes arrive, too (CURLOPT_MAXFILESIZE, manual).
_STOPS_AT_SIZE = (8, 4, 0)


def available() -> bool:
    """True when pycurl is there and its libcurl is new enough, with TLS."""
    try:
        import pycurl
    except Exception:  # noqa: BLE001 - a pycurl built for another TLS library raises more than ImportError
        return False
    waits = hasattr(select, "epoll") or hasattr(select, "poll")
    return waits and _version() >= _OLDEST and "https" in pycurl.version_info()[8]


def _version() -> tuple[int, ...]:
    import pycurl

    return tuple(int(part) for part in pycurl.version_info()[1].split("-")[0].split(".")[:3])


class Host:
    """An origin, its gate and its proxy."""

    __slots__ = ("gate", "origin", "proxy", "secure")

    def __init__(self, origin: Origin, gate: HostGate, proxy: str) -> None:
        self.origin = origin
        self.gate = gate
        self.proxy = proxy
        #: Certificates will be looked at, the host's or the proxy's.
        self.secure = origin.scheme == "https" or proxy.startswith("https:")


class CurlLoop:
    """The event loop. One thread uses it.

    A request is described by any object (the job); :meth:`poll` hands it back with the easy handle, from which status
    and body are read, and which must be given to :meth:`again` or :meth:`release`.
    """

    def __init__(
        self,
        gates: Gates,
        *,
        connect_timeout: float,
        stall_timeout: float,
        user_agent: str,
        proxy: str | Mapping[str, str] | None = None,
        ca: str | None = None,
        max_size: int,
        max_connections: int,
        with_headers: bool = False,
    ) -> None:
        import pycurl

        self._pycurl = pycurl
        self._gates = gates
        self._options: dict[int, Any] = {
            pycurl.NOSIGNAL: 1,
            pycurl.NOPROGRESS: 1,
            pycurl.USERAGENT: user_agent,
            pycurl.CONNECTTIMEOUT_MS: int(connect_timeout * 1000),
            # A small body needs no more than this, whatever the line; slower means that nothing comes.
            pycurl.LOW_SPEED_LIMIT: 16,
            pycurl.LOW_SPEED_TIME: max(1, round(stall_timeout)),
            pycurl.TIMEOUT_MS: 600_000,
            pycurl.FOLLOWLOCATION: 0,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.HTTP_CONTENT_DECODING: 0,
            pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
            pycurl.MAXFILESIZE_LARGE: max_size,
            pycurl.SSL_VERIFYPEER: 1,
            pycurl.SSL_VERIFYHOST: 2,
            pycurl.DNS_CACHE_TIMEOUT: 60,
        }
        self._counts = _version() < _STOPS_AT_SIZE
        self._max_size = max_size
        self._with_headers = with_headers
        self._ca = ca
        self._proxy = proxy
        self._hosts: dict[str, Host] = {}
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, max_connections)
        self._poller = _Poller()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._poller.socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._timer)
        self._deadline: float | None = None
        self._free: list[Any] = []
        self._all: list[Any] = []
        self.active = 0
        #: Seconds spent waiting for others; it tells whether more connections would help.
        self.waited = 0.0

    def host(self, url: str) -> Host:
        """What is known about the origin of a URL.

        :raises UsageError: it is no http or https URL
        """
        prefix = url[: url.find("/", 8)]
        host = self._hosts.get(prefix)
        if host is None:
            origin = origin_of(url)
            host = Host(origin, self._gates.of(origin.host, origin.port), proxy_for(origin, self._proxy) or "")
            # Only what ends at the host may stand for it: "http://a?b/" has its slash in the query.
            if origin_of(prefix) == origin:
                self._hosts[prefix] = host
        return host

    def _timer(self, milliseconds: int) -> None:
        self._deadline = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

    def _handle(self) -> Any:
        if self._free:
            return self._free.pop()
        handle = self._pycurl.Curl()
        for option, value in self._options.items():
            handle.setopt(option, value)
        handle.chunks = []
        handle.setopt(
            self._pycurl.WRITEFUNCTION, self._counted(handle.chunks) if self._counts else handle.chunks.append
        )
        if self._with_headers:
            handle.told = []
            handle.setopt(self._pycurl.HEADERFUNCTION, handle.told.append)
        handle.headers = handle.proxy = handle.verb = None
        handle.trusts = False
        self._all.append(handle)
        return handle

    def _counted(self, chunks: list[bytes]) -> Any:
        """A write function that stops at the size limit, for a libcurl that does not."""
        limit = self._max_size

        def write(data: bytes) -> int | None:
            chunks.append(data)
            return 0 if sum(map(len, chunks)) > limit else None

        return write

    def start(self, job: Any, url: str, headers: tuple[str, ...], host: Host) -> None:
        """Begin a GET. The host's gate must have been entered.

        :raises Exception: the request cannot be put into words (a header that is not ASCII); nothing was begun
        """
        self._begin_new(self._handle(), job, url, headers, host)

    def start_put(self, job: Any, url: str, headers: tuple[str, ...], host: Host, body: bytes) -> None:
        """Begin a PUT with a body that is in memory.

        :raises Exception: as :meth:`start`
        """
        handle = self._handle()
        if handle.verb != "PUT":
            handle.setopt(self._pycurl.POST, 1)
            handle.setopt(self._pycurl.CUSTOMREQUEST, "PUT")
            handle.verb = "PUT"
        handle.setopt(self._pycurl.POSTFIELDS, body)
        self._begin_new(handle, job, url, headers, host)

    def _begin_new(self, handle: Any, job: Any, url: str, headers: tuple[str, ...], host: Host) -> None:
        try:
            self._begin(handle, job, url, headers, host)
        except BaseException:
            self.release(handle)
            raise

    def _begin(self, handle: Any, job: Any, url: str, headers: tuple[str, ...], host: Host) -> None:
        handle.setopt(self._pycurl.URL, url)
        if handle.headers != headers:
            handle.setopt(self._pycurl.HTTPHEADER, list(headers))
            handle.headers = headers
        if handle.proxy != host.proxy:
            handle.setopt(self._pycurl.PROXY, host.proxy)
            handle.proxy = host.proxy
        if host.secure and not handle.trusts:
            bundle = ca_bundle(self._ca)
            handle.setopt(self._pycurl.CAPATH if Path(bundle).is_dir() else self._pycurl.CAINFO, bundle)
            handle.trusts = True
        handle.job = job
        handle.host = host
        self._multi.add_handle(handle)
        self.active += 1

    def told(self, handle: Any, name: bytes) -> str:
        """A header of the answer of a handle that :meth:`poll` gave (of a loop ``with_headers``), or an empty text."""
        for line in reversed(handle.told):
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return str(value.strip().decode("latin-1"))
        return ""

    def again(self, handle: Any, url: str, headers: tuple[str, ...], host: Host) -> None:
        """Use a handle that :meth:`poll` gave for the next request of the same job.

        :raises Exception: as :meth:`start`; the handle is still to be released
        """
        handle.chunks.clear()
        self._begin(handle, handle.job, url, headers, host)

    def release(self, handle: Any) -> None:
        """Done with a handle that :meth:`poll` gave."""
        handle.chunks.clear()
        if self._with_headers:
            handle.told.clear()
        handle.job = None
        self._free.append(handle)

    def poll(self, timeout: float) -> list[tuple[Any, int, str]]:
        """Wait for something to happen, at most ``timeout`` seconds; handles that are done, libcurl's code and text."""
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
        done: list[tuple[Any, int, str]] = []
        while True:
            left, good, bad = self._multi.info_read()
            for handle in good:
                self._multi.remove_handle(handle)
                done.append((handle, 0, ""))
            for handle, code, text in bad:
                self._multi.remove_handle(handle)
                done.append((handle, code, text))
            if not left:
                break
        self.active -= len(done)
        for handle, _, _ in done:
            handle.host.gate.leave()
        return done

    def error(self, code: int, text: str, host: str) -> HCAError:
        """A failure of libcurl as one of ours."""
        if code in _TIMED_OUT:
            return TimedOutError(f"{host} sent nothing for too long")
        if code in _TRUNCATED:
            return Truncated(f"{host} closed the connection")
        if code in _UNKNOWN_HOST:
            return UnreachableError(f"the name of {host} or of its proxy is not known")
        if code in _CERTIFICATE:
            return UnreachableError(
                f"the certificate of {host} is not trusted: {text}",
                hint="Where your network has a CA of its own, name its file in http.ca_bundle or REQUESTS_CA_BUNDLE.",
            )
        return UnreachableError(f"cannot reach {host}: {text or f'libcurl error {code}'}")

    def close(self) -> None:
        """Stop everything and close all connections."""
        for handle in self._all:
            if getattr(handle, "job", None) is not None and handle not in self._free:
                try:
                    self._multi.remove_handle(handle)
                except self._pycurl.error:
                    pass
        self._multi.close()
        for handle in self._all:
            handle.close()
        self._all.clear()
        self._free.clear()
        self._poller.close()


class _Poller:
    """epoll where there is one, else poll; in libcurl's terms."""

    def __init__(self) -> None:
        import pycurl

        self._epoll: Any = select.epoll() if hasattr(select, "epoll") else None
        self._poll: Any = self._epoll or select.poll()
        readable, writable = (select.EPOLLIN, select.EPOLLOUT) if self._epoll else (select.POLLIN, select.POLLOUT)
        self._masks = {pycurl.POLL_IN: readable, pycurl.POLL_OUT: writable, pycurl.POLL_INOUT: readable | writable}
        self._known: set[int] = set()
        self._idle: set[int] = set()
        self._readable, self._writable = readable, writable
        self._in, self._out, self._err = pycurl.CSELECT_IN, pycurl.CSELECT_OUT, pycurl.CSELECT_ERR
        self._remove = pycurl.POLL_REMOVE

    def socket(self, what: int, fd: int, multi: Any, data: Any) -> None:
        """libcurl tells which socket it waits for, and for what."""
        if what == self._remove:
            # Most likely the connection is kept, and waited for again at once: it stays registered until then, or
            # until something happens to it.
            self._idle.add(fd)
            return
        mask = self._masks.get(what)
        if mask is None:
            return
        self._idle.discard(fd)
        if fd in self._known:
            try:
                self._poll.modify(fd, mask)
                return
            except OSError:
                # The number was closed since, and given out again.
                pass
        self._known.add(fd)
        self._poll.register(fd, mask)

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Sockets and what happened to them."""
        if not self._known:
            if timeout > 0:
                time.sleep(min(timeout, 0.05))
            return []
        found = self._poll.poll(timeout if self._epoll else timeout * 1000)
        events = []
        for fd, mask in found:
            if fd in self._idle:
                # The other side closed a connection that was kept; libcurl notices when it wants to use it.
                self._idle.discard(fd)
                self._known.discard(fd)
                try:
                    self._poll.unregister(fd)
                except (OSError, KeyError, ValueError):
                    pass
            elif mask == self._readable:
                events.append((fd, self._in))
            else:
                events.append((fd, self._translate(mask)))
        return events

    def _translate(self, mask: int) -> int:
        result = 0
        if mask & self._readable:
            result |= self._in
        if mask & self._writable:
            result |= self._out
        if mask & ~(self._readable | self._writable):
            result |= self._err
        return int(result)

    def close(self) -> None:
        """Close epoll's own descriptor."""
        if self._epoll is not None:
            self._epoll.close()
