"""The webhook worker: a plain consumer around `contex.webhooks`. Wiring only."""
