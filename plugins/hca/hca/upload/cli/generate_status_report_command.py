"""``GenerateStatusReportCommand``, where hca 7 had it."""

from hca.upload.cli.commands import GenerateStatusReportCommand

__all__ = ["GenerateStatusReportCommand"]
