"""Contex routes versioned values to the agents that need them, by meaning."""
