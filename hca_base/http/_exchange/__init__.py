"""Send one request with retries, read its response within size and time limits, and trace both."""
