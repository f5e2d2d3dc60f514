"""Greetings, as a plugin of hca."""

__version__ = "0.1.0"
