"""What the commands about credentials share, and their status."""
