"""The hca_dss plugin."""

__version__ = "9.0.0"
