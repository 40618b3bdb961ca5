"""The names of the topics that people meet: what is published, who is registered, who is told.

They are part of the interface, like the schemas. Decides names alone; the topology's catalogue says
how each topic is kept, and names all others.
"""

from typing import Final

PUBLICATIONS: Final = "contex.publications"
REGISTRATIONS: Final = "contex.registrations"
UPDATES: Final = "contex.updates"
