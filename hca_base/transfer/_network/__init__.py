"""The network layer: connections, limits, certificates and decoding."""
