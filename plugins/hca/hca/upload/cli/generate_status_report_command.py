"""``GenerateStatusReportCommand``, under its hca 7 name."""

from hca.upload.cli.commands import GenerateStatusReportCommand

__all__ = ["GenerateStatusReportCommand"]
