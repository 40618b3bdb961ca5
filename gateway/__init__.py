"""Where people enter: parse, authorise, produce or query, answer. Decides nothing about values."""
