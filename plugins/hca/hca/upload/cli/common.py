"""``UploadCLICommand``, where hca 7 had it."""

from hca.upload.cli.commands import UploadCLICommand

__all__ = ["UploadCLICommand"]
