"""Answers that come in pages: how an operation is paged, and going through the pages."""
