"""``hca_base``: the core of the Human Cell Atlas command line and Python library.

It knows no service by name; services are plugins. ``hca_base.client("dss")`` gives the client of an installed one.
"""

from hca_base._lazy import lazy_exports

__version__ = "9.0.0"

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "Client": ".openapi",
        "Config": ".config",
        "Service": ".plugins",
        "client": ".plugins",
    },
)
