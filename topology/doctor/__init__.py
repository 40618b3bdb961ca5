"""What `contex doctor` looks at: each check on its own, all at once, none longer than its time."""
