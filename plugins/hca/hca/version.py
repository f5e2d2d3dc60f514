"""The version of hca."""

__version__ = "9.0.0"
