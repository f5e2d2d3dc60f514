"""Public names that load on first use, so that importing a package is fast."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_exports(
    package: str, exports: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make the ``__getattr__``, ``__dir__`` and ``__all__`` of a package (:pep:`562`).

    :param package: ``__name__`` of the package
    :param exports: public name -> module (relative to the package, such as ``"._session"``) that defines it; a
        module name that ends in ``:`` exports that module itself
    """

    def __getattr__(name: str) -> Any:
        try:
            module_name = exports[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        if module_name.endswith(":"):
            value: Any = importlib.import_module(module_name[:-1], package)
        else:
            value = getattr(importlib.import_module(module_name, package), name)
        # Cache it, so that further accesses bypass this function.
        setattr(importlib.import_module(package), name, value)
        return value

    def __dir__() -> list[str]:
        return sorted(exports)

    return __getattr__, __dir__, sorted(exports)
