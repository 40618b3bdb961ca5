"""Commands that need the catalogue: they plug into `contex` through its entry points."""
