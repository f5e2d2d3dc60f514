"""An object's metadata: digests, access methods, members."""
