"""From an identifier to a server and an object on it."""
