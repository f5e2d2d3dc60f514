"""Storage of logins and keys: the system keyring, or a file that only the user can read."""
