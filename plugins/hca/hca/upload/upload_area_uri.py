"""The URI of an upload area."""

from hca_upload.uri import UploadAreaURI

__all__ = ["UploadAreaURI"]
