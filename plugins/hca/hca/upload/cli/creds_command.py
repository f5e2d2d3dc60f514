"""``CredsCommand``, where hca 7 had it."""

from .commands import CredsCommand

__all__ = ["CredsCommand"]
