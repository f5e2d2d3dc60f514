"""Sphinx directives that write the reference of commands and operations from what is installed.

``hca-commands`` is cliff's own ``autoprogram-cliff`` with two changes. It takes the commands from our
catalog, as cliff's looks for entry points of one group alone, and the core's commands have none. And it shows help as
the text that it is: cliff's reads it as reStructuredText, in which the ``*`` of a pattern or the ``_`` of a name are
markup.
"""

from __future__ import annotations

import argparse
import enum
import json
import re
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from cliff.sphinxext import AutoprogramCliffDirective
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

#: Argument of ``hca-commands`` and ``hca-operations`` that stands for all plugins that are installed.
PLUGINS = "plugins"


class Commands(AutoprogramCliffDirective):
    """``.. hca-commands:: core``: the commands of the core; ``plugins``: those of plugins, a section for each group."""

    def run(self) -> list[nodes.Node]:
        from hca_base.commands import COMMANDS
        from hca_base.plugins import registry

        self.env = self.state.document.settings.env
        if self.arguments[0] != PLUGINS:
            core = {name: _documented(_imported(target)) for name, (target, _summary) in COMMANDS.items()}
            return self._generate_command_nodes(core, "hca")
        found = registry()
        groups: dict[str, dict[str, Any]] = {}
        for name, record in sorted(found.commands().items()):
            if name not in COMMANDS:
                groups.setdefault(name.split()[0], {})[name] = _documented(found.load(record))
        return [_section(group, self._generate_command_nodes(groups[group], "hca")) for group in groups]

    def _generate_nodes_per_command(
        self, title: str, command_name: str, command_class: Any, ignored_opts: list[str]
    ) -> list[nodes.Node]:
        made: list[nodes.Node] = super()._generate_nodes_per_command(
            command_name, command_name, command_class, ignored_opts
        )
        return made


class GlobalOptions(AutoprogramCliffDirective):
    """``.. hca-options::``: the options that stand before a command."""

    required_arguments = 0

    def run(self) -> list[nodes.Node]:
        from hca_base.shell._dispatch._app import HcaApp

        self.env = self.state.document.settings.env
        parser = HcaApp.build_option_parser(SimpleNamespace(), None, None)  # type: ignore[arg-type]
        made: list[nodes.Node] = self._generate_app_node(SimpleNamespace(parser=_plain_parser(parser)), "hca")
        return made


class Operations(SphinxDirective):
    """``.. hca-operations:: plugins``: the operations of bundled documents, a section for each service."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        from hca_base.plugins import registry

        found = []
        for name, service in sorted(registry().services().items()):
            data = service.bundled_bytes()
            if data is not None:
                found.append(_section(name, self._operations(name, data)))
        return found

    def _operations(self, name: str, data: bytes) -> list[nodes.Node]:
        from hca_base.openapi import Document

        lines: list[str] = []
        for operation in Document.load(data).operations:
            lines += [
                f"``hca {name} {operation.command}``",
                "",
                f"   {operation.method.upper()} ``{operation.path}``",
                "",
            ]
            lines += [f"   {_escaped(operation.summary)}", ""]
            for parameter in operation.parameters:
                kind = parameter.type if parameter.required else f"{parameter.type}, optional"
                told = _escaped(parameter.description or "")
                lines += [f"   * ``{parameter.option}`` ({kind}) {told}"]
            lines.append("")
        node = nodes.section()
        node.document = self.state.document
        self.state.nested_parse(StringList(lines, source=f"operations of {name}"), 0, node)
        return node.children


class Settings(SphinxDirective):
    """``.. hca-settings::``: a table of the settings of the core and of the plugins that are installed."""

    def run(self) -> list[nodes.Node]:
        from hca_base.config import schema
        from hca_base.plugins import registry

        whole = schema([service.config_schema for service in registry().services().values()])
        lines = [".. list-table::", "   :widths: 35 65", ""]
        for key, setting in _leaves(whole, ()):
            choices = [str(choice) for choice in setting.get("enum", ())]
            told = setting.get("description", "") + (f": {', '.join(choices)}" if choices else "")
            told = _escaped(told[:1].upper() + told[1:])
            if "default" in setting:
                told += f" (default: ``{json.dumps(setting['default']).strip(chr(34))}``)"
            lines += [f"   * - ``{key}``", f"     - {told}"]
        node = nodes.section()
        node.document = self.state.document
        self.state.nested_parse(StringList(lines, source="settings"), 0, node)
        return node.children


def _section(group: str, content: list[nodes.Node]) -> nodes.section:
    """What belongs to a group of commands, under its name."""
    section = nodes.section(ids=[nodes.make_id(f"hca-{group}")], names=[f"hca {group}"])
    title = nodes.title("", "", nodes.literal(text=f"hca {group}"))
    section += [title, *content]
    return section


def _leaves(part: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, setting in part.get("properties", {}).items():
        if name.startswith("$") or (above and name == "auth") or "hca 7" in setting.get("description", ""):
            continue
        if "properties" in setting:
            yield from _leaves(setting, (*above, name))
        else:
            yield ".".join((*above, name)), setting


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def _documented(command: Any) -> Any:
    """A class like ``command`` whose parser has texts for Sphinx."""

    class Documented(command):  # type: ignore[misc]
        def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
            return _plain_parser(super().get_parser(prog_name))

        def get_description(self) -> str:
            # The docstring is the command's, not this class's.
            return self._description or _docstring(command)

    return Documented


def _docstring(command: type) -> str:
    import inspect

    return inspect.getdoc(command) or ""


def _plain_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser, with texts that mean in reStructuredText what they say on a terminal."""
    parser.description = _paragraphs(parser.description or "")
    parser.epilog = _paragraphs(parser.epilog or "")
    for action in parser._actions:
        if action.help and action.help != argparse.SUPPRESS:
            action.help = _escaped(parser._get_formatter()._expand_help(action))
        if action.nargs != 0 and not action.metavar and action.option_strings:
            choices = [str(choice) for choice in action.choices or ()]
            action.metavar = "{" + ",".join(choices) + "}" if choices else action.dest.upper()
    return parser


def _paragraphs(text: str) -> str:
    """Plain paragraphs; those with indented lines are kept line by line."""
    made = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        lines = paragraph.splitlines()
        if any(line.startswith(" ") for line in lines):
            head = [] if lines[0].startswith(" ") else [_escaped(lines.pop(0)), ""]
            made.append("\n".join([*head, "::", "", *(f"   {line}" for line in lines)]))
        elif lines:
            made.append(_escaped(paragraph))
    return "\n\n".join(made)


def _escaped(text: str | None) -> str:
    """One line in which nothing is markup."""
    return re.sub(r"([\\*`|_:<>])", r"\\\1", " ".join((text or "").split()))


def readable_signature(
    _app: Sphinx, kind: str, _name: str, documented: object, _options: object, signature: str | None, result: str | None
) -> tuple[str | None, str | None]:
    """Return a signature that Python can read: ``<factory>`` of a data class is none; enumerations are not called."""
    if kind == "class" and isinstance(documented, type) and issubclass(documented, enum.Enum):
        return "", None
    return signature.replace("<factory>", "...") if signature else signature, result


def setup(app: Sphinx) -> dict[str, Any]:
    app.setup_extension("cliff.sphinxext")
    app.add_directive("hca-commands", Commands)
    app.add_directive("hca-options", GlobalOptions)
    app.add_directive("hca-operations", Operations)
    app.add_directive("hca-settings", Settings)
    app.connect("autodoc-process-signature", readable_signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
