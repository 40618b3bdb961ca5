"""Queries and lists as they stand on the wire: what is asked, what is answered."""
