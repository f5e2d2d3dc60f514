"""``ForgetCommand``, under its hca 7 name."""

from hca.upload.cli.commands import ForgetCommand

__all__ = ["ForgetCommand"]
