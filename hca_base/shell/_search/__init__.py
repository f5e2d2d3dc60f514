"""Search commands, operations, options, settings and documentation by words."""
