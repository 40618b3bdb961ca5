"""Makes `python -m topology apply` work, where the command line of `contex` is not wanted."""

from topology.commands.topics import topics

topics(prog_name="python -m topology")
