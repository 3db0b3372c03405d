"""The MiniLM encoder as an ONNX graph, written in code from its published weights.

onnxruntime runs a graph but ships nothing to write one with, and the `onnx` package weighs 25 MB.
The graph has 43 nodes, so it is written here directly in ONNX's wire format (protocol buffers;
field numbers from onnx.proto3 of ONNX IR version 8). It names its weights without holding them:
they are handed to the session in memory, so nothing is copied to disk and no two workers race.
"""

import struct
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

VERSION = "1"  # part of the encoder's digest: raise it when the graph computes anything else
LAYERS = 6
HEADS = 12
WIDTH = 384
EPSILON = 1e-12
OUTPUT = f"hidden_{LAYERS}"

FLOAT, INT32 = 1, 6  # TensorProto.DataType
IR_VERSION, OPSET = 8, 17
CONTRIB = "com.microsoft"  # onnxruntime's own fused operators, part of every build of it

Weights = dict[str, NDArray[np.float32]]
Value = int | float | str | bytes


def varint(number: int) -> bytes:
    """Return a non-negative integer in base 128, least significant group first."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def entry(number: int, value: Value) -> bytes:
    """Return one field of a message: its number, its wire type and its value."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    payload = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def entries(number: int, values: Iterable[Value]) -> bytes:
    """Return a repeated field."""
    return b"".join(entry(number, value) for value in values)


def attribute(name: str, value: float) -> bytes:
    """Return an AttributeProto: a whole number (type 2) or a float (type 1)."""
    if isinstance(value, int):
        return entry(1, name) + entry(3, value) + entry(20, 2)
    return entry(1, name) + entry(2, value) + entry(20, 1)


def node(
    operator: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes: float
) -> bytes:
    """Return a NodeProto."""
    described = [attribute(name, value) for name, value in attributes.items()]
    return (
        entries(1, inputs)
        + entries(2, outputs)
        + entry(4, operator)
        + entries(5, described)
        + entry(7, domain)
    )


def named_tensor(name: str, kind: int, shape: list[int | str]) -> bytes:
    """Return a ValueInfoProto; a dimension given as text is free."""
    dimensions = [entry(2 if isinstance(size, str) else 1, size) for size in shape]
    tensor = entry(1, kind) + entry(2, entries(1, dimensions))
    return entry(1, name) + entry(2, entry(1, tensor))


def weight_elsewhere(name: str, weight: NDArray[np.float32]) -> bytes:
    """Return a TensorProto whose values are given to the session in memory."""
    location = entry(1, "location") + entry(2, "given-in-memory")
    return (
        entries(1, weight.shape)
        + entry(2, FLOAT)
        + entry(8, name)
        + entry(13, location)
        + entry(14, 1)
    )


def layer_nodes(layer: int) -> list[bytes]:
    """Return one transformer layer: attention and feed-forward, each added to its input."""
    before, after = f"hidden_{layer}", f"hidden_{layer + 1}"

    def w(name: str) -> str:
        return f"{layer}.{name}"

    return [
        node(
            "Attention",
            [before, w("qkv"), w("qkv_bias"), "lengths"],
            [w("heads")],
            CONTRIB,
            num_heads=HEADS,
        ),
        node("MatMul", [w("heads"), w("mix")], [w("mixed")]),
        node(
            "SkipLayerNormalization",
            [w("mixed"), before, w("norm1"), w("norm1_bias"), w("mix_bias")],
            [w("attended")],
            CONTRIB,
            epsilon=EPSILON,
        ),
        node("MatMul", [w("attended"), w("widen")], [w("wide")]),
        node("BiasGelu", [w("wide"), w("widen_bias")], [w("active")], CONTRIB),
        node("MatMul", [w("active"), w("narrow")], [w("fed")]),
        node(
            "SkipLayerNormalization",
            [w("fed"), w("attended"), w("norm2"), w("norm2_bias"), w("narrow_bias")],
            [after],
            CONTRIB,
            epsilon=EPSILON,
        ),
    ]


def embedding_node() -> bytes:
    """Return the first node: word plus position, normalised."""
    return node(
        "EmbedLayerNormalization",
        ["ids", "", "words", "positions", "", "norm", "norm_bias"],
        ["hidden_0", "mask"],
        CONTRIB,
        epsilon=EPSILON,
    )


def layer_weights(published: Weights, layer: int) -> Weights:
    """Return one layer's weights, transposed for `x @ w`, the three projections side by side."""
    prefix = f"encoder.layer.{layer}"
    attention = [f"{prefix}.attention.self.{part}" for part in ("query", "key", "value")]
    modules = {
        "mix": f"{prefix}.attention.output.dense",
        "norm1": f"{prefix}.attention.output.LayerNorm",
        "widen": f"{prefix}.intermediate.dense",
        "narrow": f"{prefix}.output.dense",
        "norm2": f"{prefix}.output.LayerNorm",
    }
    weights = {
        "qkv": np.concatenate([published[f"{name}.weight"].T for name in attention], axis=1),
        "qkv_bias": np.concatenate([published[f"{name}.bias"] for name in attention]),
    }
    for name, module in modules.items():
        weights[name] = published[f"{module}.weight"].T
        weights[f"{name}_bias"] = published[f"{module}.bias"]
    return {f"{layer}.{name}": weight for name, weight in weights.items()}


def graph_weights(published: Weights) -> Weights:
    """Return the graph's weights by name, contiguous float32.

    Every text is a single segment, so the first segment's vector is added to each word's.
    """
    segment = published["embeddings.token_type_embeddings.weight"][0]
    weights: Weights = {
        "words": published["embeddings.word_embeddings.weight"] + segment,
        "positions": published["embeddings.position_embeddings.weight"],
        "norm": published["embeddings.LayerNorm.weight"],
        "norm_bias": published["embeddings.LayerNorm.bias"],
    }
    for layer in range(LAYERS):
        weights |= layer_weights(published, layer)
    return {name: np.ascontiguousarray(weight) for name, weight in weights.items()}


def model_bytes(weights: Weights) -> bytes:
    """Return the serialised ModelProto.

    Inputs: `ids` int32 (texts, tokens) padded on the right, `lengths` int32 (texts,).
    Output: `OUTPUT` float32 (texts, tokens, 384), one vector a token.
    """
    nodes = [embedding_node()]
    for layer in range(LAYERS):
        nodes += layer_nodes(layer)
    graph = (
        entries(1, nodes)
        + entry(2, "minilm")
        + entries(5, [weight_elsewhere(name, weight) for name, weight in weights.items()])
        + entry(11, named_tensor("ids", INT32, ["texts", "tokens"]))
        + entry(11, named_tensor("lengths", INT32, ["texts"]))
        + entry(12, named_tensor(OUTPUT, FLOAT, ["texts", "tokens", WIDTH]))
    )
    opsets = [entry(1, domain) + entry(2, opset) for domain, opset in (("", OPSET), (CONTRIB, 1))]
    return entry(1, IR_VERSION) + entry(2, "countersign") + entry(7, graph) + entries(8, opsets)
