"""Callers who prefer to wait until what they wrote has been matched."""
