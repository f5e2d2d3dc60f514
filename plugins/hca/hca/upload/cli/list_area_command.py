"""``ListAreaCommand``, where hca 7 had it."""

from hca.upload.cli.commands import ListAreaCommand

__all__ = ["ListAreaCommand"]
