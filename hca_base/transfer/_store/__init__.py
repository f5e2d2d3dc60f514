"""What is on disk, and how files get there complete."""
