"""``ListAreasCommand``, under its hca 7 name."""

from hca.upload.cli.commands import ListAreasCommand

__all__ = ["ListAreasCommand"]
