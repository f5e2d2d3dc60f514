"""Choose, name and fetch files, or list them for other programs."""
