"""A model folder small enough to be made and changed by a test."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "rate", "limit", "payment", "##s", "api", "of", "the"]
HIDDEN, INNER, LAYERS, HEADS, POSITIONS = 24, 40, 2, 3, 16


def tensors(prefix: str = "") -> dict[str, Any]:
    random = np.random.default_rng(7)

    def some(*shape: int) -> Any:
        return random.normal(0, 0.3, shape).astype(np.float32)

    made: dict[str, Any] = {
        "embeddings.word_embeddings.weight": some(len(WORDS), HIDDEN),
        "embeddings.position_embeddings.weight": some(POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": some(2, HIDDEN),
        "embeddings.LayerNorm.weight": 1 + some(HIDDEN),
        "embeddings.LayerNorm.bias": some(HIDDEN),
    }
    shapes = {
        "attention.self.query": (HIDDEN, HIDDEN),
        "attention.self.key": (HIDDEN, HIDDEN),
        "attention.self.value": (HIDDEN, HIDDEN),
        "attention.output.dense": (HIDDEN, HIDDEN),
        "intermediate.dense": (INNER, HIDDEN),
        "output.dense": (HIDDEN, INNER),
    }
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            made[f"encoder.layer.{layer}.{name}.weight"] = some(*shape)
            made[f"encoder.layer.{layer}.{name}.bias"] = some(shape[0])
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            made[f"encoder.layer.{layer}.{name}.weight"] = 1 + some(HIDDEN)
            made[f"encoder.layer.{layer}.{name}.bias"] = some(HIDDEN)
    return {prefix + name: tensor for name, tensor in made.items()}


class ModelFolder:
    """A tiny BERT with random weights, written as sentence-transformers writes one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "1_Pooling").mkdir(parents=True)
        kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
        self.write(
            "modules.json",
            [
                {
                    "idx": at,
                    "name": str(at),
                    "path": place,
                    "type": f"sentence_transformers.models.{kind}",
                }
                for at, (place, kind) in enumerate(kinds)
            ],
        )
        self.write(
            "config.json",
            {
                "architectures": ["BertModel"],
                "model_type": "bert",
                "hidden_act": "gelu",
                "hidden_size": HIDDEN,
                "intermediate_size": INNER,
                "layer_norm_eps": 1e-12,
                "max_position_embeddings": POSITIONS,
                "num_attention_heads": HEADS,
                "num_hidden_layers": LAYERS,
                "pad_token_id": 0,
                "type_vocab_size": 2,
                "vocab_size": len(WORDS),
            },
        )
        self.write("sentence_bert_config.json", {"max_seq_length": 12, "do_lower_case": False})
        self.write(
            "1_Pooling/config.json",
            {
                "word_embedding_dimension": HIDDEN,
                "pooling_mode_mean_tokens": True,
                "pooling_mode_cls_token": False,
            },
        )
        self.write(
            "tokenizer_config.json",
            {
                "tokenizer_class": "BertTokenizer",
                "model_max_length": POSITIONS,
                "unk_token": "[UNK]",
                "sep_token": "[SEP]",
                "pad_token": "[PAD]",
                "cls_token": "[CLS]",
            },
        )
        self.write("tokenizer.json", tokenizer())
        self.weigh(tensors())

    def write(self, name: str, content: object) -> None:
        (self.path / name).write_text(json.dumps(content))

    def change(self, name: str, **changes: object) -> None:
        self.write(name, {**json.loads((self.path / name).read_text()), **changes})

    def weigh(self, weights: dict[str, Any]) -> None:
        save_file(weights, self.path / "model.safetensors", metadata={"format": "pt"})


def tokenizer() -> dict[str, object]:
    specials = {at: token for at, token in enumerate(WORDS) if token.startswith("[")}
    place = {token: at for at, token in specials.items()}
    return {
        "version": "1.0",
        "truncation": {
            "max_length": 8,
            "strategy": "LongestFirst",
            "stride": 0,
            "direction": "Right",
        },
        "padding": {
            "strategy": {"Fixed": 8},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
        "added_tokens": [
            {
                "id": at,
                "content": token,
                "special": True,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
            }
            for at, token in specials.items()
        ],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "BertProcessing",
            "sep": ["[SEP]", place["[SEP]"]],
            "cls": ["[CLS]", place["[CLS]"]],
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {word: at for at, word in enumerate(WORDS)},
        },
    }


@pytest.fixture
def model_folder(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "tiny-bert")
