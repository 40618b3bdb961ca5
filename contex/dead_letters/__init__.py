"""Dead letters, looked after: found, shown, and brought back to where they came from."""
