"""``UploadCommand``, where hca 7 had it."""

from .commands import UploadCommand

__all__ = ["UploadCommand"]
