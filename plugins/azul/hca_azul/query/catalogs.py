"""Catalogs: the releases of the data, which are added and deleted over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hca_azul.query.calls import get_json
from hca_base.errors import ServiceError

if TYPE_CHECKING:
    from hca_base.openapi import BaseClient


_PATH = "/index/catalogs"


class Catalogs(NamedTuple):
    """The catalogs of the service.

    :ivar default: used when none is given
    :ivar all: name -> the service's description
    """

    default: str
    all: dict[str, dict[str, Any]]

    def shown(self) -> dict[str, dict[str, Any]]:
        """The catalogs without internal ones, which are for the service's own tests."""
        return {name: entry for name, entry in self.all.items() if not entry.get("internal")}


def read_catalogs(client: BaseClient, **options: Any) -> Catalogs:
    """Request the catalogs from the service."""
    try:
        answer = get_json(client, _PATH, **options)
    except ServiceError as error:
        if error.status == 404:
            # Every command requests this first: the configured URL is not Azul's.
            error.message = f"{client.base_url}{_PATH}: {error.message}"
            error.hint = "Check the URL of the service: hca service list"
        raise
    default = answer.get("default_catalog") if isinstance(answer, dict) else None
    entries = answer.get("catalogs") if isinstance(answer, dict) else None
    if not isinstance(default, str) or not isinstance(entries, dict):
        raise ServiceError("the service's list of catalogs is invalid", status=200)
    return Catalogs(default, {str(name): entry for name, entry in entries.items() if isinstance(entry, dict)})


def choose_catalog(found: Catalogs, locked: str | None = None) -> str:
    """The catalog to use when none is given: that of an earlier download, else the default.

    :param locked: of the earlier download; if it was deleted, warn and use the default
    """
    if locked is None or locked in found.all:
        return locked or found.default
    from hca_base.output import warn

    warn(
        f"the catalog {locked}, which earlier files came from, no longer exists; using {found.default}: "
        "files may have other versions, and some may be missing"
    )
    return found.default
