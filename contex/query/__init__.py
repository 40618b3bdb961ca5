"""What is known, asked for: ad-hoc queries, lists and current values, over the index."""
