"""What is decided: who is told what, and why nobody else is."""
