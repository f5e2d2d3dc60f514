"""Requests to the S3 endpoint: parsing, signatures, and bodies."""
