"""``ForgetCommand``, where hca 7 had it."""

from hca.upload.cli.commands import ForgetCommand

__all__ = ["ForgetCommand"]
