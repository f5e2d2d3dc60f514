"""``UploadCommand``, under its hca 7 name."""

from hca.upload.cli.commands import UploadCommand

__all__ = ["UploadCommand"]
