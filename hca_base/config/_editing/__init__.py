"""Change configuration files: atomically, under a lock, one key at a time."""
