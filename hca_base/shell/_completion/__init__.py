"""What can come next on a command line."""
