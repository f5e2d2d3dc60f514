"""The hca_mcp plugin: services as tools for assistants."""

__version__ = "9.0.0"
