"""Where logins and keys are kept: the system keyring, or a file only the user can read."""
