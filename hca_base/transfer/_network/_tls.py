"""Shared by libcurl and the connection pool: settings, certificates, and the error for a truncated body."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from hca_base.errors import ConfigError, UnreachableError


class TruncatedError(UnreachableError):
    """Raised when the connection ends before the body."""


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


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Settings for every connection of a run.

    :param connect_timeout: seconds
    :param stall_timeout: seconds without data after which a connection is closed
    :param min_rate: bytes per second below which a connection is closed; 0 for no minimum
    :param proxy: URL, or URLs by scheme; None for the environment's
    :param ca_bundle: file or directory of trusted certificates; None for the environment's
    """

    connect_timeout: float
    stall_timeout: float
    min_rate: int
    user_agent: str
    proxy: str | Mapping[str, str] | None = None
    ca_bundle: str | None = None
