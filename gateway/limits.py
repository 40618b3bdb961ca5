"""Every bound of the gateway, with its unit in its name. Decides numbers, never behaviour."""

from typing import Final

BODY_BYTES_MAX: Final = 2 * 1024 * 1024
"""A value of 900,000 bytes, escaped as JSON text, with room for the rest of the request."""
BATCH_BYTES_MAX: Final = 8 * 1024 * 1024
BATCH_ITEMS_MAX: Final = 500
BATCHES_IN_FLIGHT_MAX: Final = 16
"""Their bodies are held in memory; more are asked to come again."""
BODY_READ_TIMEOUT_S: Final = 30.0
HEADER_LINE_BYTES_MAX: Final = 8_190
HEADER_FIELD_BYTES_MAX: Final = 8_190
KEEP_ALIVE_TIMEOUT_S: Final = 75.0
REQUESTS_IN_FLIGHT_MAX: Final = 512
"""Streams are not among them: they have a bound of their own."""
REQUEST_ID_CHARACTERS_MAX: Final = 128

EVENT_TYPE_CHARACTERS_MAX: Final = 256
DATA_FORMAT_CHARACTERS_MAX: Final = 128
METADATA_LABELS_MAX: Final = 64
METADATA_BYTES_MAX: Final = 64 * 1024
METADATA_NAME_CHARACTERS_MAX: Final = 128
METADATA_LABEL_CHARACTERS_MAX: Final = 1_024
URL_CHARACTERS_MAX: Final = 2_048
TOKEN_BUDGET_MAX: Final = 1_000_000

PAGE_AGENTS_DEFAULT: Final = 100
PAGE_AGENTS_MAX: Final = 1_000
PAGE_VALUES_DEFAULT: Final = 100
PAGE_VALUES_MAX: Final = 1_000
LIST_PAGE_VALUES: Final = 500
"""Values read per step while all of a project's are streamed."""

KNOWLEDGE_WAIT_TIMEOUT_S: Final = 10.0
"""How long a query waits for the embedder, which is loaded after the gateway is ready."""
KNOWLEDGE_RETRY_INTERVAL_S: Final = 5.0

IDEMPOTENCY_KEY_CHARACTERS_MAX: Final = 255
IDEMPOTENCY_AGE_S_MAX: Final = 24 * 60 * 60.0
IDEMPOTENCY_ENTRIES_MAX: Final = 50_000
IDEMPOTENCY_BYTES_MAX: Final = 64 * 1024 * 1024
IDEMPOTENCY_ENTRY_BYTES: Final = 1_024
"""What an entry takes beyond its key and its answer, about."""

WAIT_S_MAX: Final = 30
WAITERS_MAX: Final = 256
"""Callers who wait for what follows from a write; more are answered at once."""
OUTCOME_POLL_INTERVAL_S_MIN: Final = 0.005
OUTCOME_POLL_INTERVAL_S_MAX: Final = 0.05
OUTCOME_POLL_GROWTH: Final = 1.5

COMPRESSED_BYTES_MIN: Final = 1_024
"""Smaller answers are not worth compressing."""

VIEW_WAIT_TIMEOUT_S: Final = 1.0
"""How long an answer waits for the gateway's own view to have what the log acknowledged."""

STREAMS_MAX: Final = 5_000
STREAM_QUEUE_UPDATES_MAX: Final = 1_000
STREAM_QUEUE_BYTES_MAX: Final = 16 * 1024 * 1024
"""At least one update of the largest size (8 MiB) must fit."""
STREAM_WRITE_TIMEOUT_S: Final = 30.0
STREAM_KEEP_ALIVE_INTERVAL_S: Final = 15.0
STREAM_SWEEP_INTERVAL_S: Final = 1.0
STREAM_RETRY_MS: Final = 1_000
"""How long a client is asked to wait before it connects again."""
CATCH_UP_RECORDS_MAX: Final = 500
"""Records read per step while a stream catches up."""
HANDOVER_RECORDS_MAX: Final = 500
"""A stream joins the shared tail once it is at most this far behind it."""
CATCH_UPS_IN_FLIGHT_MAX: Final = 8
REGISTERED_BEFORE_MARGIN_MS: Final = 60_000
"""Clocks of brokers differ: a feed is searched from this much before the registration."""

UNAVAILABLE_RETRY_AFTER_S: Final = 1
STREAMS_FULL_RETRY_AFTER_S: Final = 5
SHUTDOWN_TIMEOUT_S: Final = 10.0
HEALTH_TIMEOUT_S: Final = 2.0
HEALTH_INTERVAL_S: Final = 1.0
KAFKA_START_TIMEOUT_S: Final = 30.0
VIEW_START_TIMEOUT_S: Final = 5.0
