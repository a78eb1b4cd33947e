"""LARS against its formula, and schedules against theirs."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kssl.recipe
from kssl.optimizers import LARS, WarmupCosine
from kssl.testing.common import array

RNG = np.random.default_rng(0)


def by_hand(weight, gradients, rate=0.5, momentum=0.9, decay=0.01, trust=0.02, nesterov=False):
    """The published algorithm in float64; decay None leaves weight decay and adaptation out."""
    movement = np.zeros_like(weight)
    for gradient in gradients:
        local = 1.0
        if decay is not None:
            length, slope = np.linalg.norm(weight), np.linalg.norm(gradient)
            if length and slope:
                local = trust * length / (slope + decay * length)
            gradient = gradient + decay * weight
        step = rate * local * gradient
        movement = momentum * movement + step
        weight = weight - (momentum * movement + step if nesterov else movement)
    return weight


@pytest.mark.parametrize("nesterov", [False, True])
def test_kernels_are_adapted_and_biases_are_not(nesterov):
    kernel, bias = RNG.normal(size=(4, 3)), RNG.normal(size=(3,))
    gradients = [(RNG.normal(size=(4, 3)), RNG.normal(size=(3,))) for _ in range(3)]
    variables = [keras.Variable(each, dtype="float32") for each in (kernel, bias)]
    optimizer = LARS(0.5, 0.9, weight_decay=0.01, trust_coefficient=0.02, nesterov=nesterov)
    optimizer.build(variables)
    for each in gradients:
        tensors = [keras.ops.convert_to_tensor(one, "float32") for one in each]
        optimizer.apply(tensors, variables)
    kernels, biases = zip(*gradients, strict=True)
    wanted = by_hand(kernel, kernels, nesterov=nesterov)
    np.testing.assert_allclose(array(variables[0]), wanted, rtol=1e-4)
    wanted = by_hand(bias, biases, decay=None, nesterov=nesterov)
    np.testing.assert_allclose(array(variables[1]), wanted, rtol=1e-4)


def test_a_named_weight_is_left_out_too():
    variable = keras.Variable(np.ones((2, 2)), dtype="float32", name="embedding")
    optimizer = LARS(0.5, 0.0, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["embedding"])
    optimizer.build([variable])
    optimizer.apply([keras.ops.ones((2, 2))], [variable])
    np.testing.assert_allclose(array(variable), 0.5)


@pytest.mark.parametrize(("weight", "gradient"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_a_norm_of_zero_is_no_division_by_zero(weight, gradient):
    variable = keras.Variable(np.full((2, 2), weight), dtype="float32")
    optimizer = LARS(0.5, 0.0, weight_decay=0.1)
    optimizer.build([variable])
    optimizer.apply([keras.ops.full((2, 2), gradient)], [variable])
    np.testing.assert_allclose(array(variable), weight - 0.5 * (gradient + 0.1 * weight))


def test_a_model_learns_with_it_and_comes_back_with_its_state(tmp_path):
    keras.utils.set_random_seed(0)
    x = RNG.normal(size=(64, 8)).astype("float32")
    y = x @ RNG.normal(size=(8, 2))
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
    optimizer = LARS(WarmupCosine(1.0, total_steps=160, warmup_steps=10), trust_coefficient=0.05)
    model.compile(optimizer, "mse")
    losses = model.fit(x, y, batch_size=32, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    for found, wanted in zip(again.optimizer.variables, optimizer.variables, strict=True):
        np.testing.assert_array_equal(array(found), array(wanted))


def test_accumulated_gradients_are_one_step_along_their_mean():
    kernel = RNG.normal(size=(4, 3))
    gradients = [RNG.normal(size=(4, 3)) for _ in range(4)]
    variable = keras.Variable(kernel, dtype="float32")
    schedule = WarmupCosine(0.5, total_steps=100, warmup_steps=9)  # step 3 has 0.5 · 4 / 10
    optimizer = LARS(schedule, 0.9, 0.01, 0.02, gradient_accumulation_steps=4)
    optimizer.build([variable])
    for number, gradient in enumerate(gradients):
        np.testing.assert_array_equal(array(variable), kernel.astype("float32"))
        # The steps of a schedule are batches, whatever is accumulated.
        wanted = pytest.approx(0.05 * (number + 1), rel=1e-5)
        assert float(array(optimizer.learning_rate)) == wanted
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [variable])
    wanted = by_hand(kernel, [np.mean(gradients, axis=0)], rate=0.2)
    np.testing.assert_allclose(array(variable), wanted, rtol=1e-4)


def test_a_second_fit_and_a_loaded_model_go_on_where_the_first_stopped(tmp_path):
    x = RNG.normal(size=(64, 8)).astype("float32")
    y = x @ RNG.normal(size=(8, 2))

    def fitted(model, epochs):
        model.fit(x, y, batch_size=32, epochs=epochs, shuffle=False, verbose=0)
        return model.get_weights()[0]

    def model():
        keras.utils.set_random_seed(0)
        network = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)])
        network.compile(LARS(WarmupCosine(1.0, total_steps=12, warmup_steps=3)), "mse")
        return network

    whole, half = fitted(model(), 6), model()
    fitted(half, 3)
    half.save(tmp_path / "half.keras")
    again = keras.models.load_model(tmp_path / "half.keras")
    np.testing.assert_allclose(fitted(half, 3), whole, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(fitted(again, 3), whole, rtol=1e-5, atol=1e-7)


def test_the_schedule_rises_and_falls():
    schedule = WarmupCosine(0.8, total_steps=20, warmup_steps=4, final=0.2)
    found = [float(schedule(step)) for step in range(24)]
    np.testing.assert_allclose(found[:5], [0.16, 0.32, 0.48, 0.64, 0.8], rtol=1e-5)
    assert found[12] == pytest.approx(0.5) and found[8] == pytest.approx(0.5 + 0.3 * 0.5**0.5)
    np.testing.assert_allclose(found[20:], 0.2, rtol=1e-5)
    again = WarmupCosine.from_config(schedule.get_config())
    assert float(again(8)) == found[8]


def test_without_warm_up_it_is_the_cosine_of_keras():
    schedule = WarmupCosine(0.8, total_steps=20)
    cosine = keras.optimizers.schedules.CosineDecay(0.8, 20)
    for step in (0, 3, 10, 20, 30):
        assert float(schedule(step)) == pytest.approx(float(cosine(step)), abs=1e-6)


RECIPE = """
data: {use: synthetic, examples: 64}
pretext: [to_float]
model: {use: autoencoder, latent_dim: 2}
optimizer:
  use: ema
  momentum: 0.9
  optimizer:
    use: lars
    trust_coefficient: 0.002
    learning_rate: {use: warmup_cosine, peak: 0.3, total_steps: 100, warmup_steps: 10}
"""


def test_a_recipe_names_optimizers_and_schedules(tmp_path):
    (tmp_path / "one.yaml").write_text(RECIPE)
    recipe = kssl.recipe.load(tmp_path / "one.yaml")
    recipe.check()
    ema = recipe.build("optimizer")
    assert (type(ema).__name__, ema.momentum) == ("EMA", 0.9)
    assert (type(ema.optimizer).__name__, ema.optimizer.trust_coefficient) == ("LARS", 0.002)
    assert float(array(ema.learning_rate)) == pytest.approx(0.3 / 11)


def test_a_misspelt_argument_of_an_optimizer_is_named(tmp_path):
    (tmp_path / "one.yaml").write_text(RECIPE.replace("trust_coefficient", "thrust"))
    with pytest.raises(kssl.errors.UserError, match="no argument 'thrust'"):
        kssl.recipe.load(tmp_path / "one.yaml").check()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LARS(momentum=1.0), r"momentum must be in \[0, 1\)"),
        (lambda: LARS(weight_decay=-1.0), "weight_decay must be at least 0"),
        (lambda: LARS(trust_coefficient=0.0), "trust_coefficient above it"),
        (lambda: WarmupCosine(1.0, 10, 10), "less than total_steps; got 10 and 10"),
    ],
)
def test_refusals_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()
