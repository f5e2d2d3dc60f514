"""``ListAreasCommand``, where hca 7 had it."""

from .commands import ListAreasCommand

__all__ = ["ListAreasCommand"]
