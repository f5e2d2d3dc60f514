"""``ListFileStatusCommand``, where hca 7 had it."""

from .commands import ListFileStatusCommand

__all__ = ["ListFileStatusCommand"]
