"""What a server says of an object: digests, ways to read it, members."""
