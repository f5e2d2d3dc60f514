"""Commands of ``hca mcp``."""
