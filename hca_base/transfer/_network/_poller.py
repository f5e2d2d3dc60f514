"""Wait for libcurl's sockets, with epoll if available, otherwise poll."""

from __future__ import annotations

import select
import time
from typing import Any

#: Seconds to wait while libcurl has no socket yet (its resolver thread is looking up a name).
_NO_SOCKET_WAIT = 0.05


class Poller:
    """The sockets that libcurl waits for."""

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
        """Register a socket that libcurl waits for (its ``CURLMOPT_SOCKETFUNCTION``)."""
        if what == self._remove:
            # libcurl usually keeps the connection and waits for it again at once: leave it registered until then,
            # or until its next event.
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
                # The descriptor was closed and its number reused.
                pass
        self._known.add(fd)
        self._poll.register(fd, mask)

    def poll(self, timeout: float) -> list[tuple[int, int]]:
        """Wait at most ``timeout`` seconds; return sockets with their events."""
        if not self._known:
            if timeout > 0:
                time.sleep(min(timeout, _NO_SOCKET_WAIT))
            return []
        found = self._poll.poll(timeout if self._epoll else timeout * 1000)
        events = []
        for fd, mask in found:
            if fd in self._idle:
                # The server closed a kept-alive connection; libcurl notices when it reuses it.
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
