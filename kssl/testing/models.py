"""What a model promises: it trains, embeds, and comes back from a file as it was."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kssl.testing.common import (
    Check,
    array,
    equal,
    keeps_its_settings,
    make_checks,
    require,
    run_all,
    same_config,
    saved_and_loaded,
)

Make = Callable[[], Any]


class _Batch:
    """What a model is trained on, and the model that was: the checks share it."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.size = len(next(iter(data.values())) if isinstance(data, dict) else data)

    def evaluated(self, model: Any) -> dict[str, float]:
        """Return the loss and the metrics of the batch."""
        found = model.evaluate(self.data, batch_size=self.size, verbose=0, return_dict=True)
        return dict(found)

    def fit(self, model: Any, epochs: int = 1) -> list[float]:
        """Train on the batch, return the losses."""
        history = model.fit(self.data, epochs=epochs, batch_size=self.size, verbose=0).history
        return list(history["loss"])


def model_checks(make: Make, batch: Any) -> list[Check]:
    """Return the checks of a model.

    Args:
        make: Returns the model, with settings that are not all defaults.
        batch: An array, or a dict of arrays: what it is trained on, two examples or more.
    """
    functions = [
        model_trains_every_weight,
        model_embeds_each_example,
        model_keeps_its_state_outside_of_training,
        model_embeds_without_labels,
        model_comes_back_from_a_file,
        model_is_the_same_eagerly,
        model_is_finite_in_mixed_precision,
        model_comes_back_from_its_config,
    ]
    return make_checks(make, functions, _Batch(batch))


def check_model(make: Make, batch: Any) -> None:
    """Run all of `model_checks`."""
    run_all(model_checks(make, batch))


def model_trains_every_weight(make: Make, batch: _Batch) -> None:
    model = _fitted(make, batch)
    before = [array(weight) for weight in model.trainable_variables]
    losses = batch.fit(model, epochs=2)
    require(np.isfinite(losses).all(), f"the loss becomes {losses}")
    for weight, old in zip(model.trainable_variables, before, strict=True):
        require(not np.array_equal(array(weight), old), f"{weight.path} gets no gradient")


def model_embeds_each_example(make: Make, batch: _Batch) -> None:
    model = make()
    model(batch.data)  # builds it
    embedding = array(model.embed(batch.data))
    require(embedding.ndim == 2 and len(embedding) == batch.size, f"is {embedding.shape}")
    require(np.isfinite(embedding).all(), "the embedding is not finite")
    equal(model.embed(batch.data), embedding, "the second time")


def model_keeps_its_state_outside_of_training(make: Make, batch: _Batch) -> None:
    """Teachers, queues, banks and centres move in training alone; random seeds may."""
    model = _fitted(make, batch)
    kept = [each for each in model.non_trainable_variables if not _is_seed(each)]
    before = [array(each) for each in kept]
    batch.evaluated(model)
    model.embed(batch.data)
    for variable, old in zip(kept, before, strict=True):
        require(np.array_equal(array(variable), old), f"{variable.path} moves outside of training")


def model_embeds_without_labels(make: Make, batch: _Batch) -> None:
    if not isinstance(batch.data, dict):
        return
    model = _fitted(make, batch)
    labels = (np.zeros(batch.size, "int32"), np.arange(batch.size, dtype="int32") % 2)
    one, other = (array(model.embed({**batch.data, "label": each})) for each in labels)
    require(np.array_equal(one, other), "the embedding depends on the labels of the batch")


def model_comes_back_from_a_file(make: Make, batch: _Batch) -> None:
    model = _fitted(make, batch)
    again = saved_and_loaded(model)
    same_config(again, model, "after saving and loading")
    equal(again.embed(batch.data), model.embed(batch.data), "after saving and loading")


def model_is_the_same_eagerly(make: Make, batch: _Batch) -> None:
    model = _fitted(make, batch)
    seeds = [each for each in model.variables if _is_seed(each)]
    states = [array(each) for each in seeds]
    compiled = batch.evaluated(model)
    for seed, state in zip(seeds, states, strict=True):
        seed.assign(state)
    model.compile("adam", run_eagerly=True)
    eager = batch.evaluated(model)
    _fitted.cache_clear()  # nobody else wants it eager
    values = [list(each.values()) for each in (compiled, eager)]
    close = np.allclose(*values, rtol=1e-4, atol=1e-5)
    require(close, f"compiled the loss and metrics are {compiled}, eagerly {eager}")


def model_is_finite_in_mixed_precision(make: Make, batch: _Batch) -> None:
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make()
        # XLA would take longer to compile it on TensorFlow than all else here.
        model.compile("adam", jit_compile=keras.backend.backend() == "jax")
        losses = [*batch.fit(model), batch.evaluated(model)["loss"]]
        embedding = array(model.embed(batch.data))
    finally:
        keras.config.set_dtype_policy(policy)
    finite = np.isfinite(losses).all() and np.isfinite(embedding).all()
    require(finite, "the loss or the embedding is not finite in mixed_bfloat16")


def model_comes_back_from_its_config(make: Make, batch: _Batch) -> None:
    model = make()
    keeps_its_settings(model)
    same_config(type(model).from_config(model.get_config()), model, "after from_config")


@functools.lru_cache(maxsize=1)
def _fitted(make: Make, batch: _Batch) -> Any:
    """Return a compiled model that was trained on the batch: what takes time is compiling it."""
    model = make()
    model.compile("adam")  # unlike plain gradients, it moves a weight however small its gradient
    batch.fit(model)
    return model


def _is_seed(variable: Any) -> bool:
    return "seed_generator_state" in variable.path
