"""What each route says of itself, one module per heading: words, models, headers and problems."""

from gateway.about import agents, batch, data, docs, operating, query, updates

__all__ = ["agents", "batch", "data", "docs", "operating", "query", "updates"]
