"""What hca 7 took from elsewhere under old versions of Python."""

from os import scandir, walk

__all__ = ["scandir", "walk"]
