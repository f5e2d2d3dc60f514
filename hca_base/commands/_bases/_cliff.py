"""Import cliff without its rarely used dependencies.

Importing cliff takes as long as three starts of Python, more than half of it for ``importlib.metadata`` (with the
``email`` package), stevedore (with ``hashlib`` and ``tempfile``), ``logging.handlers`` (with ``pickle`` and
``socket``) and autopage (with ``subprocess``). cliff uses them for tasks that ``hca`` handles itself: scanning entry
points, logging and paging of help. So the import of these modules is deferred until they are used.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

#: module -> names that cliff imports from it or uses in annotations; with their kinds if cliff derives classes from
#: them
_PUT_OFF: dict[str, tuple[str, ...] | dict[str, type]] = {
    "autopage": (),
    "autopage.argparse": {"ArgumentParser": argparse.ArgumentParser, "HelpFormatter": argparse.HelpFormatter},
    "importlib.metadata": ("EntryPoint", "packages_distributions"),
    "logging.handlers": (),
    "stevedore": ("ExtensionManager",),
    "stevedore.extension": (),
}


class _Later(ModuleType):
    """A placeholder for a module, which is imported when an attribute is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(self.__name__), name)


def _real(name: str) -> ModuleType:
    if isinstance(sys.modules.get(name), _Later):
        del sys.modules[name]
    return importlib.import_module(name)


def _placeholder(module: str, name: str) -> type:
    """A placeholder class for annotations; calling it calls the real object."""

    def new(cls: type, *arguments: Any, **options: Any) -> Any:
        return getattr(_real(module), name)(*arguments, **options)

    def of(cls: type, item: Any) -> type:
        return cls

    return type(name, (), {"__new__": new, "__class_getitem__": classmethod(of), "__module__": module})


@contextmanager
def _put_off(modules: Mapping[str, tuple[str, ...] | dict[str, type]]) -> Iterator[None]:
    """Import without these modules; modules that are already imported are unchanged."""
    made = {}
    for name, names in modules.items():
        if name in sys.modules:
            continue
        made[name] = later = _Later(name)
        found = names if isinstance(names, dict) else {each: _placeholder(name, each) for each in names}
        vars(later).update(found)
        sys.modules[name] = later
        parent, _, child = name.rpartition(".")
        if parent:
            # "import a.b" sets an attribute of "a"; a later import of the real module replaces it.
            setattr(importlib.import_module(parent), child, later)
    try:
        yield
    finally:
        for name, later in made.items():
            for each in modules[name]:
                vars(later).pop(each, None)
            if sys.modules.get(name) is later:
                del sys.modules[name]


with _put_off(_PUT_OFF):
    from cliff import app, command, commandmanager, help

__all__ = ["app", "command", "commandmanager", "help"]
