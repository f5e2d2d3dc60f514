"""Capabilities of the installed libcurl, and the options shared by all handles of a loop."""

from __future__ import annotations

import select
from typing import Any

from hca_base.transfer._network._tls import ConnectionSettings

_OLDEST_SUPPORTED = (7, 68, 0)
#: From this version on, libcurl enforces the size limit while bytes arrive too (CURLOPT_MAXFILESIZE, manual).
STOPS_AT_SIZE = (8, 4, 0)


def available() -> bool:
    """Return True if pycurl is installed, and its libcurl is new enough and has TLS."""
    try:
        import pycurl
    except Exception:  # noqa: BLE001 - a pycurl built for another TLS library raises more than ImportError
        return False
    waits = hasattr(select, "epoll") or hasattr(select, "poll")
    return waits and version() >= _OLDEST_SUPPORTED and "https" in pycurl.version_info()[8]


def version() -> tuple[int, ...]:
    """Return the version of libcurl."""
    import pycurl

    return tuple(int(part) for part in pycurl.version_info()[1].split("-")[0].split(".")[:3])


def handle_options(settings: ConnectionSettings, max_size: int) -> dict[int, Any]:
    """Return the options that all handles of a loop share."""
    import pycurl

    return {
        pycurl.NOSIGNAL: 1,
        pycurl.NOPROGRESS: 1,
        pycurl.USERAGENT: settings.user_agent,
        pycurl.CONNECTTIMEOUT_MS: int(settings.connect_timeout * 1000),
        # libcurl has one period for both checks, so min_rate applies over the stall timeout.
        pycurl.LOW_SPEED_LIMIT: max(1, settings.min_rate),
        pycurl.LOW_SPEED_TIME: max(1, round(settings.stall_timeout)),
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
