"""The internals of hca 7's upload client that scripts may use."""
