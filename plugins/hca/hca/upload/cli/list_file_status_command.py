"""``ListFileStatusCommand``, under its hca 7 name."""

from hca.upload.cli.commands import ListFileStatusCommand

__all__ = ["ListFileStatusCommand"]
