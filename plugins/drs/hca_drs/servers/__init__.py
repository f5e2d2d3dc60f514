"""Talking to DRS servers: requests, credentials, bulk requests."""
