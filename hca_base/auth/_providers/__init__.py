"""Credential providers, and the chain that tries them in order."""
