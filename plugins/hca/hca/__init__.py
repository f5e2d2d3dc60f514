"""``hca``: the names that scripts written for hca 6 and 7 import, implemented by the current packages.

Each name is imported when it is first used. New programs import ``hca_base``, ``hca_dss``,
``hca_upload`` and ``hca_azul``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hca.version import __version__ as __version__

if TYPE_CHECKING:
    from hca import auth as auth
    from hca import config as config
    from hca import dss as dss
    from hca import upload as upload
    from hca import util as util
    from hca.config import HCAConfig as HCAConfig
    from hca.config import get_config as get_config
    from hca.config import logger as logger

_NAMES = {"HCAConfig": ".config", "get_config": ".config", "logger": ".config"}
_MODULES = ("auth", "cli", "config", "dss", "upload", "util", "version")

__all__ = ["HCAConfig", "auth", "clear_hca_cache", "dss", "get_config", "logger", "upload"]


def clear_hca_cache(args: Any = None) -> None:
    """Delete the cached documents of all services; later calls download them again.

    :param args: ignored; hca 7 passed the command line's arguments
    """
    from hca_base.config import load
    from hca_base.openapi import DocumentCache

    DocumentCache(load()).clear()


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name], __name__), name)
    elif name in _MODULES:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*_NAMES, *_MODULES, "clear_hca_cache", "__version__"})
