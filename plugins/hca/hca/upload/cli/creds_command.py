"""``CredsCommand``, where hca 7 had it."""

from hca.upload.cli.commands import CredsCommand

__all__ = ["CredsCommand"]
