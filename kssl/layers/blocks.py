"""The blocks of an encoder: which layers end one, and what they put out."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops


def blocks_of(encoder: Any) -> list[Any]:
    """Return the layers whose outputs are the features of an encoder's blocks, first to last.

    A layer names them itself as `block_layers`: residual blocks, blocks of a transformer,
    convolutions, dense layers. In the graph of a functional or sequential model, such as those of
    `keras.applications`, only layers count that no path from the input to the output goes around:
    all that is read of the input passes through them. Of these, the following are a block: a layer
    that is made of other layers, a dense layer with what follows it, and layers in a row whose maps
    have one height and width.

    Args:
        encoder: Layer or model, built.

    Returns:
        Layers, each of which is called once; empty where no blocks are told apart.

    Example:
        >>> import keras
        >>> from kssl.layers.blocks import blocks_of
        >>> layers = [keras.layers.Conv2D(4, 3, name="one"), keras.layers.ReLU(name="end")]
        >>> encoder = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(2)])
        >>> encoder.build((None, 8, 8, 1))
        >>> [layer.name for layer in blocks_of(encoder)][0]
        'end'
    """
    own = getattr(encoder, "block_layers", None)
    if own is not None:
        return list(own)
    # A sequential model keeps its graph aside. Keras has no public name for either.
    graph = getattr(encoder, "_functional", encoder)
    if not hasattr(graph, "_nodes_by_depth"):
        return []
    parts = itertools.groupby(_parts(_chain(graph)), key=lambda part: part[0])
    groups = [[found for _, found in group] for _, group in parts]
    return [
        layer for group in groups if any(kernel for _, kernel in group) for layer in group[-1][0]
    ]


@contextlib.contextmanager
def watched(layers: Sequence[Any]) -> Iterator[list[list[Any]]]:
    """Note what layers put out while the block lasts: a list for each, of one tensor for each call.

    Example:
        >>> import keras
        >>> from kssl.layers.blocks import watched
        >>> layer = keras.layers.Dense(2)
        >>> with watched([layer]) as outputs:
        ...     result = layer(keras.ops.ones((3, 4)))
        >>> outputs[0][0] is result
        True
    """
    outputs: list[list[Any]] = [[] for _ in layers]
    own = [vars(layer).get("call") for layer in layers]
    try:
        for layer, noted in zip(layers, outputs, strict=True):
            layer.call = _noting(layer.call, noted)
        yield outputs
    finally:
        for layer, call in zip(layers, own, strict=True):
            if call is None:
                del layer.call
            else:
                layer.call = call


def averaged(features: Any, most: int) -> Any:
    """Return a map averaged over the cells of the finest even grid that leaves so many features.

    Args:
        features: `(batch, …, channels)`, with any number of axes of positions, or none.
        most: Features of an example at most; where there are more channels, as many as these.

    Returns:
        Float32 `(batch, features)`.

    Example:
        >>> import keras
        >>> from kssl.layers.blocks import averaged
        >>> averaged(keras.ops.ones((2, 6, 6, 8)), most=100).shape
        (2, 72)
    """
    features = ops.cast(features, "float32")
    sizes, channels = tuple(features.shape[1:-1]), features.shape[-1]
    if None in sizes:
        return ops.mean(features, axis=tuple(range(1, len(sizes) + 1)))  # (batch, channels)
    cells = 1
    while cells < max(sizes, default=1) and _count(sizes, cells + 1) * channels <= most:
        cells += 1
    for axis, size in enumerate(sizes, start=1):
        weights = ops.convert_to_tensor(_weights(size, min(size, cells)))  # (size, cells)
        moved = ops.matmul(ops.moveaxis(features, axis, -1), weights)
        features = ops.moveaxis(moved, -1, axis)  # (batch, cells, …, channels)
    return ops.reshape(features, (-1, _count(sizes, cells) * channels))


def _count(sizes: Sequence[int], cells: int) -> int:
    return math.prod(min(size, cells) for size in sizes)


def _weights(size: int, cells: int) -> np.ndarray:
    """Return `(size, cells)`: the share of each position in each cell; cells may overlap by one."""
    weights = np.zeros((size, cells), "float32")
    for cell in range(cells):
        first, last = cell * size // cells, -(-(cell + 1) * size // cells)
        weights[first:last, cell] = 1.0 / (last - first)
    return weights


def _noting(call: Callable[..., Any], noted: list[Any]) -> Callable[..., Any]:
    def noting(*args: Any, **kwargs: Any) -> Any:
        noted.append(call(*args, **kwargs))
        return noted[-1]

    return noting


def _chain(graph: Any) -> list[tuple[Any, tuple[int | None, ...], bool]]:
    """Return the layers that each path through a graph passes, with the shapes of their outputs.

    And of each, whether there is a kernel in it or between it and the one before.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return []
    by_depth = graph._nodes_by_depth
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    places = {id(each): place for place, node in enumerate(nodes) for each in node.output_tensors}
    reach = [0] * len(nodes)  # the last node that reads what one puts out
    for place, node in enumerate(nodes):
        for each in node.input_tensors:
            reach[places[id(each)]] = place
    calls = Counter(id(node.operation) for node in nodes)
    chain, furthest, kernel = [], 0, False
    for place, node in enumerate(nodes):
        layer, outputs = node.operation, node.output_tensors
        kernel = kernel or _has_kernel(layer)
        # Nodes are in order: an edge from before this one to behind it would go around it.
        if furthest <= place and calls[id(layer)] == 1 and len(outputs) == 1:
            chain.append((layer, tuple(outputs[0].shape), kernel))
            kernel = False
        furthest = max(furthest, reach[place])
    return chain


def _parts(chain: Sequence[tuple[Any, tuple[int | None, ...], bool]]) -> Iterator[tuple[Any, Any]]:
    """Yield of each layer what its block has in common, and its ends with if it has a kernel."""
    dense = 0
    for place, (layer, shape, kernel) in enumerate(chain):
        inner = blocks_of(layer)
        dense += isinstance(layer, keras.layers.Dense)
        key: Any = ("map", shape[1:-1]) if len(shape) > 2 else ("vector", dense)
        below = getattr(layer, "_flatten_layers", lambda **_: [])(include_self=False)
        key = place if inner or any(map(_has_kernel, below)) else key
        yield key, (inner or [layer], kernel)


def _has_kernel(layer: Any) -> bool:
    return any(len(weight.shape) > 1 for weight in getattr(layer, "weights", ()))
