"""The providers that can prove who is asking, and the chain that asks them in order."""
