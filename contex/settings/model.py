"""The settings as a server loads them: typed, checked, and wrong ones refused all at once.

Decides the types; names, defaults and what is right stand in the catalogue.
"""

import os
from typing import Annotated, Any

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contex.errors import InvalidValue
from contex.settings.catalogue import BY_FIELD, BY_NAME, SERVERS, Embedder, LogFormat, LogLevel
from contex.settings.kinds import Network
from contex.settings.reading import problem, read


def _of(name: str) -> Any:  # noqa: ANN401 - as pydantic's own Field, which this wraps
    setting = BY_NAME[name]
    return Field(
        setting.value,
        validation_alias=AliasChoices(name),
        repr=not (setting.secret or setting.credentials),
    )


class Settings(BaseSettings):
    """What a process is told. Fields are named after their variables, in lower case."""

    model_config = SettingsConfigDict(
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        case_sensitive=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    kafka_bootstrap_servers: str = _of("KAFKA_BOOTSTRAP_SERVERS")
    schema_registry_url: str | None = _of("SCHEMA_REGISTRY_URL")
    qdrant_url: str = _of("QDRANT_URL")
    qdrant_grpc_port: int = _of("QDRANT_GRPC_PORT")
    qdrant_api_key: SecretStr | None = _of("QDRANT_API_KEY")

    tenant: str = _of("CONTEX_TENANT")
    host: str = _of("CONTEX_HOST")
    port: int = _of("CONTEX_PORT")
    api_key: SecretStr | None = _of("CONTEX_API_KEY")
    health_port: int | None = _of("CONTEX_HEALTH_PORT")

    embedder: Embedder = _of("CONTEX_EMBEDDER")
    model: str = _of("CONTEX_MODEL")

    secret_keys: SecretStr | None = _of("CONTEX_SECRET_KEYS")
    webhook_allow: Annotated[tuple[Network, ...], NoDecode] = _of("CONTEX_WEBHOOK_ALLOW")
    webhook_attempts_max: int = _of("CONTEX_WEBHOOK_ATTEMPTS_MAX")

    log_level: LogLevel = _of("CONTEX_LOG_LEVEL")
    log_format: LogFormat = _of("CONTEX_LOG_FORMAT")

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: object, info: ValidationInfo) -> object:
        """Read a text as the catalogue says."""
        if not isinstance(value, str):
            return value
        setting = BY_FIELD[str(info.field_name)]
        if wrong := problem(setting, value):
            raise ValueError(wrong)
        return setting.kind.parse(value)


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        InvalidValue: naming every variable that is wrong, and why.
    """
    if problems := read(os.environ, SERVERS).problems:
        raise InvalidValue(f"the environment is wrong: {'; '.join(problems)}")
    return Settings()
