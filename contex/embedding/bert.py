"""Builds a BERT sentence encoder as an OpenVINO graph, from its tensors.

Decides the operations, mean pooling and normalisation included. Never reads files and never
chooses a device or a precision.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from openvino import Model, Node, Type
from openvino import opset13 as op

from contex.embedding.folder import Bert
from contex.errors import InvalidValue

Tensors = Mapping[str, NDArray[np.float32]]

_TOKENS_MIN = 1e-9
_LENGTH_MIN = 1e-12


class _Weights:
    """Constants by name. They share the tensors' memory: nothing is copied before compilation."""

    def __init__(self, tensors: Tensors) -> None:
        prefix = "bert." if "bert.embeddings.word_embeddings.weight" in tensors else ""
        self._tensors = tensors
        self._prefix = prefix

    def array(self, name: str) -> NDArray[np.float32]:
        try:
            return self._tensors[self._prefix + name]
        except KeyError as error:
            message = f"the weights hold no tensor {name}: they are not those of a BERT encoder"
            raise InvalidValue(message, field="CONTEX_MODEL") from error

    def constant(self, name: str) -> Node:
        return op.constant(self.array(name), shared_memory=True)


def build(bert: Bert, tensors: Tensors) -> Model:
    """Return a graph from (ids, mask), both int32 [texts, tokens], to unit vectors [texts, hidden].

    Raises:
        InvalidValue: a tensor is missing.
    """
    weights = _Weights(tensors)
    ids = op.parameter([-1, -1], Type.i32, name="ids")
    mask = op.parameter([-1, -1], Type.i32, name="mask")
    attended = op.unsqueeze(op.convert(mask, "boolean"), op.constant(np.array([1, 2], np.int32)))
    state = _embed(bert, weights, ids)
    for layer in range(bert.layers):
        state = _layer(bert, weights, f"encoder.layer.{layer}.", state, attended)
    return Model([_pool(state, mask)], [ids, mask], "bert-sentence-encoder")


def _embed(bert: Bert, weights: _Weights, ids: Node) -> Node:
    """Add words and positions. Every token is of the first segment: folded into the positions."""
    segment = weights.array("embeddings.token_type_embeddings.weight")[0]
    positions = weights.array("embeddings.position_embeddings.weight")[: bert.tokens_max] + segment
    axis = op.constant(np.array(0, np.int32))
    words = op.gather(weights.constant("embeddings.word_embeddings.weight"), ids, axis)
    tokens = op.gather(op.shape_of(ids, "i32"), op.constant(np.array([1], np.int32)), axis)
    one = op.constant(np.array([1], np.int32))
    places = op.slice(op.constant(positions), op.constant(np.array([0], np.int32)), tokens, one)
    return _normalised(bert, weights, "embeddings.LayerNorm", op.add(words, places))


def _layer(bert: Bert, weights: _Weights, prefix: str, state: Node, attended: Node) -> Node:
    query, key, value = (
        _heads(bert, _dense(weights, f"{prefix}attention.self.{part}", state))
        for part in ("query", "key", "value")
    )
    seen = op.scaled_dot_product_attention(query, key, value, attended)
    order = op.constant(np.array([0, 2, 1, 3], np.int32))
    shape = op.constant(np.array([0, 0, bert.hidden], np.int32))
    joined = op.reshape(op.transpose(seen, order), shape, special_zero=True)
    mixed = _dense(weights, f"{prefix}attention.output.dense", joined)
    name = f"{prefix}attention.output.LayerNorm"
    state = _normalised(bert, weights, name, op.add(mixed, state))
    inner = op.gelu(_dense(weights, f"{prefix}intermediate.dense", state), bert.gelu)
    outer = _dense(weights, f"{prefix}output.dense", inner)
    return _normalised(bert, weights, f"{prefix}output.LayerNorm", op.add(outer, state))


def _heads(bert: Bert, state: Node) -> Node:
    """[texts, tokens, hidden] to [texts, heads, tokens, hidden / heads]."""
    shape = op.constant(np.array([0, 0, bert.heads, bert.hidden // bert.heads], np.int32))
    split = op.reshape(state, shape, special_zero=True)
    return op.transpose(split, op.constant(np.array([0, 2, 1, 3], np.int32)))


def _dense(weights: _Weights, name: str, state: Node) -> Node:
    product = op.matmul(
        state, weights.constant(f"{name}.weight"), transpose_a=False, transpose_b=True
    )
    return op.add(product, weights.constant(f"{name}.bias"))


def _normalised(bert: Bert, weights: _Weights, name: str, state: Node) -> Node:
    axes = op.constant(np.array([-1], np.int32))
    centred = op.mvn(
        state, axes, normalize_variance=True, eps=bert.layer_norm_eps, eps_mode="INSIDE_SQRT"
    )
    scaled = op.multiply(centred, weights.constant(f"{name}.weight"))
    return op.add(scaled, weights.constant(f"{name}.bias"))


def _pool(state: Node, mask: Node) -> Node:
    """Average the tokens that are not padding, and scale to length one."""
    axis = op.constant(np.array([1], np.int32))
    kept = op.unsqueeze(op.convert(mask, "f32"), op.constant(np.array([2], np.int32)))
    total = op.reduce_sum(op.multiply(state, kept), axis)
    count = op.maximum(op.reduce_sum(kept, axis), op.constant(np.float32(_TOKENS_MIN)))
    return op.normalize_l2(op.divide(total, count), axis, _LENGTH_MIN, "max")


def tensors_as_f32(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
    """Return the floating tensors in single precision; what is one already is not copied."""
    return {
        name: tensor.astype(np.float32, copy=False)
        for name, tensor in tensors.items()
        if np.issubdtype(tensor.dtype, np.floating)
    }
