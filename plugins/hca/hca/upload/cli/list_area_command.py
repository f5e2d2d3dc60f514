"""``ListAreaCommand``, where hca 7 had it."""

from .commands import ListAreaCommand

__all__ = ["ListAreaCommand"]
