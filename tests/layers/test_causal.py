"""What an output may see: tested by changing one input at a time."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.layers import (
    DilatedCausalStack,
    GatedActivation,
    MaskedConv2D,
    MaskedDense,
    NeuralAutoregressive,
)
from kssl.testing.common import array

RNG = np.random.default_rng(0)
ORDER = [3, 1, 0, 4, 2]


def reach(call, inputs):
    """Return a matrix of 0 and 1: whether an input value (row) changes an output value (column)."""
    changed = np.repeat(inputs, inputs.size + 1, axis=0)  # the last row stays as it is
    for place in range(inputs.size):
        changed[place].flat[place] += 1.7
    outputs = array(call(changed)).reshape(inputs.size + 1, -1)
    return (np.abs(outputs[:-1] - outputs[-1]) > 1e-6).astype(int)


def before(order):
    """Return which dimension (row) comes before which (column)."""
    ranks = np.argsort(order)
    return (ranks[:, None] < ranks[None, :]).astype(int)


@pytest.mark.parametrize("order", [None, ORDER])
def test_a_made_sees_all_earlier_dimensions_and_no_others(order):
    settings = {"dimensions": 5, "order": order}
    network = [
        MaskedDense(40, place="first", activation="tanh", **settings),
        MaskedDense(40, place="hidden", activation="tanh", **settings),
        MaskedDense(10, place="last", **settings),
    ]

    def call(inputs):
        for layer in network:
            inputs = layer(inputs)
        return inputs

    found = reach(call, RNG.normal(size=(1, 5)).astype("float32"))
    wanted = before(order or list(range(5)))
    np.testing.assert_array_equal(found, np.concatenate([wanted, wanted], axis=1))


def test_a_single_masked_layer_is_triangular():
    layer = MaskedDense(4, dimensions=4, place="only")
    found = reach(layer, RNG.normal(size=(1, 4)).astype("float32"))
    np.testing.assert_array_equal(found, np.triu(np.ones((4, 4)), 1))


@pytest.mark.parametrize("order", [None, ORDER])
def test_a_nade_sees_all_earlier_dimensions_and_no_others(order):
    layer = NeuralAutoregressive(30, order)
    found = reach(layer, RNG.normal(size=(1, 5)).astype("float32"))
    np.testing.assert_array_equal(found, before(order or list(range(5))))


@pytest.mark.parametrize(("kind", "itself"), [("A", False), ("B", True)])
@pytest.mark.parametrize("colors", [1, 3])
def test_a_masked_convolution_sees_pixels_above_left_and_colours_before(kind, itself, colors):
    layer = MaskedConv2D(3, 3, mask_type=kind, colors=colors)
    image = RNG.normal(size=(1, 3, 3, 3)).astype("float32")
    found = reach(layer, image)[:, 4 * 3 : 5 * 3]  # what reaches the pixel in the middle
    wanted = np.zeros((9, 3, 3), int)
    wanted[:4] = 1
    for given in range(3):
        for output in range(3):
            one_group = colors == 1
            wanted[4, given, output] = (
                itself if one_group else (given < output or (itself and given == output))
            )
    np.testing.assert_array_equal(found, wanted.reshape(27, 3))


def test_stacked_masked_convolutions_never_see_the_pixel_itself_or_later_ones():
    first, second = MaskedConv2D(8, 5, "A", activation="tanh"), MaskedConv2D(1, 3, "B")
    found = reach(lambda x: second(first(x)), RNG.normal(size=(1, 4, 4, 1)).astype("float32"))
    assert not np.tril(found).any() and found[0, 1] and found[0, 15] == 1


def test_a_dilated_stack_sees_its_receptive_field_and_nothing_ahead():
    layer = DilatedCausalStack(6, dilations=[1, 2, 4], kernel_size=2)
    found = reach(lambda x: layer(x)[..., :1], RNG.normal(size=(1, 12, 1)).astype("float32"))
    distance = np.arange(12)[None, :] - np.arange(12)[:, None]
    np.testing.assert_array_equal(found, (distance >= 0) & (distance < layer.receptive_field))
    assert layer.receptive_field == 8


def test_a_gate_multiplies_one_half_with_the_other():
    inputs = RNG.normal(size=(2, 5, 6)).astype("float32")
    wanted = np.tanh(inputs[..., :3]) / (1 + np.exp(-inputs[..., 3:]))
    np.testing.assert_allclose(array(GatedActivation()(inputs)), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaskedDense(4, 2, place="end"), "first, hidden, last, only; got 'end'"),
        (lambda: MaskedDense(5, 2, place="last"), "a multiple of 2 units; got 5"),
        (lambda: MaskedDense(4, 3, order=[0, 1, 1]), "each of 0 to 2 once"),
        (lambda: MaskedDense(4, 2, place="first")(np.zeros((1, 3))), "takes 2 dimensions; got 3"),
        (lambda: NeuralAutoregressive(0), "hidden_dim must be at least 1"),
        (lambda: NeuralAutoregressive(3, [0, 2])(np.zeros((1, 2))), "each of 0 to 1 once"),
        (lambda: MaskedConv2D(4, 3, "C"), "'A' or 'B'; got 'C'"),
        (lambda: MaskedConv2D(4, 4), "kernel_size must be odd"),
        (lambda: MaskedConv2D(4, 3, colors=3), "3 colours do not divide 4 filters"),
        (lambda: MaskedConv2D(3, colors=3)(np.zeros((1, 3, 3, 2))), "do not divide 2 channels"),
        (lambda: GatedActivation()(np.zeros((1, 3))), "3 is odd"),
        (lambda: DilatedCausalStack(4, []), "must be positive"),
    ],
)
def test_refusals_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
