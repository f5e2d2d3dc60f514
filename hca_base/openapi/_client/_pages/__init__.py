"""Pagination: detect how an operation is paginated, and fetch its pages."""
