"""What `contex` exports, and what importing it does not cost."""

import subprocess
import sys

import pytest

import contex
import contex.client
from contex.client import errors

SERVERS_LIBRARIES = (
    "aiohttp", "confluent_kafka", "cryptography", "fastavro", "faust", "grpc", "numpy", "openvino",
    "orjson", "prometheus_client", "pydantic", "qdrant_client", "structlog", "yaml",
)  # fmt: skip


def test_everything_that_is_exported_is_there() -> None:
    for name in contex.__all__:
        assert getattr(contex, name) is getattr(contex.client, name), name
    for name in contex.client.__all__:
        assert hasattr(contex.client, name), name
    assert set(contex.__all__) <= set(contex.client.__all__)
    assert set(contex.__all__) <= set(dir(contex))
    assert {"Contex", "AsyncContex", "verify_webhook"} <= set(contex.__all__)
    assert set(errors.__all__) <= set(contex.__all__)


def test_what_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = contex.Nonsense


def test_the_docstring_is_the_error_tree() -> None:
    for name in errors.__all__:
        if name != "FieldProblem":
            assert name in (errors.__doc__ or ""), name
            assert issubclass(getattr(errors, name), contex.ContexClientError)


@pytest.mark.parametrize(
    ("module", "besides"),
    [("contex", ("httpx", "click", "rich")), ("contex.client", ())],
)
def test_importing_the_client_imports_no_library_of_the_server(
    module: str, besides: tuple[str, ...]
) -> None:
    code = f"import sys, {module}; print(' '.join(sorted(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    ).stdout
    loaded = {name.partition(".")[0] for name in printed.split()}
    assert loaded & {*SERVERS_LIBRARIES, *besides} == set()
