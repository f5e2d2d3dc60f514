"""``hca.dss``: the client of the Data Storage Service, under its name since hca 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hca._moved import moved

if TYPE_CHECKING:
    from hca.dss.client import DSSClient as DSSClient
    from hca.dss.client import DSSFile as DSSFile
    from hca.util.exceptions import SwaggerAPIException as SwaggerAPIException

moved(__name__, "hca_dss.client.DSSClient is the client of the DSS")

__all__ = ["DSSClient"]


def __getattr__(name: str) -> Any:
    if name in ("DSSClient", "DSSFile"):
        from hca.dss import client as found
    elif name == "SwaggerAPIException":
        from hca.util import exceptions as found  # type: ignore[no-redef]
    elif name == "SwaggerClient":
        from hca.util import client as found  # type: ignore[no-redef]
    elif name == "DEFAULT_THREAD_COUNT":
        from hca import util as found  # type: ignore[no-redef]
    elif name == "tsv":
        from hca.util import tsv

        return tsv
    elif name == "logger":
        from hca import config as found  # type: ignore[no-redef]
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(found, name)


def __dir__() -> list[str]:
    return sorted({*globals(), "DSSClient", "DSSFile"})
