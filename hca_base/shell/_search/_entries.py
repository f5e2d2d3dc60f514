"""Collect the entries of the search index from everything installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hca_base.errors import HCAError
from hca_base.shell._completion._option_specs import OptionSpec, options_of
from hca_base.shell._dispatch._split import OPTIONS
from hca_base.shell._search._pages import PAGES, line_of, page_lines, source_folder

if TYPE_CHECKING:
    from hca_base.shell._dispatch._catalog import Catalog

#: An option that this many commands have is listed once.
_SHARED = 3


def entries(catalog: Catalog) -> Iterator[str]:
    """Yield a line for each command, operation, option, setting and section of the documentation.

    Unreadable sources (a broken plugin, a document that was never fetched) are skipped.
    """
    yield from _commands(catalog)
    for service in sorted(catalog.services()):
        yield from _operations(catalog, service)
    yield from _settings(catalog)
    yield from _pages()


def _commands(catalog: Catalog) -> Iterator[str]:
    shared: dict[tuple[str, str], list[str]] = {}
    groups = catalog.groups()
    for group in (None, *groups):
        for name, summary in catalog.hand_written(group):
            description, options = _details(catalog, name)
            words = " ".join(f"{' '.join(spec.flags)} {spec.about}" for spec in options)
            yield line_of("command", name, summary, f"{groups.get(group or '', '')} {description} {words}")
            for spec in options:
                if spec.flags:
                    shared.setdefault((max(spec.flags, key=len), spec.about), []).append(name)
    for names, metavar, text in OPTIONS:
        yield line_of("option", ", ".join(names) + (f" {metavar}" if metavar else ""), text, "")
    for (flag, about), commands in shared.items():
        if len(commands) > _SHARED:
            yield line_of("option", f"{flag} (of {len(commands)} commands)", about, " ".join(commands))
        else:
            for command in commands:
                yield line_of("option", f"{command} {flag}", about, "")


def _details(catalog: Catalog, name: str) -> tuple[str, list[OptionSpec]]:
    """Return the description and options of a command; empty if it cannot be loaded."""
    import inspect

    try:
        found, _ = catalog.find(name.split(" "))
        options = [spec for spec in options_of(catalog, found) if "--help" not in spec.flags]
        return inspect.getdoc(found.load()) or "", options
    except (Exception, SystemExit):  # noqa: BLE001 - a plugin may fail in any way; 'hca plugin list' shows how
        return "", []


def _operations(catalog: Catalog, service: str) -> Iterator[str]:
    try:
        index = catalog.index(service)
        taken = {name for name, _ in catalog.hand_written(service)}
        title = catalog.services()[service]
        for operation in index.operations():
            name = f"{service} {operation.command}"
            if name not in taken:
                parameters = " ".join(f"{each.option} {each.description}" for each in operation.parameters)
                tags = " ".join(operation.tags)
                words = f"{title} {tags} {operation.method} {operation.path} {operation.description} {parameters}"
                yield line_of("operation", name, operation.summary or operation.description[:100], words)
    except HCAError:
        return


def _settings(catalog: Catalog) -> Iterator[str]:
    from hca_base.shell._completion._completion import config_keys

    for key in config_keys(catalog):
        yield line_of("setting", key.text, key.about, "")


def _pages() -> list[str]:
    folder = source_folder()
    if folder is not None:
        return page_lines(folder)
    try:
        return PAGES.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
