"""What a layer promises: known shapes, and to come back from config and file as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.testing.common import (
    Check,
    make_checks,
    require,
    run_all,
    same_config,
    same_tree,
    saved_and_loaded,
)


def layer_checks(make: Callable[[], Any], *inputs: Any, random: bool = False) -> list[Check]:
    """Return the checks of a layer.

    Args:
        make: Returns the layer, with settings that are not all defaults.
        *inputs: A batch for each argument of its call.
        random: Its outputs are drawn, so that only their shapes can be compared.
    """
    arrays = [np.asarray(each) for each in inputs]
    functions = [layer_output_has_the_computed_shape, layer_comes_back_from_its_config]
    return make_checks(make, [*functions, layer_comes_back_from_a_file], arrays, random)


def check_layer(make: Callable[[], Any], *inputs: Any, random: bool = False) -> None:
    """Run all of `layer_checks`."""
    run_all(layer_checks(make, *inputs, random=random))


def layer_output_has_the_computed_shape(
    make: Callable[[], Any], inputs: list[Any], random: bool
) -> None:
    import keras

    layer = make()
    found = [tuple(each.shape) for each in keras.tree.flatten(layer(*inputs))]
    computed = layer.compute_output_shape(*[each.shape for each in inputs])
    require(found == _shapes(computed), f"gives {found}, but compute_output_shape says {computed}")


def layer_comes_back_from_its_config(
    make: Callable[[], Any], inputs: list[Any], random: bool
) -> None:
    layer = make()
    again = type(layer).from_config(layer.get_config())
    same_config(again, layer, "after from_config")
    layer(*inputs)
    again(*inputs)
    if not random:
        again.set_weights(layer.get_weights())
        same_tree(again(*inputs), layer(*inputs), "after from_config")


def layer_comes_back_from_a_file(make: Callable[[], Any], inputs: list[Any], random: bool) -> None:
    import keras

    places = [keras.Input(each.shape[1:], dtype=str(each.dtype)) for each in inputs]
    model = keras.Model(places, make()(*places))
    again = saved_and_loaded(model)
    if not random:
        same_tree(again(inputs), model(inputs), "after saving and loading")


def _shapes(computed: Any) -> list[tuple[int, ...]]:
    """Return the shapes in a structure of them, in order."""
    if isinstance(computed, dict):
        return [shape for key in sorted(computed) for shape in _shapes(computed[key])]
    if all(isinstance(size, int) for size in computed):
        return [tuple(computed)]
    return [shape for each in computed for shape in _shapes(each)]
