"""The exceptions for upload areas."""

from hca_upload.errors import UploadException

__all__ = ["UploadException"]
