"""Types of results, for help and for type stubs."""
