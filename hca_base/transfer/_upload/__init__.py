"""Uploads of local files, verified after sending."""
