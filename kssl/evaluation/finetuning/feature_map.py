"""The features of each place of an image, of any encoder, found in the graph of its embedding.

An encoder mostly ends in a vector, for which it has averaged or flattened a map. The graph of
`embed` is walked back from there to the last map: a layer that is made of others is opened, a
transformer's tokens are laid out in the grid of its patches. What is found has the weights of the
model itself. Where there is no map, as of a network whose first layer flattens the image, this is
said and not made up for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kssl.evaluation.base import Skipped


def feature_map_of(model: Any, size: Sequence[int] | None = None) -> keras.Model:
    """Return a network from the images of a model to the last feature map of its encoder.

    Args:
        model: Built; reads images. Its weights are shared.
        size: Height and width of the images; None is what the model was built for. A network of
            convolutions reads any.

    Returns:
        A model from `(batch, height, width, channels)` to `(batch, rows, columns, features)` in
        float32. Of several encoders side by side, as of CMC, the maps of all.

    Raises:
        Skipped: The model does not read images, there is no map, or another size does not fit.

    Example:
        >>> import kssl
        >>> simclr = kssl.models.SimCLR(kssl.layers.ConvNet([8, 16]), augment="device")
        >>> simclr.build((None, 32, 32, 3))
        >>> feature_map_of(simclr).output_shape
        (None, 16, 16, 16)
    """
    from kssl.models.inference import encoder_of

    shape, kind = model.example_shape, type(model).__name__
    if isinstance(shape, dict) or len(shape) != 3:
        raise Skipped(f"{kind} reads examples of shape {shape}, and boxes are on whole images")
    encoder = encoder_of(model)
    image = encoder.input
    found = list({id(each): each for each in _last_maps(encoder.output, image)}.values())
    if not found:
        raise Skipped(
            f"the encoder of {kind} has no map of features before its vector, so it does not say "
            "what is where: its first layer with weights reads the image as a whole"
        )
    core = keras.Model(image, found)
    if size is not None and tuple(size) != tuple(shape[:2]):
        core = _at_size(core, (*size, shape[2]), kind)
    maps = [_laid_out(each, core.input.shape) for each in core.outputs]
    rows, columns = min(tuple(each.shape[1:3]) for each in maps)
    maps = [each for each in maps if tuple(each.shape[1:3]) == (rows, columns)]
    output = maps[0] if len(maps) == 1 else ops.concatenate(maps, axis=-1)
    return keras.Model(core.input, ops.cast(output, "float32"))


def _at_size(core: keras.Model, shape: tuple[int, ...], kind: str) -> keras.Model:
    """The same layers on images of another size."""
    image = keras.Input(shape, name=core.input.name)
    try:
        outputs = keras.tree.flatten(core.call(image))
        for each in outputs:
            _laid_out(each, image.shape)
        larger = keras.Model(image, outputs)
        larger(np.zeros((1, *shape), "float32"))  # a layer may say the shape without a look
    except Exception as error:  # a layer for one size fails in any way
        own = " x ".join(map(str, core.input.shape[1:3]))
        raise Skipped(
            f"the encoder of {kind} does not take images of {shape[0]} x {shape[1]}, as one with "
            f"learned or fixed positions: leave image_size out, which is then {own}"
        ) from error
    return larger


def _last_maps(tensor: Any, image: Any) -> list[Any]:
    """The maps nearest to a tensor, on every way from the image to it."""
    if tensor is image or not _is_learned(tensor, image):
        return []
    operation, node = _made_by(tensor)
    padded = isinstance(operation, keras.layers.ZeroPadding2D)  # its cells are not those of images
    if _grid(tensor.shape, image.shape) is not None and not padded:
        return [tensor]
    opened = _opened(operation, node, tensor)
    if opened is not None and (found := _last_maps(opened, image)):
        return found
    return [found for source in node.input_tensors for found in _last_maps(source, image)]


def _made_by(tensor: Any) -> tuple[Any, Any]:
    """The layer or operation that made a tensor, and its call."""
    operation, place, _ = tensor._keras_history
    return operation, operation._inbound_nodes[place]


def _opened(operation: Any, node: Any, tensor: Any) -> Any:
    """What a layer that is made of others returns, as a graph of these; None of another one."""
    layers = isinstance(operation, keras.layers.Layer)
    if not layers or not list(operation._flatten_layers(include_self=False)):
        return None
    if operation._trainable_variables or operation._non_trainable_variables:
        return None  # weights of its own would be lost in the graph
    try:
        outputs = operation.call(*node.arguments.args, **node.arguments.kwargs)
    except Exception:  # it asks for more than the shape, such as the number of examples
        return None
    opened = keras.tree.flatten(outputs)[tensor._keras_history.tensor_index]
    return opened if isinstance(opened, keras.KerasTensor) else None


def _is_learned(tensor: Any, image: Any) -> bool:
    """Whether anything with weights stands between the image and a tensor."""
    return any(
        isinstance(each, keras.layers.Layer)
        and bool(each.weights)
        and not isinstance(each, keras.layers.Normalization)
        for each in _before(tensor, image)
    )


def _before(tensor: Any, image: Any) -> Iterator[Any]:
    """All layers and operations between the image and a tensor."""
    waiting, seen = [tensor], set()
    while waiting:
        each = waiting.pop()
        if each is image or id(each) in seen:
            continue
        seen.add(id(each))
        operation, node = _made_by(each)
        yield operation
        waiting += node.input_tensors


def _grid(shape: Sequence[int | None], image: Sequence[int | None]) -> tuple[int, int] | None:
    """Rows and columns of a map, or of the tokens of patches; None of what is neither."""
    if len(shape) == 4 and shape[1] and shape[2] and shape[1] * shape[2] > 1:
        return shape[1], shape[2]
    if len(shape) != 3 or not shape[1] or shape[1] < 2:
        return None
    height, width = image[1] or 0, image[2] or 0
    for leading in (0, 1):  # a class token may stand in front
        tokens = shape[1] - leading
        side = math.isqrt(height * width // tokens)
        if side and height % side == width % side == 0 and height * width == tokens * side**2:
            return height // side, width // side
    return None


def _laid_out(tensor: Any, image: Sequence[int | None]) -> Any:
    """Lay tokens out in the grid of their patches, `(batch, rows, columns, features)`."""
    grid = _grid(tensor.shape, image)
    if grid is None:
        raise ValueError(f"a map of shape {tensor.shape} has no grid")
    if len(tensor.shape) == 4:
        return tensor
    leading = tensor.shape[1] - grid[0] * grid[1]
    return ops.reshape(tensor[:, leading:], (-1, *grid, tensor.shape[-1]))
