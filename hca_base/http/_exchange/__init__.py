"""One request on the wire and its response: sent with retries, bounded in size and time, traced."""
