"""Finds the flavour of a service."""

from __future__ import annotations

from hca_azul.flavours.flavour import Flavour


def flavour_of(name: str) -> Flavour:
    """Return the flavour of a service, or of the plugin service that it is a deployment of.

    :param name: azul or anvil
    """
    if name == "anvil":
        from hca_azul.flavours.anvil import ANVIL

        return ANVIL
    from hca_azul.flavours.hca import HCA

    return HCA
