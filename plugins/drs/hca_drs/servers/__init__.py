"""Communicates with DRS servers: requests, credentials, bulk requests."""
