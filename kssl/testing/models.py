"""What a model promises: it trains, embeds, and comes back from a file as it was."""

from __future__ import annotations

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


def model_checks(make: Callable[[], Any], batch: Any) -> list[Check]:
    """Return the checks of a model.

    Args:
        make: Returns the model, with settings that are not all defaults.
        batch: An array, or a dict of arrays: what it is trained on, two examples or more.
    """
    functions = [
        model_trains_every_weight,
        model_embeds_each_example,
        model_keeps_its_state_outside_of_training,
        model_is_the_same_eagerly,
        model_is_finite_in_mixed_precision,
        model_embeds_without_labels,
        model_comes_back_from_its_config,
        model_comes_back_from_a_file,
    ]
    return make_checks(make, functions, batch)


def check_model(make: Callable[[], Any], batch: Any) -> None:
    """Run all of `model_checks`."""
    run_all(model_checks(make, batch))


def model_trains_every_weight(make: Callable[[], Any], batch: Any) -> None:
    model = _fitted(make, batch)
    before = [array(weight) for weight in model.trainable_variables]
    losses = model.fit(batch, epochs=2, batch_size=_length(batch), verbose=0).history["loss"]
    require(np.isfinite(losses).all(), f"the loss becomes {losses}")
    for weight, old in zip(model.trainable_variables, before, strict=True):
        require(not np.array_equal(array(weight), old), f"{weight.path} gets no gradient")


def model_embeds_each_example(make: Callable[[], Any], batch: Any) -> None:
    model = make()
    model(batch)  # builds it
    embedding = array(model.embed(batch))
    require(embedding.ndim == 2 and len(embedding) == _length(batch), f"is {embedding.shape}")
    require(np.isfinite(embedding).all(), "the embedding is not finite")
    equal(model.embed(batch), embedding, "the second time")


def model_keeps_its_state_outside_of_training(make: Callable[[], Any], batch: Any) -> None:
    """Teachers, queues, banks and centres move in training alone; random seeds may."""
    model = _fitted(make, batch)
    kept = [each for each in model.non_trainable_variables if not _is_seed(each)]
    before = [array(each) for each in kept]
    model.evaluate(batch, batch_size=_length(batch), verbose=0)
    model.embed(batch)
    for variable, old in zip(kept, before, strict=True):
        require(np.array_equal(array(variable), old), f"{variable.path} moves outside of training")


def model_is_the_same_eagerly(make: Callable[[], Any], batch: Any) -> None:
    model = _fitted(make, batch)
    seeds = [each for each in model.variables if _is_seed(each)]
    states = [array(each) for each in seeds]
    losses = []
    for eagerly in (False, True):
        for seed, state in zip(seeds, states, strict=True):
            seed.assign(state)
        model.compile("adam", run_eagerly=eagerly)
        losses.append(model.evaluate(batch, batch_size=_length(batch), verbose=0, return_dict=True))
    compiled, eager = (np.array(list(each.values())) for each in losses)
    close = np.allclose(compiled, eager, rtol=1e-4, atol=1e-5)
    require(close, f"compiled the loss and metrics are {compiled}, eagerly {eager}")


def model_is_finite_in_mixed_precision(make: Callable[[], Any], batch: Any) -> None:
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = _fitted(make, batch)
        loss = model.evaluate(batch, batch_size=_length(batch), verbose=0, return_dict=True)["loss"]
        embedding = array(model.embed(batch))
    finally:
        keras.config.set_dtype_policy(policy)
    finite = np.isfinite(loss) and np.isfinite(embedding).all()
    require(finite, "the loss or the embedding is not finite in mixed_bfloat16")


def model_embeds_without_labels(make: Callable[[], Any], batch: Any) -> None:
    if not isinstance(batch, dict):
        return
    model = _fitted(make, batch)
    length = _length(batch)
    labels = (np.zeros(length, "int32"), np.arange(length, dtype="int32") % 2)
    one, other = (array(model.embed({**batch, "label": each})) for each in labels)
    require(np.array_equal(one, other), "the embedding depends on the labels of the batch")


def model_comes_back_from_its_config(make: Callable[[], Any], batch: Any) -> None:
    model = make()
    keeps_its_settings(model)
    same_config(type(model).from_config(model.get_config()), model, "after from_config")


def model_comes_back_from_a_file(make: Callable[[], Any], batch: Any) -> None:
    model = _fitted(make, batch)
    again = saved_and_loaded(model)
    same_config(again, model, "after saving and loading")
    equal(again.embed(batch), model.embed(batch), "after saving and loading")


def _fitted(make: Callable[[], Any], batch: Any) -> Any:
    """Return a compiled model, built by training on the batch."""
    model = make()
    model.compile("adam")  # unlike plain gradients, it moves a weight however small its gradient
    model.fit(batch, epochs=1, batch_size=_length(batch), verbose=0)
    return model


def _length(batch: Any) -> int:
    return len(next(iter(batch.values())) if isinstance(batch, dict) else batch)


def _is_seed(variable: Any) -> bool:
    return "seed_generator_state" in variable.path
