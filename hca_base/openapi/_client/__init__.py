"""Clients of services: methods, requests, pages and results."""
