"""Credential providers of plugins: entry points of ``hca.credentials``.

An entry point names a callable, such as a class, which gets a service and the settings, and returns a
:class:`hca_base.auth.CredentialProvider`, or None if it has nothing for that service.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_base._fork import ForkLock
from hca_base.errors import AuthError, HCAError
from hca_base.plugins._entry_points import entry_points

if TYPE_CHECKING:
    from hca_base.plugins._records import EntryPointRecord

logger = logging.getLogger("hca.plugins")


def credential_providers(service: Any, config: Any) -> list[PluginCredentials]:
    """Return the providers of all plugins for one service, which are only imported when used."""
    records = entry_points().records("hca.credentials")
    return [PluginCredentials(records[name], service, config) for name in sorted(records)]


class PluginCredentials:
    """One plugin's provider, for one service.

    A failing provider is skipped with a warning, and ``hca auth status`` shows the reason. Only its ``AuthError`` is
    raised, because it is meant for the user.
    """

    def __init__(self, record: EntryPointRecord, service: Any, config: Any) -> None:
        self.name = record.name
        self._record = record
        self._service = service
        self._config = config
        self._lock = ForkLock()
        self._inner: Any = None
        self._made = False
        self._why = ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of {self._record.distribution}>"

    def __getattr__(self, name: str) -> Any:
        if name in ("identity", "issuer", "expires_at"):
            return getattr(self._inner, name, None)
        raise AttributeError(name)

    def authorization(self, url: str, *, refresh: bool = False) -> Mapping[str, str] | None:
        """Return headers for a request to the URL, or None.

        :raises AuthError: the provider is configured, but its credentials are not usable
        """
        inner = self._provider()
        if inner is None:
            return None
        try:
            headers = inner.authorization(url, refresh=refresh)
            if headers is not None and not _are_headers(headers):
                raise TypeError("it returned something other than a mapping of header names to strings")
            self._why = ""
        except AuthError:
            raise
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            self._failed(error)
            return None
        return headers or None

    def explain(self) -> str:
        """Why it has no credentials, or where they come from."""
        if self._why:
            return self._why
        try:
            told = (
                str(self._inner.explain())
                if self._inner is not None
                else f"{self._origin} has no credentials for this service"
            )
        except Exception:  # noqa: BLE001
            return f"{self._origin} does not report its credentials"
        return told or self._origin

    @property
    def _origin(self) -> str:
        return f"plugin {self._record.distribution}"

    def _provider(self) -> Any:
        with self._lock:
            if not self._made:
                self._made = True
                try:
                    self._inner = entry_points().load(self._record)(self._service, self._config)
                except AuthError:
                    self._made = False
                    raise
                except HCAError as error:
                    self._why = error.message
                    logger.warning("%s", error.message)
                except Exception as error:  # noqa: BLE001
                    self._failed(error)
            return self._inner

    def _failed(self, error: Exception) -> None:
        # Only show its type: the text may contain secrets.
        self._why = f"{self._origin} failed ({type(error).__name__})"
        logger.warning("credentials %s of %s", self.name, self._why)
        logger.debug("credentials %s", self.name, exc_info=error)


def _are_headers(headers: Any) -> bool:
    return isinstance(headers, Mapping) and all(
        isinstance(name, str) and isinstance(value, str) for name, value in headers.items()
    )
