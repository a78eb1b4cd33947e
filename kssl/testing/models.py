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
