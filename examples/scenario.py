"""The story that `make run` plays: a coffee shop's values, six agents, and who is told what."""

from dataclasses import dataclass
from pathlib import Path

VALUES = Path(__file__).parent / "values"

FORMATS = {
    ".json": "json",
    ".yaml": "yaml",
    ".toml": "toml",
    ".csv": "csv",
    ".xml": "xml",
    ".md": "markdown",
    ".js": "code",
    ".txt": "text",
}


@dataclass(frozen=True)
class Agent:
    """Somebody who needs something; `channel` is how it is told."""

    name: str
    channel: str
    needs: tuple[str, ...]


BILLING = Agent(
    "billing",
    "webhook",
    ("how to charge a card or refund a payment", "the rules for returning goods"),
)
OPERATIONS = Agent(
    "operations",
    "sse",
    ("deployment settings such as replicas and autoscaling", "incidents, outages and runbooks"),
)
WAREHOUSE = Agent(
    "warehouse",
    "kafka",
    ("shipping rates, carriers and delivery times", "suppliers and their lead times"),
)
MARKETING = Agent(
    "marketing",
    "sse",
    ("the winter marketing campaign and its discount code", "what customers think of our products"),
)
COMPLIANCE = Agent(
    "compliance",
    "sse",
    ("personal data and privacy", "security vulnerabilities, passwords and access tokens"),
)
ANALYST = Agent("analyst", "sse", ("weekly sales figures, revenue and conversion rate",))

EARLY_AGENTS = (BILLING, OPERATIONS, WAREHOUSE, MARKETING, COMPLIANCE)
LATE_AGENT = ANALYST


@dataclass(frozen=True)
class Publish:
    """One publish: a key, the value's text, and what the text is."""

    data_key: str
    data: str
    data_format: str


def first_values() -> list[Publish]:
    """Return the values of the shop as they are first published: a file each."""
    return [
        Publish(path.stem, path.read_text(encoding="utf-8"), FORMATS[path.suffix])
        for path in sorted(VALUES.iterdir())
    ]


MORE_REPLICAS = Publish(
    "deploy_config",
    '[deployment]\nregion = "eu-west-1"\nreplicas = 12\nstrategy = "rolling update"\n'
    "[deployment.autoscaling]\nmin_replicas = 6\nmax_replicas = 48\n",
    "toml",
)
OTHER_NOTICE = Publish(
    "notice_board",
    "The team has lunch together on Friday: lentil soup and pumpkin risotto.",
    "text",
)
DELETED_KEY = "customer_feedback"
LATE_VALUE = Publish(
    "security_advisory",
    "# Security advisory\n\nA vulnerability in the login page lets an attacker reuse expired access"
    " tokens. Rotate the signing keys and ask employees to change their passwords.\n",
    "markdown",
)

Telling = tuple[str, str, str]
"""Agent, kind of update, data key."""

EXPECTED: frozenset[Telling] = frozenset(
    {
        ("billing", "matched", "payments_api"),
        ("billing", "matched", "retry_client"),
        ("billing", "matched", "return_policy"),
        ("operations", "matched", "deploy_config"),
        ("operations", "matched", "build_pipeline"),
        ("operations", "matched", "incident_runbook"),
        ("operations", "matched", "postmortem_2026_03"),
        ("warehouse", "matched", "shipping_rates"),
        ("warehouse", "matched", "supplier_feed"),
        ("warehouse", "matched", "notice_board"),
        ("marketing", "matched", "campaign_brief"),
        ("marketing", "matched", "customer_feedback"),
        ("compliance", "matched", "privacy_notice"),
        ("compliance", "matched", "security_policy"),
        ("operations", "updated", "deploy_config"),
        ("warehouse", "retracted", "notice_board"),
        ("marketing", "deleted", "customer_feedback"),
        ("analyst", "initial", "weekly_metrics"),
        ("compliance", "matched", "security_advisory"),
    }
)
