"""All commands by name, without importing any: the core's table, plugins' entry points, services' documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hca_base.commands import COMMANDS, GROUPS, HIDDEN
from hca_base.errors import ConfigError, HCAError, PluginError, UsageError
from hca_base.shell._dispatch._found import Found
from hca_base.shell._dispatch._suggestions import unknown_first, unknown_second

if TYPE_CHECKING:
    from hca_base.commands import Context
    from hca_base.openapi import Alias, Operation
    from hca_base.plugins import EntryPointRecord, Registry

#: maximum number of words in a command
_MAX_WORDS = 4


class Catalog:
    """The commands of this installation.

    :param context: provides the settings, for services without a plugin
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._generation = context.generation
        self._indexes: dict[str, Any] = {}
        self._classes: dict[str, Any] = {}

    @property
    def registry(self) -> Registry:
        from hca_base.plugins import registry

        return registry()

    def find(self, words: Sequence[str]) -> tuple[Found, list[str]]:
        """Return the command named by the first words, and the remaining words.

        Words match exactly; the longest name wins; a hand-written command wins over a generated one.

        :raises hca_base.errors.UsageError: there is none; the hint suggests similar names
        :raises hca_base.errors.PluginError: the service's plugin is broken
        """
        candidates: list[str] = []
        for word in words[:_MAX_WORDS]:
            if not word or word.startswith("-") or any(c.isspace() for c in word):
                break
            candidates.append(word)
        for count in range(len(candidates), 0, -1):
            found = self._exact(candidates[:count])
            if found is not None:
                return found, list(words[count:])
        raise self.unknown(words)

    def _exact(self, words: Sequence[str]) -> Found | None:
        name = " ".join(words)
        if name in COMMANDS:
            return self._core(name)
        record = self.record(name)
        if record is not None:
            return self._plugin(name, record)
        if len(words) in (2, 3) and self.is_service(words[0]):
            found = self.operation(words[0], " ".join(words[1:]))
            if found is not None:
                return self._operation(words[0], found, typed=name)
        return None

    def resolve(self, found: Found, arguments: Sequence[str]) -> Found:
        """Return the command of the operation that an alias's arguments select; other commands unchanged.

        :raises hca_base.errors.UsageError: the arguments select none or several; the hint lists the commands
        """
        if found.kind != "alias":
            return found
        alias: Any = found.operation
        options = {
            p.option: p.python_name for each in alias.operations for p in each.parameters if p.location == "path"
        }
        given = {options[word] for word in (each.partition("=")[0] for each in arguments) if word in options}
        for section in found.sections:
            given.update(name for name in self.context.config.command_defaults(section) if name in options.values())
        chosen = alias.choose(given, lambda each: f"'hca {found.service} {each.command}'")
        assert found.service is not None
        return self._operation(found.service, chosen, typed=found.name)

    def help_first(self, words: list[str]) -> list[str]:
        """Convert hca 7's ``GROUP help …`` to ``help GROUP …``; return other words unchanged.

        A command named ``help`` takes precedence.
        """
        if len(words) > 1 and words[1] == "help" and self.is_group(words[0]) and self._exact(words[:2]) is None:
            return ["help", words[0], *words[2:]]
        return words

    def record(self, name: str) -> EntryPointRecord | None:
        """Return the entry point of a plugin's command; None if there is none with that name.

        Another deployment of a plugin's service has all commands of that service, under its own name.
        """
        first, space, rest = name.partition(" ")
        found = self.registry.commands().get(name)
        if found is not None and self.hidden_service(first) is None:
            return found
        like = self._deployment_of(first) if space else None
        return self.registry.commands().get(f"{like} {rest}") if like else None

    def _deployment_of(self, service: str) -> str | None:
        try:
            return self.registry.deployment_of(service, self.context.config)
        except ConfigError:
            return None

    def hidden_service(self, name: str) -> EntryPointRecord | None:
        """Return a plugin's service that is hidden because the user gave its name to another service before."""
        try:
            return self.registry.hidden_service(name, self.context.config)
        except ConfigError:
            return None

    def _core(self, name: str) -> Found:
        value, summary = COMMANDS[name]

        def load() -> Any:
            import importlib

            module, _, attribute = value.partition(":")
            return getattr(importlib.import_module(module), attribute)

        return Found(name, "core", summary, value, load)

    def _plugin(self, name: str, record: EntryPointRecord) -> Found:
        return Found(name, "plugin", record.summary, record.value, lambda: self.registry.load(record))

    def _operation(self, service: str, operation: Operation | Alias, typed: str) -> Found:
        from hca_base.openapi import Alias

        value = f"{service}#{operation.name}"
        if isinstance(operation, Alias):

            def refuse() -> Any:
                operation.choose(())

            name = f"{service} {operation.command}"
            return Found(name, "alias", "", value, refuse, service, operation)

        def load() -> Any:
            from hca_base.shell._generated._operation_command import command_class

            # Cache the class: a session may run an operation thousands of times, and classes are not freed at once.
            if value not in self._classes:
                self._classes[value] = command_class(self.context.service(service), operation)
            return self._classes[value]

        name = f"{service} {operation.command}"
        return Found(name, "operation", operation.summary, value, load, service, operation, typed)

    def operation(self, service: str, command: str) -> Operation | Alias | None:
        """Return the operation or alias of a service's command, reading only its record; None if there is none.

        :param command: the words after the service; a group may be joined with a dash
        """
        found: Operation | Alias | None = self.index(service).lookup(command)
        if " " in command and (found is None or found.command != command):
            return None
        return found

    def index(self, service: str) -> Any:
        """Return the index of a service's document from the cache or the plugin, without network requests.

        :raises hca_base.errors.HCAError: the plugin, the settings or the document is unusable
        """
        if self._generation != self.context.generation:
            self._generation = self.context.generation
            self._indexes.clear()
            self._classes.clear()
        if service not in self._indexes:
            from hca_base.openapi import DocumentCache

            self._indexes[service] = DocumentCache(self.context.config).get(self.context.service(service))
        return self._indexes[service]

    def fetch_missing(self, words: Sequence[str]) -> bool:
        """Fetch the document of the service in the words; return False if there is none or help is requested."""
        from hca_base.shell._dispatch._lost import asks_for_help, fetched_index

        service = words[0] if len(words) > 1 else ""
        if not self.is_service(service) or asks_for_help(words):
            return False
        self._indexes[service] = fetched_index(self.context, service)
        return True

    def is_service(self, name: str) -> bool:
        return name in self.services()

    def services(self) -> dict[str, str]:
        """Return services by name -> title. Unreadable settings only hide the services that they add."""
        try:
            config = self.context.config
        except ConfigError:
            config = None
        return self.registry.service_names(config)

    def groups(self) -> dict[str, str]:
        """Return the first words of commands -> title, services first."""
        found: dict[str, str] = {}
        for name, title in sorted(self.services().items()):
            found[name] = title
        for name, record in sorted(self.registry.commands().items()):
            first, space, _ = name.partition(" ")
            if space and first not in GROUPS:
                found.setdefault(first, self._summary_of(record.distribution))
        for name, title in GROUPS.items():
            found.setdefault(name, title)
        return found

    def _summary_of(self, distribution: str) -> str:
        for each in self.registry.distributions():
            if each.name == distribution:
                return str(each.summary)
        return ""

    def is_group(self, word: str) -> bool:
        return bool(word) and word in self.groups()

    def is_bare_group(self, words: Sequence[str]) -> bool:
        """Return True if the words are a group but not a command."""
        if len(words) == 1:
            return self.is_group(words[0]) and not any(name == words[0] for name, _ in self.hand_written())
        return len(words) == 2 and " ".join(words) not in COMMANDS and self._is_subgroup(words[0], words[1])

    def _is_subgroup(self, service: str, word: str) -> bool:
        """Return True if a word starts commands of a service but is not a command itself."""
        if not word or word.startswith("-") or not self.is_service(service) or self._exact([service, word]) is not None:
            return False
        return any(command.startswith(f"{word} ") for command, _, _ in self.index(service).listing())

    def hand_written(self, group: str | None = None) -> list[tuple[str, str]]:
        """Return hand-written commands of a group with summaries, by name; those without a group for None."""
        found = [(name, summary) for name, (_, summary) in COMMANDS.items() if name not in HIDDEN]
        records = self.registry.commands()
        hidden = group is not None and self.hidden_service(group) is not None
        found += [
            (name, record.summary)
            for name, record in records.items()
            if name not in COMMANDS and not (hidden and name.partition(" ")[0] == group)
        ]
        if group is None:
            return sorted(item for item in found if " " not in item[0])
        like = self._deployment_of(group)
        if like is not None:
            for name, record in records.items():
                first, _, rest = name.partition(" ")
                if first == like and rest and (hidden or f"{group} {rest}" not in records):
                    found.append((f"{group} {rest}", record.summary))
        return sorted(item for item in found if item[0].startswith(f"{group} "))

    def generated(self, service: str) -> list[tuple[str, str]]:
        """Return a service's generated commands with summaries, by name, except those replaced by hand-written ones."""
        return [(name, summary) for name, _, summary in self.tagged(service)]

    def tagged(self, service: str) -> list[tuple[str, str, str]]:
        """Return (name, tag, summary) of each generated command of a service."""
        taken = {name for name, _ in self.hand_written(service)}
        return [
            (f"{service} {command}", tag, summary)
            for command, tag, summary in self.index(service).listing()
            if f"{service} {command}" not in taken
        ]

    def names(self, service: str | None = None) -> Iterator[str]:
        """Return all command names; generated ones only for ``service``, since reading all documents is slow."""
        for name in COMMANDS:
            if name not in HIDDEN:
                yield name
        yield from (name for name in self.registry.commands() if name not in COMMANDS)
        if service is not None:
            yield from (name for name, _ in self.generated(service))

    def unknown(self, words: Sequence[str]) -> UsageError:
        """Return the error for an unknown command."""
        first = words[0] if words else ""
        if not first or first.startswith("-"):
            return UsageError(f"not a command: {first!r}", hint="see 'hca --help'")
        if not self.is_group(first):
            try:
                _ = self.context.config
            except ConfigError as error:
                # The word may be a service.
                told = f"unknown command {first!r}, unless in settings that cannot be read: {error}"
                return UsageError(told, hint=error.hint)
            return unknown_first([*self.groups(), *(name for name, _ in self.hand_written())], first)
        second = words[1] if len(words) > 1 else ""
        rest, age = [name[len(first) + 1 :] for name, _ in self.hand_written(first)], ""
        if self.is_service(first):
            from hca_base.shell._dispatch._lost import age_hint, hidden_hint

            age = hidden_hint(first, self.context.config)
            try:
                rest += [name[len(first) + 1 :] for name, _ in self.generated(first)]
                age += age_hint(first, self.index(first), self.context.config)
            except HCAError:
                pass
        return unknown_second(rest, first, second, age)

    def warnings(self, name: str) -> list[str]:
        """Return warnings if several plugins claim a command or its group."""
        found = []
        first = name.partition(" ")[0]
        newcomer = self.hidden_service(first)
        if newcomer is not None:
            return [
                f"{first!r} is the service that you added; {newcomer.distribution} provides another service of "
                f"that name, which is hidden: 'hca service rename {first} NEW' renames yours"
            ]
        for group, key in (("hca.commands", name), ("hca.services", first)):
            conflict = self.registry.conflict(group, key)
            if conflict is not None:
                found.append(str(conflict))
        record = self.registry.commands().get(name)
        if record is None and (used := self.record(name)) is not None:
            return found + self.warnings(used.command)
        if record is not None and name in COMMANDS:
            found.append(
                f"command {name!r} of {record.distribution} is hidden by the command of that name in hca itself"
            )
        return found

    def service_problem(self, name: str) -> str | None:
        """Return why a service has no generated commands, in one line, or None."""
        try:
            self.index(name)
        except PluginError as error:
            return str(error)
        except HCAError as error:
            return f"the commands of {name} cannot be listed: {error}" + (f" ({error.hint})" if error.hint else "")
        return None
