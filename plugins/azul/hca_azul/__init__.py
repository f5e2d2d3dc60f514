"""The hca_azul plugin."""

__version__ = "9.0.0"
