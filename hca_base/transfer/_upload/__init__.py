"""From local files to verified objects."""
