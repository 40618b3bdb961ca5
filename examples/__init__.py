"""Programs that show Contex at work. `make run` plays `examples.walkthrough`."""
