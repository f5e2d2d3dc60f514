"""``UploadCLICommand``, under its hca 7 name."""

from hca.upload.cli.commands import UploadCLICommand

__all__ = ["UploadCLICommand"]
