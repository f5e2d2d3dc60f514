"""``SelectCommand``, where hca 7 had it."""

from .commands import SelectCommand

__all__ = ["SelectCommand"]
