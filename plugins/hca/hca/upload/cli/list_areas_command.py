"""``ListAreasCommand``, where hca 7 had it."""

from hca.upload.cli.commands import ListAreasCommand

__all__ = ["ListAreasCommand"]
