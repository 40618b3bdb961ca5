"""`python -m workers.routing`: the routing worker's process."""

import os

from contex.embedding.environment import settle

# Numeric libraries read their environment when they load, so it is settled before any of them.
settle(os.environ)

from workers.routing.worker import main  # noqa: E402 - see above

main()
