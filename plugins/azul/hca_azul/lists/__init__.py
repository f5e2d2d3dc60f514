"""Files to download, from listings, manifests and other lists."""
