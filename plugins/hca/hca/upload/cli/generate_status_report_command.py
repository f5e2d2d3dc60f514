"""``GenerateStatusReportCommand``, where hca 7 had it."""

from .commands import GenerateStatusReportCommand

__all__ = ["GenerateStatusReportCommand"]
