"""An upload area."""

from hca_upload.area import UploadArea

__all__ = ["UploadArea"]
