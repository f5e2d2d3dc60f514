"""Files to download, as listings, manifests and other lists name them."""
