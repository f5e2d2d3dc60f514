"""``ForgetCommand``, where hca 7 had it."""

from .commands import ForgetCommand

__all__ = ["ForgetCommand"]
