"""What the commands about settings share, and editing a file of settings in an editor."""
