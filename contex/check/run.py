"""A whole check: gather, then judge. Writes nothing anywhere but into its temporary ledger."""

from contex.check.findings import Report
from contex.check.gather import Gathering, Progress, Question
from contex.check.judging import Judging
from contex.check.ledger import Ledger
from contex.check.vectors import VectorStore
from contex.dead_letters.scan import Reader
from contex.records.codec import Codec
from contex.routing.ports import Meaning


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


async def check(
    reader: Reader,
    codec: Codec,
    meaning: Meaning,
    question: Question,
    progress: Progress = no_progress,
) -> Report:
    """Compare what was told with what was owed.

    Raises:
        DependencyAway: Kafka, the registry or the embedder does not answer.
    """
    report = Report()
    with Ledger() as ledger:
        gathering = Gathering(reader, codec, meaning, question, ledger, report, progress)
        reach = await gathering.run()
        vectors = VectorStore(ledger, meaning)
        await Judging(ledger, vectors, question, reach, report, progress).run()
    return report
