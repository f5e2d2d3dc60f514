"""``ListAreaCommand``, under its hca 7 name."""

from hca.upload.cli.commands import ListAreaCommand

__all__ = ["ListAreaCommand"]
