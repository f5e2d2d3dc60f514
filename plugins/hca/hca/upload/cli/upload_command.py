"""``UploadCommand``, where hca 7 had it."""

from hca.upload.cli.commands import UploadCommand

__all__ = ["UploadCommand"]
