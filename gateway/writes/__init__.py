"""Writes that may be repeated: one key, one event, one answer."""
