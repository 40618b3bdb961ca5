"""What is known: a rebuildable index of values and needs, in memory or in Qdrant's engine."""
