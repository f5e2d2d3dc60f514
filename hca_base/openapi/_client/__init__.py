"""Call a service: clients, methods, requests, pages and results."""
