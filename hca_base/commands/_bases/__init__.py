"""Base classes, parsers and argument types that all commands share."""
