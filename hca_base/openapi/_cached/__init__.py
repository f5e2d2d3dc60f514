"""Cached documents and their compiled indexes."""
