"""The checker of consistency: what was told, against what the log says was owed."""
