"""``CredsCommand``, under its hca 7 name."""

from hca.upload.cli.commands import CredsCommand

__all__ = ["CredsCommand"]
