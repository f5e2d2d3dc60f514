"""What a run knows of the network: proxy, certificates, user agent, and the connections made with them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hca_base.transfer._model import TransferOptions
from hca_base.transfer._network._limits import Cancel
from hca_base.transfer._network._tls import check_ca_bundle

if TYPE_CHECKING:
    from hca_base.transfer._network._connections import Reply, Wire
    from hca_base.transfer._network._curl import CurlLoop
    from hca_base.transfer._network._limits import Gates


class LazyWire:
    """A :class:`Wire` that is made for the first request: small files rarely need it, and its import takes time."""

    def __init__(self, make: Callable[[], Wire]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._wire: Wire | None = None

    def request(self, method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Reply:
        """See :meth:`Wire.request`."""
        wire = self._wire
        if wire is None:
            with self._lock:
                wire = self._wire = self._wire or self._make()
        return wire.request(method, url, headers, body)

    def abort(self) -> None:
        """See :meth:`Wire.abort`."""
        if self._wire is not None:
            self._wire.abort()

    def close(self) -> None:
        """See :meth:`Wire.close`."""
        if self._wire is not None:
            self._wire.close()


class Settings:
    """Proxy, CA bundle and user agent of a run: from its options, else from the session that it goes with."""

    def __init__(self, options: TransferOptions, session: Any) -> None:
        settings = getattr(session, "settings", None)
        self.proxy = options.proxy or getattr(settings, "proxy", None)
        self.ca_bundle = options.ca_bundle or getattr(settings, "ca_bundle", None)
        agent = options.user_agent or getattr(session, "user_agent", None)
        if not agent:
            from hca_base import __version__

            agent = f"hca/{__version__}"
        self.user_agent = str(agent)
        # A bundle that is not there is a fault of the settings, not of the first file that needs it.
        check_ca_bundle(self.ca_bundle)

    def wire(self, options: TransferOptions, cancel: Cancel) -> LazyWire:
        """The connections of a run."""

        def make() -> Wire:
            from hca_base.transfer._network._connections import Wire

            return Wire(
                connect_timeout=options.connect_timeout,
                stall_timeout=options.stall_timeout,
                user_agent=self.user_agent,
                cancel=cancel,
                proxy=self.proxy,
                ca=self.ca_bundle,
            )

        return LazyWire(make)

    def curl(
        self, options: TransferOptions, gates: Gates, *, max_size: int, most: int, with_headers: bool = False
    ) -> CurlLoop | None:
        """The connections of a run over libcurl; None where it is not wanted, or not there.

        :param max_size: most bytes of an answer
        :param most: connections, where the options name no number
        """
        if not options.fast:
            return None
        from hca_base.transfer._network import _curl

        if not _curl.available():
            return None
        return _curl.CurlLoop(
            gates,
            connect_timeout=options.connect_timeout,
            stall_timeout=options.stall_timeout,
            user_agent=self.user_agent,
            proxy=self.proxy,
            ca=self.ca_bundle,
            max_size=max_size,
            max_connections=options.connections or most,
            with_headers=with_headers,
        )
