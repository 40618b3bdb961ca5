"""The routing worker: Faust agents around `contex.routing`. Wiring only."""
