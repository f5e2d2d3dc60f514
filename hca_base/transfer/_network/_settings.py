"""The connections of a run: a pool for the threads, and libcurl's event loop for small files, both created lazily."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hca_base.transfer._model import TransferOptions
from hca_base.transfer._network._limits import Cancel
from hca_base.transfer._network._tls import ConnectionSettings, ca_bundle

if TYPE_CHECKING:
    from hca_base.transfer._network._connections import ConnectionPool, Response
    from hca_base.transfer._network._curl import CurlLoop
    from hca_base.transfer._network._limits import HostLimiters


def connection_settings(options: TransferOptions, session: Any = None) -> ConnectionSettings:
    """Return the settings of a run: from its options, else from the session it belongs to.

    :raises ConfigError: the CA bundle does not exist
    """
    settings = getattr(session, "settings", None)
    bundle = options.ca_bundle or getattr(settings, "ca_bundle", None)
    if bundle or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        # Report a missing bundle as a settings error, not as a failure of the first file that needs it.
        ca_bundle(bundle)
    agent = options.user_agent or getattr(session, "user_agent", None)
    if not agent:
        from hca_base import __version__

        agent = f"hca/{__version__}"
    proxy = options.proxy or getattr(settings, "proxy", None)
    return ConnectionSettings(
        options.connect_timeout, options.stall_timeout, options.min_rate, str(agent), proxy, bundle
    )


class LazyConnectionPool:
    """A :class:`ConnectionPool` made on the first request: small files rarely need one, and its import is slow."""

    def __init__(self, settings: ConnectionSettings, cancel: Cancel) -> None:
        self._make: Callable[[], ConnectionPool] = lambda: _connection_pool(settings, cancel)
        self._lock = threading.Lock()
        self._pool: ConnectionPool | None = None

    def request(self, method: str, url: str, headers: Mapping[str, str], body: Any = None) -> Response:
        """See :meth:`ConnectionPool.request`."""
        pool = self._pool
        if pool is None:
            with self._lock:
                pool = self._pool = self._pool or self._make()
        return pool.request(method, url, headers, body)

    def abort(self) -> None:
        """See :meth:`ConnectionPool.abort`."""
        if self._pool is not None:
            self._pool.abort()

    def close(self) -> None:
        """See :meth:`ConnectionPool.close`."""
        if self._pool is not None:
            self._pool.close()


def _connection_pool(settings: ConnectionSettings, cancel: Cancel) -> ConnectionPool:
    from hca_base.transfer._network._connections import ConnectionPool

    return ConnectionPool(settings, cancel)


def curl_loop(
    settings: ConnectionSettings,
    options: TransferOptions,
    limiters: HostLimiters,
    *,
    max_size: int,
    max_connections: int,
    with_headers: bool = False,
) -> CurlLoop | None:
    """Return libcurl's event loop; None if the options disable it or libcurl is not installed.

    :param max_size: largest response body in bytes
    :param max_connections: how many to keep open
    """
    if not options.fast:
        return None
    from hca_base.transfer._network._curl_options import available

    if not available():
        return None
    from hca_base.transfer._network._curl import CurlLoop

    return CurlLoop(
        settings,
        limiters,
        max_size=max_size,
        max_connections=max_connections,
        with_headers=with_headers,
    )
