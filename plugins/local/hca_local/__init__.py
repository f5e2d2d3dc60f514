"""The hca_local plugin."""

__version__ = "9.0.0"
