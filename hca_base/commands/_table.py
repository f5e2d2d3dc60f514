"""The core's commands: their classes and summaries, so that listing them needs no imports.

A test compares the summaries with the first lines of the classes' docstrings.
"""

from __future__ import annotations

#: command -> (module:class, summary)
COMMANDS: dict[str, tuple[str, str]] = {
    "auth login": ("hca_base.commands.auth:AuthLogin", "Log in to a service"),
    "auth logout": ("hca_base.commands.auth:AuthLogout", "Delete the stored login of a service"),
    "auth set-key": ("hca_base.commands.auth:AuthSetKey", "Store an API key or token for a service"),
    "auth status": (
        "hca_base.commands._credentials._status:AuthStatus",
        "Show which credentials each service gets",
    ),
    "auth token": ("hca_base.commands.auth:AuthToken", "Print the access token for a service"),
    "cache clear": ("hca_base.commands.cache:CacheClear", "Delete cached documents and plugin lists"),
    "cache list": ("hca_base.commands.cache:CacheList", "List what is cached"),
    "clear-hca-cache": ("hca_base.commands.cache:CacheClearOld", "Delete cached documents (as in hca 7)"),
    "completion bash": ("hca_base.commands.completion:CompletionBash", "Print the completion script for bash"),
    "completion fish": ("hca_base.commands.completion:CompletionFish", "Print the completion script for fish"),
    "completion install": ("hca_base.commands.completion:CompletionInstall", "Set up completion for your shell"),
    "completion zsh": ("hca_base.commands.completion:CompletionZsh", "Print the completion script for zsh"),
    "config edit": ("hca_base.commands._settings._edit:ConfigEdit", "Edit the settings in your editor"),
    "config get": ("hca_base.commands.config:ConfigGet", "Print one setting"),
    "config path": ("hca_base.commands.config:ConfigPath", "Print which files settings are read from"),
    "config schema": ("hca_base.commands.config:ConfigSchema", "Print the JSON Schema of the settings"),
    "config set": ("hca_base.commands.config:ConfigSet", "Set one setting"),
    "config show": ("hca_base.commands.config:ConfigShow", "Show all settings, and where each comes from"),
    "config unset": ("hca_base.commands.config:ConfigUnset", "Remove one setting"),
    "config validate": ("hca_base.commands.config:ConfigValidate", "Check all settings"),
    "login": ("hca_base.commands.auth:AuthLogin", "Log in to a service"),
    "logout": ("hca_base.commands.auth:AuthLogout", "Delete the stored login of a service"),
    "plugin create": (
        "hca_base.commands.plugin_create:PluginCreate",
        "Write a new plugin with tests, documentation and CI",
    ),
    "plugin doctor": (
        "hca_base.commands._plugins._doctor:PluginDoctor",
        "Find problems with this installation",
    ),
    "plugin install": ("hca_base.commands.plugin:PluginInstall", "Install a plugin into this environment"),
    "plugin list": ("hca_base.commands.plugin:PluginList", "List the installed plugins and what they provide"),
    "plugin uninstall": ("hca_base.commands.plugin:PluginUninstall", "Remove a plugin from this environment"),
    "profile create": ("hca_base.commands.profile:ProfileCreate", "Create a profile"),
    "profile delete": ("hca_base.commands.profile:ProfileDelete", "Delete a profile"),
    "profile list": ("hca_base.commands.profile:ProfileList", "List the profiles"),
    "profile use": ("hca_base.commands.profile:ProfileUse", "Switch to a profile"),
    "search": (
        "hca_base.commands.search:Search",
        "Find commands, operations, options, settings and documentation by words",
    ),
    "service add": ("hca_base.commands.service:ServiceAdd", "Add a service by its OpenAPI document, without a plugin"),
    "service list": ("hca_base.commands.service:ServiceList", "List the services"),
    "service refresh": ("hca_base.commands.service:ServiceRefresh", "Fetch the document of a service again"),
    "service rename": (
        "hca_base.commands.service_rename:ServiceRename",
        "Rename a service that you added",
    ),
    "service stubs": ("hca_base.commands.service_stubs:ServiceStubs", "Write type stubs of a service's client"),
    "service remove": ("hca_base.commands.service:ServiceRemove", "Remove a service that you added"),
    "shell": ("hca_base.commands.shell:Shell", "Open the interactive shell, or run a batch of lines from stdin"),
    "transfer gc": (
        "hca_base.commands.transfer:TransferGc",
        "Delete unreferenced files from a filestore",
    ),
    "transfer verify": (
        "hca_base.commands.transfer:TransferVerify",
        "Verify the files of a filestore",
    ),
}

#: group -> title, in the order of the help
GROUPS: dict[str, str] = {
    "auth": "Logins, tokens and API keys",
    "config": "Settings: show, change, check",
    "profile": "Named sets of settings",
    "service": "Services, with or without a plugin",
    "plugin": "Plugins: list, install, diagnose, write",
    "cache": "Cached documents",
    "transfer": "Filestores: verify, clean up",
    "completion": "Completion of commands in your shell",
}

#: commands that help does not list, because they are for old scripts or other programs
HIDDEN = frozenset({"clear-hca-cache"})
