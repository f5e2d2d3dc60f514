"""A wrapper that restricts a provider, such as a plugin's, to the service's hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hca_base.auth._providers._kinds import Provider
from hca_base.auth._stores._records import why_not


class HostBound(Provider):
    """Restricts another provider to the service's hosts."""

    def __init__(self, inner: Any, hosts: Iterable[str], insecure_hosts: Iterable[str]) -> None:
        super().__init__()
        self.inner = inner
        self.name = inner.name
        self._hosts = list(hosts)
        self._insecure = list(insecure_hosts)

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        if self._refused(url):
            return None
        headers: Mapping[str, str] | None = self.inner.authorization(url, refresh=refresh)
        self._take_over()
        return headers

    def look(self, url: str) -> bool:
        if self._refused(url):
            return False
        found = self.inner.look(url) if hasattr(self.inner, "look") else bool(self.inner.authorization(url))
        self._take_over()
        return found

    def _refused(self, url: str) -> bool:
        self.why = why_not(url, self._hosts, self._insecure) or ""
        return bool(self.why)

    def _take_over(self) -> None:
        self.why = self.inner.explain()
        for name in ("identity", "issuer", "expires_at"):
            setattr(self, name, getattr(self.inner, name, None))
