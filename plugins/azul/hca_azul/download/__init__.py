"""Select, name and download files, or list them for other programs."""
