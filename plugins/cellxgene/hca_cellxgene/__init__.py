"""The hca_cellxgene plugin."""

__version__ = "9.0.0"
