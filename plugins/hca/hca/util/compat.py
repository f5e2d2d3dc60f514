"""Names that hca 7 imported from other modules for old versions of Python."""

from os import scandir, walk

__all__ = ["scandir", "walk"]
