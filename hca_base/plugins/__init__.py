"""Plugins: their declarations, their discovery, and isolation of broken ones.

A plugin is an installed distribution with entry points in the groups ``hca.services``, ``hca.clients``,
``hca.commands``, ``hca.credentials``, ``hca.executors``, ``hca.links`` and
``hca.settings``. It is only imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hca_base._lazy import lazy_exports

if TYPE_CHECKING:
    from hca_base.plugins._available import AvailablePlugin as AvailablePlugin
    from hca_base.plugins._available import available_plugins as available_plugins
    from hca_base.plugins._check import check_plugins as check_plugins
    from hca_base.plugins._entry_points import PLUGIN_API as PLUGIN_API
    from hca_base.plugins._entry_points import BrokenPlugin as BrokenPlugin
    from hca_base.plugins._entry_points import Conflict as Conflict
    from hca_base.plugins._environment import checked_names as checked_names
    from hca_base.plugins._environment import installer as installer
    from hca_base.plugins._environment import run_installer as run_installer
    from hca_base.plugins._environment import users_of as users_of
    from hca_base.plugins._links import Link as Link
    from hca_base.plugins._links import link_columns as link_columns
    from hca_base.plugins._links import link_sources as link_sources
    from hca_base.plugins._links import links as links
    from hca_base.plugins._links import plain_doi as plain_doi
    from hca_base.plugins._metadata import leftovers as leftovers
    from hca_base.plugins._records import GROUPS as GROUPS
    from hca_base.plugins._records import EntryPointRecord as EntryPointRecord
    from hca_base.plugins._records import PluginDistribution as PluginDistribution
    from hca_base.plugins._registry import Registry as Registry
    from hca_base.plugins._registry import client as client
    from hca_base.plugins._registry import registry as registry
    from hca_base.plugins._registry import reset_registry as reset_registry
    from hca_base.plugins._registry import service_of as service_of
    from hca_base.plugins._scaffold import scaffold as scaffold
    from hca_base.plugins._service import CredentialScheme as CredentialScheme
    from hca_base.plugins._service import Service as Service
    from hca_base.plugins._sources import source_file as source_file

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "AvailablePlugin": "._available",
        "PLUGIN_API": "._entry_points",
        "BrokenPlugin": "._entry_points",
        "Conflict": "._entry_points",
        "Link": "._links",
        "CredentialScheme": "._service",
        "EntryPointRecord": "._records",
        "GROUPS": "._records",
        "PluginDistribution": "._records",
        "Registry": "._registry",
        "Service": "._service",
        "available_plugins": "._available",
        "check_plugins": "._check",
        "checked_names": "._environment",
        "client": "._registry",
        "installer": "._environment",
        "link_columns": "._links",
        "link_sources": "._links",
        "links": "._links",
        "plain_doi": "._links",
        "leftovers": "._metadata",
        "registry": "._registry",
        "reset_registry": "._registry",
        "run_installer": "._environment",
        "scaffold": "._scaffold",
        "service_of": "._registry",
        "source_file": "._sources",
        "users_of": "._environment",
    },
)
