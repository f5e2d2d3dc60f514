"""Manifests prepared by the service, and tables built from them."""
