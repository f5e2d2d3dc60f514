"""How bytes arrive: connections, limits, certificates and decoding."""
