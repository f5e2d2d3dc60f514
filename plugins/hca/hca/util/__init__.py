"""``hca.util``: the base class of hca 7's clients, and related names."""

from __future__ import annotations

import importlib
import multiprocessing
from typing import TYPE_CHECKING, Any

from hca._moved import moved

if TYPE_CHECKING:
    from hca.util.client import SwaggerClient as SwaggerClient
    from hca.util.exceptions import SwaggerAPIException as SwaggerAPIException
    from hca.util.exceptions import SwaggerClientInternalError as SwaggerClientInternalError

moved(__name__, "hca_base.openapi.Client is the base class of clients")

_NAMES = {
    "SwaggerClient": ".client",
    "RetryPolicy": ".client",
    "SwaggerAPIException": ".exceptions",
    "SwaggerClientInternalError": ".exceptions",
}

#: Number of threads in hca 7; transfers use ``transfer.connections`` now.
DEFAULT_THREAD_COUNT = multiprocessing.cpu_count() * 2


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name], __name__), name)
    if name in ("get_config", "logger"):
        return getattr(importlib.import_module("hca.config"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMES})
