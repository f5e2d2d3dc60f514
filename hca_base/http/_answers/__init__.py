"""Interpret responses: reasons for errors, media types and character encodings."""
