"""Manifests that the service prepares, and the tables made from them."""
