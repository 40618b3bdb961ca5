"""An agent's stream: cursors, frames, the shared tail and the hand-over from catch-up to live."""
