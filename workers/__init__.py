"""Who acts: the processes. Wiring only; no decision lives here."""
