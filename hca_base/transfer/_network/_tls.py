"""What libcurl and the connection pool share: settings, certificates, and the error for a connection cut short."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hca_base.errors import ConfigError, UnreachableError
from hca_base.transfer._model import TransferOptions


class TruncatedError(UnreachableError):
    """The connection ended before the body did."""


def ca_bundle(setting: str | None) -> str:
    """Return the file or directory of trusted certificates: the setting, else what requests would use.

    :raises ConfigError: the bundle does not exist
    """
    found = setting or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if not found:
        import certifi

        return certifi.where()
    if not os.path.exists(found):
        raise ConfigError(f"the CA bundle {found} does not exist")
    return found


def check_ca_bundle(setting: str | None) -> None:
    """Check that a bundle named by the user exists, without importing anything.

    :raises ConfigError: the bundle does not exist
    """
    if setting or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        ca_bundle(setting)


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What every connection of a run is made with.

    :param connect_timeout: seconds
    :param stall_timeout: seconds without a byte after which a connection is given up
    :param proxy: URL, or URLs by scheme; None for the environment's
    :param ca_bundle: file or directory of trusted certificates; None for the environment's
    """

    connect_timeout: float
    stall_timeout: float
    user_agent: str
    proxy: str | Mapping[str, str] | None = None
    ca_bundle: str | None = None

    @classmethod
    def of(cls, options: TransferOptions, session: Any = None) -> ConnectionSettings:
        """Make the settings of a run: from its options, else from the session it belongs to.

        :raises ConfigError: the CA bundle does not exist
        """
        settings = getattr(session, "settings", None)
        ca_bundle = options.ca_bundle or getattr(settings, "ca_bundle", None)
        agent = options.user_agent or getattr(session, "user_agent", None)
        if not agent:
            from hca_base import __version__

            agent = f"hca/{__version__}"
        # A missing bundle is an error of the settings, not of the first file that needs it.
        check_ca_bundle(ca_bundle)
        proxy = options.proxy or getattr(settings, "proxy", None)
        return cls(options.connect_timeout, options.stall_timeout, str(agent), proxy, ca_bundle)
