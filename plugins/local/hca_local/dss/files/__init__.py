"""Files: staged objects, their routes, and their metadata."""
