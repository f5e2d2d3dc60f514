"""Data behind GA4GH DRS identifiers, as a plugin of hca."""

__version__ = "9.0.0"
