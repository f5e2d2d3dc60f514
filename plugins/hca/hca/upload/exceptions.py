"""What goes wrong with upload areas."""

from hca_upload.errors import UploadException

__all__ = ["UploadException"]
