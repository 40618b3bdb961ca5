"""Reads a sentence-transformers model folder and says whether the fast path can run it.

Decides which models the fast path understands: BERT with learned positions, mean pooling and
normalisation. Everything else is refused with the reason. Never understands weights (it only
hashes them), never runs a model.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contex.errors import InvalidValue

WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"

_GELU = {"gelu": "erf", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}
_DIGEST_CHARACTERS = 8
_READ_SIZE_BYTES = 1 << 22


@dataclass(frozen=True, slots=True)
class Bert:
    """The numbers that shape a BERT encoder.

    Attributes:
        folder: where weights and tokenizer are.
        gelu: `erf` or `tanh`, the approximation the model was trained with.
        tokens_max: longer texts are cut here, special tokens included.
        pad_id: the token that fills a batch's shorter rows; it is masked.
    """

    folder: Path
    layers: int
    heads: int
    hidden: int
    layer_norm_eps: float
    gelu: str
    tokens_max: int
    pad_id: int


def read(folder: Path) -> Bert:
    """Return the shape of the model in `folder`.

    Raises:
        InvalidValue: it is no model folder, or none the fast path can run.
    """
    encoder = folder / _check_modules(folder)
    config = _json(encoder / "config.json")
    _require(config.get("model_type") == "bert", folder, f"its type is {config.get('model_type')}")
    positions = config.get("position_embedding_type", "absolute")
    _require(positions == "absolute", folder, f"its position embeddings are {positions}")
    activation = config.get("hidden_act")
    _require(activation in _GELU, folder, f"its activation is {activation}")
    for name in (WEIGHTS, TOKENIZER):
        _require((encoder / name).is_file(), folder, f"it has no {name}")
    return Bert(
        folder=encoder,
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        hidden=config["hidden_size"],
        layer_norm_eps=config["layer_norm_eps"],
        gelu=_GELU[activation],
        tokens_max=_tokens_max(encoder, config),
        pad_id=config.get("pad_token_id") or 0,
    )


def digest(bert: Bert) -> str:
    """Return a short hash of all that decides a vector, the same wherever the files came from."""
    numbers = {name: value for name, value in asdict(bert).items() if name != "folder"}
    return digest_of([bert.folder / WEIGHTS, bert.folder / TOKENIZER], repr(numbers))


def digest_of(files: Sequence[Path], settings: str) -> str:
    """Return a short hash of the files' content, in the order given, and of `settings`."""
    total = hashlib.sha256(settings.encode())
    for path in files:
        total.update(path.stat().st_size.to_bytes(8))
        with path.open("rb") as file:
            while block := file.read(_READ_SIZE_BYTES):
                total.update(block)
    return total.hexdigest()[:_DIGEST_CHARACTERS]


def _check_modules(folder: Path) -> str:
    """Return the encoder's subfolder, after checking that what follows it is understood."""
    modules = _json(folder / "modules.json")
    kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    _require(kinds == ["Transformer", "Pooling", "Normalize"], folder, f"its modules are {kinds}")
    pooling = _json(folder / modules[1]["path"] / "config.json")
    _require(_pools_by_mean(pooling), folder, "it does not pool by the mean alone")
    prompts = folder / "config_sentence_transformers.json"
    if prompts.is_file():
        prompt = _json(prompts).get("default_prompt_name")
        _require(prompt is None, folder, f"it puts the prompt {prompt!r} before every text")
    return str(modules[0]["path"])


def _pools_by_mean(pooling: Mapping[str, Any]) -> bool:
    if "pooling_mode" in pooling:
        return pooling["pooling_mode"] in ("mean", ["mean"])
    modes = {name for name, on in pooling.items() if name.startswith("pooling_mode_") and on}
    return modes == {"pooling_mode_mean_tokens"}


def _tokens_max(encoder: Path, config: Mapping[str, Any]) -> int:
    positions = int(config["max_position_embeddings"])
    limits = encoder / "sentence_bert_config.json"
    wanted = None
    if limits.is_file():
        settings = _json(limits)
        _require(not settings.get("do_lower_case"), encoder, "it lowers the case of every text")
        wanted = settings.get("max_seq_length")
    if wanted is None and (encoder / "tokenizer_config.json").is_file():
        wanted = _json(encoder / "tokenizer_config.json").get("model_max_length")
    return positions if wanted is None else min(int(wanted), positions)


def _json(path: Path) -> Any:  # noqa: ANN401 - JSON, whose shape the callers check
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        message = f"{path.parent} is no sentence-transformers model folder: it has no {path.name}"
        raise InvalidValue(message, field="CONTEX_MODEL") from error
    except ValueError as error:
        raise InvalidValue(f"{path} is not JSON: {error}", field="CONTEX_MODEL") from error


def _require(holds: bool, folder: Path, reason: str) -> None:
    if not holds:
        message = (
            f"the model in {folder} cannot be run without torch: {reason}; install"
            " 'contex-stream[sentence-transformers]' and set CONTEX_EMBEDDER=sentence-transformers"
        )
        raise InvalidValue(message, field="CONTEX_MODEL")
