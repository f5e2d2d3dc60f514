"""A string that is rendered when it is first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class LazyText(str):
    """A docstring that is rendered when read, because rendering is slower than a call itself.

    It is a ``str``, since ``inspect`` and ``pydoc`` ignore docstrings of other types.

    :param make: renders the text
    """

    _make: Callable[[], str]
    _made: str | None

    def __new__(cls, make: Callable[[], str]) -> LazyText:
        text = super().__new__(cls)
        text._make = make
        text._made = None
        return text

    def __str__(self) -> str:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def _forwarded(name: str) -> Callable[..., Any]:
    def method(self: LazyText, *args: Any, **kwargs: Any) -> Any:
        return getattr(str(self), name)(*args, **kwargs)

    method.__name__ = name
    return method


_OWN = {*vars(LazyText), "__class__", "__getattribute__", "__init__", "__setattr__", "__delattr__", "__sizeof__"}
_OWN |= {"__init_subclass__", "__subclasshook__", "__dir__", "__reduce_ex__", "__getstate__", "__getnewargs__"}
for _name in dir(str):
    if _name not in _OWN and callable(getattr(str, _name)):
        setattr(LazyText, _name, _forwarded(_name))
