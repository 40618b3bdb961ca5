"""What each route says of itself, one module per heading: words, models, headers and problems."""

from gateway.about import agents, data, operating, updates

__all__ = ["agents", "data", "operating", "updates"]
