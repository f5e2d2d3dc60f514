"""Helpers of the commands for credentials, and ``hca auth status``."""
