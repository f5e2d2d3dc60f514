"""Log in, renew a login, and store keys that the user already has."""
