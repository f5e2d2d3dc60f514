"""What a service offers: documents, their operations, and the cache of both."""
