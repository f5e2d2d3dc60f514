"""OpenAPI documents and their operations."""
