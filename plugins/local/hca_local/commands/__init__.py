"""The commands ``hca local …``."""
