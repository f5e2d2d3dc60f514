"""Select the proxy for an origin."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from ipaddress import ip_network

from hca_base.http._addresses import Origin, address_of, is_loopback


def proxy_for(origin: Origin, setting: str | Mapping[str, str] | None) -> str | None:
    """Return the proxy for an origin from the setting or the environment; None for loopback and ``no_proxy``.

    :param setting: a URL, or URLs by scheme (``all`` for any)
    """
    if is_loopback(origin.host):
        return None
    if no_proxies_known():
        if not setting:
            return None
    elif _bypassed(origin):
        return None
    if isinstance(setting, str):
        found: str | None = setting
    else:
        known = setting
        if not known:
            from urllib.request import getproxies

            known = getproxies()
        found = known.get(origin.scheme) or known.get("all")
    if not found:
        return None
    return found if "://" in found else f"http://{found}"


def _bypassed(origin: Origin) -> bool:
    """Return True if ``no_proxy`` or the system excludes the origin; supports networks, like requests."""
    from urllib.request import proxy_bypass

    if proxy_bypass(f"{origin.host}:{origin.port}") or proxy_bypass(origin.host):
        return True
    address = address_of(origin.host)
    if address is None:
        return False
    listed = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    for entry in listed.replace(" ", "").split(","):
        try:
            if "/" in entry and address in ip_network(entry, strict=False):
                return True
        except ValueError:
            continue
    return False


def no_proxies_known() -> bool:
    """Return True if importing ``urllib.request`` (slower than all of hca's modules) can be avoided.

    macOS and Windows have proxies in system settings; other systems only in the environment.
    """
    if sys.platform in ("darwin", "win32"):
        return False
    return not any(name.lower().endswith("_proxy") for name in os.environ)
