"""What a service's answer says: its reason for an error, its media type and characters."""
