"""The commands of ``hca upload``."""
