"""``ListFileStatusCommand``, where hca 7 had it."""

from hca.upload.cli.commands import ListFileStatusCommand

__all__ = ["ListFileStatusCommand"]
