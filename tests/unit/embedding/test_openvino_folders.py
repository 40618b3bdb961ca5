"""Which model folders the fast path runs, and that it runs any BERT as the reference does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contex.embedding import folder
from contex.embedding.openvino import OpenVinoEmbedder
from contex.errors import InvalidValue

TEXTS = ["rate limit", "the payments api", "", "unknown words of the api", "limit of " * 30]


def opened(path: Path, *, recipe: str = "r") -> OpenVinoEmbedder:
    return OpenVinoEmbedder(path, name="tiny", recipe=recipe, precision="f32")


def agreement(path: Path) -> float:
    from contex.embedding.sentence_transformers import SentenceTransformersEmbedder

    reference = SentenceTransformersEmbedder(path, name="tiny", recipe="r").embed(TEXTS)
    return float((opened(path).embed(TEXTS) * reference).sum(axis=1).min())


@pytest.mark.torch
@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_any_bert_agrees_with_the_reference(model_folder: Any, activation: str) -> None:
    model_folder.change("config.json", hidden_act=activation)
    assert agreement(model_folder.path) == pytest.approx(1, abs=1e-5)


@pytest.mark.torch
def test_weights_in_half_precision_agree_with_the_reference(model_folder: Any) -> None:
    from safetensors.numpy import load_file

    full = load_file(model_folder.path / "model.safetensors")
    model_folder.weigh({name: tensor.astype(np.float16) for name, tensor in full.items()})
    model_folder.change("config.json", torch_dtype="float32")
    assert agreement(model_folder.path) == pytest.approx(1, abs=1e-4)


def test_weights_under_a_prefix_give_the_same_vectors(model_folder: Any) -> None:
    from safetensors.numpy import load_file

    plain = opened(model_folder.path).embed(TEXTS)
    full = load_file(model_folder.path / "model.safetensors")
    model_folder.weigh({f"bert.{name}": tensor for name, tensor in full.items()})
    assert opened(model_folder.path).embed(TEXTS) == pytest.approx(plain)


def test_texts_are_cut_where_the_model_says(model_folder: Any) -> None:
    embedder = opened(model_folder.path)
    ten, eleven, cut = embedder.embed(["limit " * 10, "limit " * 11, "limit " * 10 + "payment api"])
    assert ten == pytest.approx(eleven), "12 tokens are 10 words and two special ones"
    assert ten == pytest.approx(cut)
    assert embedder.embed(["limit " * 9])[0] != pytest.approx(ten)


CHANGES: dict[str, Callable[[Any], object]] = {
    "its type is mpnet": lambda made: made.change("config.json", model_type="mpnet"),
    "its position embeddings are relative_key": lambda made: made.change(
        "config.json", position_embedding_type="relative_key"
    ),
    "its activation is relu": lambda made: made.change("config.json", hidden_act="relu"),
    "does not pool by the mean": lambda made: made.change(
        "1_Pooling/config.json", pooling_mode_cls_token=True
    ),
    "it lowers the case": lambda made: made.change("sentence_bert_config.json", do_lower_case=True),
    "it puts the prompt": lambda made: made.write(
        "config_sentence_transformers.json", {"default_prompt_name": "query"}
    ),
    "its modules are": lambda made: made.write(
        "modules.json", [{"path": "", "type": "sentence_transformers.models.Transformer"}]
    ),
    "it has no model.safetensors": lambda made: (made.path / "model.safetensors").unlink(),
    "it has no tokenizer.json": lambda made: (made.path / "tokenizer.json").unlink(),
    "it has no modules.json": lambda made: (made.path / "modules.json").unlink(),
    "is not JSON": lambda made: (made.path / "config.json").write_text("{"),
    "cannot be read as weights": lambda made: (made.path / "model.safetensors").write_bytes(b"no"),
    "hold no tensor": lambda made: made.weigh({"other": np.zeros(1, np.float32)}),
}


@pytest.mark.parametrize("reason", CHANGES)
def test_other_models_are_refused_with_the_reason(model_folder: Any, reason: str) -> None:
    CHANGES[reason](model_folder)
    with pytest.raises(InvalidValue, match=reason) as refused:
        opened(model_folder.path)
    assert refused.value.field == "CONTEX_MODEL"


def test_the_newer_form_of_pooling_settings_is_read(model_folder: Any) -> None:
    model_folder.write("1_Pooling/config.json", {"pooling_mode": "mean"})
    assert folder.read(model_folder.path).layers == 2
    model_folder.write("1_Pooling/config.json", {"pooling_mode": "cls"})
    with pytest.raises(InvalidValue, match="mean"):
        folder.read(model_folder.path)


def test_the_fingerprint_follows_what_decides_a_vector(model_folder: Any) -> None:
    first = opened(model_folder.path).fingerprint
    model_folder.write("README.json", {"says": "nothing about vectors"})
    assert opened(model_folder.path).fingerprint == first
    assert opened(model_folder.path, recipe="s").fingerprint != first
    model_folder.change("sentence_bert_config.json", max_seq_length=10)
    shorter = opened(model_folder.path).fingerprint
    assert shorter != first
    from safetensors.numpy import load_file

    weights = load_file(model_folder.path / "model.safetensors")
    weights["embeddings.LayerNorm.bias"][0] += 1
    model_folder.weigh(weights)
    assert opened(model_folder.path).fingerprint not in {first, shorter}
