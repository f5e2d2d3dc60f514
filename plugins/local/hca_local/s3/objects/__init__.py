"""Buckets and objects, and the operations on them."""
