"""Many values to the gateway: files read when it is their turn, sent in batches, failures kept.

Decides how much is in memory at once, and that one bad file hurts no other. Prints nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from contex.cli.files import NotText, Source, TooLarge, format_of, read_text
from contex.client.asking import key_of
from contex.client.errors import Forbidden, InvalidRequest, Refused, Unauthenticated
from contex.client.types import Failure, Publish, Published

if TYPE_CHECKING:
    from contex.client.blocking import Contex

BATCH_ITEMS_MAX: Final = 200
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024
"""Escaped as JSON, no text of UTF-8 gets beyond what the gateway reads at once."""
WAITING_MAX: Final = 8
"""Values that are waited for side by side."""


@dataclass(frozen=True, slots=True)
class Form:
    """What all the values have in common."""

    data_format: str | None = None
    event_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file.

    Attributes:
        published: the gateway's answer, None when the file was skipped or failed.
        error: why it failed, or None.
        skipped: whether it was left out as no text, found in a folder.
    """

    path: Path
    data_key: str
    published: Published | None = None
    error: str | None = None
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A file that was read."""

    source: Source
    item: Publish
    size_bytes: int


def prepare(source: Source, form: Form) -> Ready | Sent:
    """Read a file, or say why it cannot be published."""
    try:
        key_of(source.data_key)
        text = read_text(source.path)
        size_bytes = len(text.encode())
    except NotText as error:
        if source.named:
            return Sent(source.path, source.data_key, error=str(error))
        return Sent(source.path, source.data_key, skipped=True)
    except (OSError, TooLarge) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Sent(source.path, source.data_key, error=reason or str(error))
    except InvalidRequest as error:
        return Sent(source.path, source.data_key, error=error.detail)
    item = Publish(
        source.data_key,
        text,
        data_format=form.data_format or format_of(source.path),
        event_type=form.event_type,
        metadata=form.metadata or None,
    )
    return Ready(source, item, size_bytes)


def send(client: "Contex", sources: Iterable[Source], form: Form) -> Iterator[Sent]:
    """Publish files in batches, telling what became of each as soon as it is known."""
    batch: list[Ready] = []
    size_bytes = 0
    for source in sources:
        ready = prepare(source, form)
        if isinstance(ready, Sent):
            yield ready
            continue
        if batch and size_bytes + ready.size_bytes > BATCH_BYTES_MAX:
            yield from _send_batch(client, batch)
            batch, size_bytes = [], 0
        batch.append(ready)
        size_bytes += ready.size_bytes
        if len(batch) == BATCH_ITEMS_MAX:
            yield from _send_batch(client, batch)
            batch, size_bytes = [], 0
    if batch:
        yield from _send_batch(client, batch)


def send_and_wait(
    client: "Contex", sources: Iterable[Source], form: Form, wait_s: float
) -> Iterator[Sent]:
    """Publish files one by one, some side by side, each until it is known who was told."""

    def one(source: Source) -> Sent:
        ready = prepare(source, form)
        return ready if isinstance(ready, Sent) else _send_one(client, ready, wait_s)

    with ThreadPoolExecutor(WAITING_MAX) as pool:
        yield from _windowed(pool, one, sources)


def _windowed(
    pool: ThreadPoolExecutor, work: Callable[[Source], Sent], sources: Iterable[Source]
) -> Iterator[Sent]:
    """Work through the sources in order, never more than the pool's width ahead."""
    window: list[Source] = []
    for source in sources:
        window.append(source)
        if len(window) == WAITING_MAX:
            yield from pool.map(work, window)
            window = []
    yield from pool.map(work, window)


def _send_one(client: "Contex", ready: Ready, wait_s: float) -> Sent:
    item = ready.item
    try:
        published = client.publish(
            item.data_key,
            item.data,
            data_format=item.data_format,
            event_type=item.event_type,
            metadata=item.metadata,
            wait_s=wait_s,
        )
    except (Unauthenticated, Forbidden):
        raise  # no other file would fare better
    except Refused as error:
        return Sent(ready.source.path, item.data_key, error=error.detail)
    return Sent(ready.source.path, item.data_key, published)


def _send_batch(client: "Contex", batch: list[Ready]) -> Iterator[Sent]:
    try:
        answers = client.publish_many(ready.item for ready in batch)
    except InvalidRequest as error:
        if len(batch) > 1:  # the batch as a whole: find out which one it is
            for ready in batch:
                yield from _send_batch(client, [ready])
            return
        answers = [Failure("", batch[0].item.data_key, error.code, error.detail)]
    for ready, answer in zip(batch, answers, strict=True):
        if isinstance(answer, Failure):
            yield Sent(ready.source.path, ready.item.data_key, error=answer.detail)
        else:
            yield Sent(ready.source.path, ready.item.data_key, answer)
