"""Every setting of every process, in one typed catalogue, read from the environment.

A wrong value is refused at start, naming the variable; all wrong ones at once.
"""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contex.errors import InvalidValue

Network = IPv4Network | IPv6Network


def _env(name: str) -> AliasChoices:
    return AliasChoices(name)


class Settings(BaseSettings):
    """What a process is told. Fields are named after their variables, in lower case."""

    model_config = SettingsConfigDict(populate_by_name=True, extra="ignore", frozen=True)

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:9092", validation_alias=_env("KAFKA_BOOTSTRAP_SERVERS")
    )
    schema_registry_url: str | None = Field(None, validation_alias=_env("SCHEMA_REGISTRY_URL"))
    qdrant_url: str = Field("http://127.0.0.1:6333", validation_alias=_env("QDRANT_URL"))
    qdrant_grpc_port: int = Field(6334, validation_alias=_env("QDRANT_GRPC_PORT"), ge=1, le=65535)
    qdrant_api_key: SecretStr | None = Field(None, validation_alias=_env("QDRANT_API_KEY"))

    tenant: str = Field("default", validation_alias=_env("CONTEX_TENANT"))
    host: str = Field("127.0.0.1", validation_alias=_env("CONTEX_HOST"))
    port: int = Field(8000, validation_alias=_env("CONTEX_PORT"), ge=0, le=65535)
    health_port: int | None = Field(None, validation_alias=_env("CONTEX_HEALTH_PORT"))

    embedder: Literal["openvino", "sentence-transformers", "deterministic"] = Field(
        "openvino", validation_alias=_env("CONTEX_EMBEDDER")
    )
    model: str = Field("all-MiniLM-L6-v2", validation_alias=_env("CONTEX_MODEL"))

    secret_keys: SecretStr | None = Field(None, validation_alias=_env("CONTEX_SECRET_KEYS"))
    webhook_allow: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), validation_alias=_env("CONTEX_WEBHOOK_ALLOW")
    )
    webhook_attempts_max: int = Field(
        16, validation_alias=_env("CONTEX_WEBHOOK_ATTEMPTS_MAX"), ge=1, le=16
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", validation_alias=_env("CONTEX_LOG_LEVEL")
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", validation_alias=_env("CONTEX_LOG_FORMAT")
    )

    @field_validator("webhook_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        InvalidValue: naming every variable that is wrong, and why.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise InvalidValue(f"the environment is wrong: {wrong}") from error
