"""What the view of the registrations does with a batch; no broker is asked."""

from asked_schemas import AskedSchemas

from contex.log.registrations import RegistrationsView
from contex.log.tail import Batch
from contex.records.codec import Codec
from contex.records.message import Received
from contex.records.names import AgentKey, Scope
from contex.records.registration import Need, Registration, StreamDelivery
from contex.records.schema_source import PinnedSchemas

NOWHERE = "127.0.0.1:1"
TOPIC = "registrations"
AGENT = AgentKey(Scope("acme", "p"), "a")


def record(offset: int, need: str) -> Received:
    registration = Registration(AGENT, (Need(need),), StreamDelivery(), f"e{offset}", 1_000)
    sent = Codec(PinnedSchemas()).encode(registration)
    return Received(TOPIC, 0, offset, 0, sent.key, sent.value, sent.headers)


async def test_a_batch_does_not_hold_the_loop_while_a_schema_is_asked_for() -> None:
    view = RegistrationsView(NOWHERE, TOPIC, Codec(AskedSchemas()).registration)
    broken = Received(TOPIC, 0, 1, 0, b"no key", b"no value", ())

    await view._apply(Batch([record(0, "old"), broken, record(2, "new")], {0: 3}))

    known = view.get(AGENT)
    assert known is not None
    assert (known.epoch, known.registration.needs) == (2, (Need("new"),))
    assert await view.caught_up_with(0, 2, timeout_s=0)
