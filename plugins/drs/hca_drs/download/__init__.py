"""From identifiers to verified files."""
