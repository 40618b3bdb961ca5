"""What `pip install contex-stream` brings: client and command line, and nothing of a server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from wheel_install import ROOT, Installed, install

SIZE_MIB_MAX = 40.0
"""Well above what it takes: a library too many takes more."""
SERVERS_LIBRARIES = (
    "aiohttp", "confluent-kafka", "cryptography", "fastavro", "faust-streaming", "grpcio", "numpy",
    "openvino", "orjson", "prometheus-client", "pydantic", "qdrant-client", "structlog",
)  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("wheel"))


def test_the_base_install_is_small(installed: Installed, figure: Callable[[str], None]) -> None:
    libraries = installed.libraries()
    figure(f"{len(libraries)} packages, {installed.size_mib:.0f} MiB in {installed.seconds:.1f} s")
    assert "contex-stream" in libraries
    assert libraries.isdisjoint(SERVERS_LIBRARIES)
    assert installed.size_mib < SIZE_MIB_MAX


def test_the_client_and_its_types_are_there(installed: Installed) -> None:
    code = (
        "import contex, contex.client, pathlib, sys;"
        "[getattr(contex, name) for name in contex.__all__];"
        "assert (pathlib.Path(contex.__file__).parent / 'py.typed').exists();"
        "contex.Contex().close(); print(contex.__file__)"
    )
    place = Path(installed.run(str(installed.python), "-c", code).strip())
    assert installed.folder in place.parents, f"expected the wheel's, got {place}"
    assert ROOT not in place.parents


@pytest.mark.parametrize("command", ["", "publish", "listen", "agents", "query", "settings"])
def test_the_command_line_explains_itself(installed: Installed, command: str) -> None:
    arguments = [command] if command else []
    assert "Usage: contex" in installed.run(str(installed.command), *arguments, "--help")


def test_kafka_says_what_it_needs(installed: Installed) -> None:
    code = (
        "try: import contex.kafka\nexcept ImportError as error: print(error)\nelse: print('there')"
    )
    printed = installed.run(str(installed.python), "-c", code)
    assert 'pip install "contex-stream[kafka]"' in printed
