"""What a modality promises: it finds its keys, feeds simple models, and draws an example."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kssl.testing.common import Check, make_checks, require, run_all


def modality_checks(
    make: Callable[[], Any], batch: Mapping[str, np.ndarray], vocabulary: Any = None
) -> list[Check]:
    """Return the checks of a modality.

    Args:
        make: Returns the modality.
        batch: Key -> `(examples, …)` of eight examples or more, with its keys among them.
        vocabulary: What turns ids into text, for text.
    """
    functions = [
        modality_picks_its_keys,
        modality_comes_back_from_its_config,
        modality_feeds_simple_models,
        modality_draws_an_example,
    ]
    return make_checks(make, functions, batch, vocabulary)


def check_modality(
    make: Callable[[], Any], batch: Mapping[str, np.ndarray], vocabulary: Any = None
) -> None:
    """Run all of `modality_checks`."""
    run_all(modality_checks(make, batch, vocabulary))


def modality_picks_its_keys(make: Callable[[], Any], batch: Any, vocabulary: Any) -> None:
    import keras

    modality = make()
    require(modality.name and modality.keys, "it has no name or no keys")
    examples = modality.arrays({**batch, "label": np.zeros(_count(batch))})
    shape = modality.example_shape({key: (None, *part.shape[1:]) for key, part in batch.items()})
    symbolic = keras.tree.flatten(modality.inputs(shape))
    found = [tuple(each.shape[1:]) for each in keras.tree.flatten(examples)]
    declared = [tuple(each.shape[1:]) for each in symbolic]
    require(sorted(found) == sorted(declared), f"inputs are {declared}, the examples {found}")
    try:
        modality.pick({"nothing": np.zeros((2, 2))})
    except KeyError as error:
        require("nothing" in str(error), f"the message does not name what there is: {error}")
        return
    raise AssertionError("a batch without its keys is accepted")


def modality_comes_back_from_its_config(
    make: Callable[[], Any], batch: Any, vocabulary: Any
) -> None:
    import keras

    modality = make()
    config = keras.saving.serialize_keras_object(modality)
    require(keras.saving.deserialize_keras_object(config) == modality, "it is another one")


def modality_feeds_simple_models(make: Callable[[], Any], batch: Any, vocabulary: Any) -> None:
    modality, count = make(), _count(batch)
    examples = modality.arrays(batch)
    raw = modality.raw(examples, examples, vocabulary)
    require(raw, "there is nothing that a simple model reads")
    for name, sides in raw.items():
        for rows in sides:
            right = rows.ndim == 2 and len(rows) == count and np.isfinite(rows).all()
            require(right, f"{name} is {rows.shape}, or not finite, for {count} examples")
    labels = np.arange(count) % 2
    for name, guess in modality.simple_predictions(examples, labels, examples, vocabulary).items():
        require(set(np.unique(guess)) <= {0, 1} and len(guess) == count, f"{name} gives {guess}")


def modality_draws_an_example(make: Callable[[], Any], batch: Any, vocabulary: Any) -> None:
    from matplotlib.figure import Figure

    from kssl.modalities import take

    modality = make()
    axes = Figure().add_subplot()
    modality.draw_example(axes, take(modality.arrays(batch), 0), vocabulary)
    drawn = axes.images or axes.lines or axes.texts or axes.patches or axes.collections
    require(drawn, "nothing is drawn")


def _count(batch: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(batch.values())))
