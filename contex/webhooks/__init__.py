"""Webhooks: what is sent to whom, when it is tried again, and when it is given up.

Pure decisions: `attempts` (what follows from a try), `signing`, `secrets`, `addresses` and `urls`
(where webhooks may go), `retries` (what a waiting record carries), `lanes` (when it is due),
`progress` (what may be committed), `backlog` (who has too much under way), `in_hand` (how old the
oldest delivery is). I/O: `sender` makes one request. `delivery` does all that one
update asks for and `flow` does it for many at once, in order per agent, over the ports in `ports`;
`loop` feeds both from a log consumer. No Kafka library is touched here.
"""
