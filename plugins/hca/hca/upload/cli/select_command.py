"""``SelectCommand``, where hca 7 had it."""

from hca.upload.cli.commands import SelectCommand

__all__ = ["SelectCommand"]
