"""The embedded stack: every process of the product on one machine, supervised."""
