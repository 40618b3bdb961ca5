"""The command line that people type: front, commands and what they print."""
