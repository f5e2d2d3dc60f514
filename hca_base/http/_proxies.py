"""Which proxy leads to an origin."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from ._addresses import Origin, is_loopback


def proxy_for(origin: Origin, setting: str | Mapping[str, str] | None) -> str | None:
    """The proxy for an origin: from the setting, else the environment; none for this machine and ``no_proxy``.

    :param setting: a URL, or URLs by scheme (``all`` for any)
    """
    if is_loopback(origin.host):
        return None
    if setting:
        found = setting if isinstance(setting, str) else setting.get(origin.scheme) or setting.get("all")
    elif _none_known():
        return None
    else:
        from urllib.request import getproxies, proxy_bypass

        if proxy_bypass(f"{origin.host}:{origin.port}") or proxy_bypass(origin.host):
            return None
        known = getproxies()
        found = known.get(origin.scheme) or known.get("all")
    if not found:
        return None
    return found if "://" in found else f"http://{found}"


def _none_known() -> bool:
    """Whether the import of ``urllib.request`` (longer than that of all our own modules) can be done without.

    macOS and Windows keep proxies in settings of the system; elsewhere there is but the environment.
    """
    if sys.platform in ("darwin", "win32"):
        return False
    return not any(name.lower().endswith("_proxy") for name in os.environ)
