"""Documents that were fetched, and their compiled indexes."""
