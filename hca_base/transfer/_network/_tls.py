"""What both paths know of the network without speaking HTTP: certificates, and connections that ended early."""

from __future__ import annotations

import os

from hca_base.errors import ConfigError, UnreachableError


class Truncated(UnreachableError):
    """The connection ended before the body did."""


def ca_bundle(setting: str | None) -> str:
    """The file or directory of trusted certificates: the setting, else what requests would take.

    :raises ConfigError: it does not exist
    """
    found = setting or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if not found:
        import certifi

        return certifi.where()
    if not os.path.exists(found):
        raise ConfigError(f"the CA bundle {found} does not exist")
    return found


def check_ca_bundle(setting: str | None) -> None:
    """Complain about a bundle that was named and does not exist; nothing is imported for that.

    :raises ConfigError: it does not exist
    """
    if setting or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        ca_bundle(setting)
