"""cliff, imported without what it needs only now and then.

Importing cliff takes as long as three starts of Python, more than half of it for ``importlib.metadata`` (with the
``email`` package), stevedore (with ``hashlib`` and ``tempfile``), ``logging.handlers`` (with ``pickle`` and
``socket``) and autopage (with ``subprocess``). cliff names them at import, and uses them for things that ``hca`` does
otherwise: it has its own scan of entry points, its own logging and its own pages of help. So these modules are put off
until somebody really uses them.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

#: module -> names that cliff takes out of it, or annotates with, at import; and what they are, where it makes classes
#: of them
_PUT_OFF: dict[str, tuple[str, ...] | dict[str, type]] = {
    "autopage": (),
    "autopage.argparse": {"ArgumentParser": argparse.ArgumentParser, "HelpFormatter": argparse.HelpFormatter},
    "importlib.metadata": ("EntryPoint", "packages_distributions"),
    "logging.handlers": (),
    "stevedore": ("ExtensionManager",),
    "stevedore.extension": (),
}


class _Later(ModuleType):
    """Stands for a module. Any name that is asked of it comes from the real one, which is then imported."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_real(self.__name__), name)


def _real(name: str) -> ModuleType:
    if isinstance(sys.modules.get(name), _Later):
        del sys.modules[name]
    return importlib.import_module(name)


def _placeholder(module: str, name: str) -> type:
    """A class that does as an annotation; calling it calls what is really of that name."""

    def new(cls: type, *arguments: Any, **options: Any) -> Any:
        return getattr(_real(module), name)(*arguments, **options)

    def of(cls: type, item: Any) -> type:
        return cls

    return type(name, (), {"__new__": new, "__class_getitem__": classmethod(of), "__module__": module})


@contextmanager
def _put_off(modules: Mapping[str, tuple[str, ...] | dict[str, type]]) -> Iterator[None]:
    """Import without these modules; those that are there already are left as they are."""
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
            # What "import a.b" leaves in "a"; a later import of the real module replaces it.
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
