"""What each route says of itself, one module per heading: words, models, headers and problems."""

from gateway.about import agents, data, docs, operating, updates

__all__ = ["agents", "data", "docs", "operating", "updates"]
