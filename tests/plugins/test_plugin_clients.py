"""Client classes of plugins do not accidentally override the core's attributes."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest

from hca_base.openapi import Client
from hca_base.plugins import registry

#: A method that Azul's client overrides intentionally: its document has no security schemes.
MEANT = {"_security_schemes"}


@pytest.mark.parametrize("name", sorted(registry().records("hca.clients")))
def test_no_private_name_of_the_core_is_taken(name: str) -> None:
    """A subclass attribute with the name of a private one of the core would break every call."""
    cls = registry().client_class(name, None)
    core = {attribute for attribute in dir(Client) if attribute.startswith("_") and not attribute.startswith("__")}
    for ancestor in cls.__mro__[: cls.__mro__.index(Client)]:
        source = inspect.getsource(importlib.import_module(ancestor.__module__))
        taken = core & set(vars(ancestor)) - MEANT
        assigned = {attribute for attribute in core if re.search(rf"self\.{attribute}\b ?[:=]", source)}
        assert not taken | assigned, f"{ancestor.__name__} takes private names of the core"
