"""The core's commands: where each is, and its summary, so that finding and listing them imports nothing.

A test holds the summaries against the first lines of the classes' docstrings.
"""

from __future__ import annotations

#: command -> (module:class, summary)
COMMANDS: dict[str, tuple[str, str]] = {
    "auth login": ("hca_base.commands.auth:Login", "Log in to a service"),
    "auth logout": ("hca_base.commands.auth:Logout", "Forget the stored login of a service"),
    "auth set-key": ("hca_base.commands.auth:SetKey", "Store an API key or token for a service"),
    "auth status": ("hca_base.commands.auth:Status", "Show which credentials each service would get"),
    "auth token": ("hca_base.commands.auth:Token", "Print the access token for a service"),
    "cache clear": ("hca_base.commands.cache:Clear", "Delete cached documents and plugin lists"),
    "cache list": ("hca_base.commands.cache:List", "List what is cached"),
    "clear-hca-cache": ("hca_base.commands.cache:ClearOld", "Delete cached documents (as in hca 7)"),
    "completion bash": ("hca_base.commands.completion:Bash", "Print the completion script for bash"),
    "completion fish": ("hca_base.commands.completion:Fish", "Print the completion script for fish"),
    "completion install": ("hca_base.commands.completion:Install", "Set up completion for your shell"),
    "completion zsh": ("hca_base.commands.completion:Zsh", "Print the completion script for zsh"),
    "config edit": ("hca_base.commands.config:Edit", "Edit the settings in your editor"),
    "config get": ("hca_base.commands.config:Get", "Print one setting"),
    "config path": ("hca_base.commands.config:Path", "Print which files settings are read from"),
    "config schema": ("hca_base.commands.config:Schema", "Print the JSON Schema of the settings"),
    "config set": ("hca_base.commands.config:Set", "Set one setting"),
    "config show": ("hca_base.commands.config:Show", "Show all settings, and where each comes from"),
    "config unset": ("hca_base.commands.config:Unset", "Remove one setting"),
    "config validate": ("hca_base.commands.config:Validate", "Check all settings"),
    "login": ("hca_base.commands.auth:Login", "Log in to a service"),
    "logout": ("hca_base.commands.auth:Logout", "Forget the stored login of a service"),
    "plugin create": ("hca_base.commands.plugin_create:Create", "Write a new plugin with tests, documentation and CI"),
    "plugin doctor": ("hca_base.commands.plugin_doctor:Doctor", "Look for what is wrong with this installation"),
    "plugin install": ("hca_base.commands.plugin:Install", "Install a plugin into this environment"),
    "plugin list": ("hca_base.commands.plugin:List", "List the installed plugins and what each gives"),
    "plugin uninstall": ("hca_base.commands.plugin:Uninstall", "Remove a plugin from this environment"),
    "profile create": ("hca_base.commands.profile:Create", "Create a profile"),
    "profile delete": ("hca_base.commands.profile:Delete", "Delete a profile"),
    "profile list": ("hca_base.commands.profile:List", "List the profiles"),
    "profile use": ("hca_base.commands.profile:Use", "Choose the profile that is used from now on"),
    "service add": ("hca_base.commands.service:Add", "Add a service by its OpenAPI document, without a plugin"),
    "service list": ("hca_base.commands.service:List", "List the services"),
    "service refresh": ("hca_base.commands.service:Refresh", "Get the document of a service anew"),
    "service remove": ("hca_base.commands.service:Remove", "Remove a service that was added"),
    "shell": ("hca_base.commands.shell:Shell", "Open the interactive shell, or run a batch of lines from stdin"),
    "transfer gc": ("hca_base.commands.transfer:Gc", "Remove files of a filestore that no other name refers to"),
    "transfer verify": ("hca_base.commands.transfer:Verify", "Compare the files of a filestore with their checksums"),
}

#: group -> title, in the order in which help shows them
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

#: commands that help does not list: they are there for old scripts, or for other programs
HIDDEN = frozenset({"clear-hca-cache"})
