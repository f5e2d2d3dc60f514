"""Finding commands, operations, options, settings and pages of the documentation by words."""
