"""Bundles: changes, views and checkouts."""
