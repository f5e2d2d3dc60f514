"""``SelectCommand``, under its hca 7 name."""

from hca.upload.cli.commands import SelectCommand

__all__ = ["SelectCommand"]
