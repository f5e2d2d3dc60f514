"""Plugins: what one declares, where they are found, and how a broken one is kept from harming the rest.

A plugin is an installed distribution with entry points in the groups ``hca.services``, ``hca.clients``,
``hca.commands``, ``hca.credentials`` and ``hca.executors``. Nothing of it is imported before it is used.
"""

from .._lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "PLUGIN_API": "._service",
        "BrokenPlugin": "._registry",
        "Conflict": "._registry",
        "CredentialScheme": "._service",
        "EntryPointRecord": "._records",
        "GROUPS": "._records",
        "PluginDistribution": "._records",
        "Registry": "._registry",
        "Service": "._service",
        "client": "._registry",
        "registry": "._registry",
        "reset_registry": "._registry",
        "service_of": "._registry",
    },
)
