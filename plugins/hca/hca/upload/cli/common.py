"""``UploadCLICommand``, where hca 7 had it."""

from .commands import UploadCLICommand

__all__ = ["UploadCLICommand"]
