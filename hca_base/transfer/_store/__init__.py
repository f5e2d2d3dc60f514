"""Files on disk, and how they appear atomically."""
