"""A command found by name, but not yet loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hca_base.openapi import Alias, Operation


class Found:
    """A command found by name, with the means to load it.

    It replaces cliff's entry points: ``name``, ``value``, ``load()``.

    :ivar name: the command's words, ``dss get-bundle``
    :ivar kind: ``core``, ``plugin``, ``operation``, or ``alias`` (a name that several operations share)
    :ivar summary: one line
    :ivar operation: the operation of a generated command, or the operations of an alias
    :ivar sections: sections of the settings with defaults for its options; the typed alias's section is last
    :ivar value: ``module:class``, or ``SERVICE#OPERATION``
    :ivar load: returns its class; raises :class:`hca_base.errors.PluginError` if the plugin cannot be imported
    """

    __slots__ = ("kind", "load", "name", "operation", "sections", "service", "summary", "value")

    def __init__(
        self,
        name: str,
        kind: str,
        summary: str,
        value: str,
        load: Callable[[], Any],
        service: str | None = None,
        operation: Operation | Alias | None = None,
        typed: str | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.summary = summary
        self.value = value
        self.service = service
        self.operation = operation
        names = dict.fromkeys((name, typed or name))
        self.sections = tuple(each.replace(" ", "_").replace("-", "_") for each in names)
        self.load = load

    def __repr__(self) -> str:
        return f"<{self.kind} command {self.name}>"
