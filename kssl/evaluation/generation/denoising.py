"""How well a model removes noise, against a model of the same size trained without noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.errors import RunError
from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    apply,
    frozen,
    named,
    positive,
    squared_error,
)
from kssl.evaluation.generation.reconstruction import latent_width, metric, project, tensor_of
from kssl.evaluation.inputs import modality_of, principal_components

_CHUNK = 1000  # examples corrupted at a time; fixed, so that no setting changes the noise


def denoising(
    amount: float | None = None,
    seed: int = 0,
    plain: bool = True,
    batch_size: int = 256,
) -> Evaluation:
    """Squared error between the clean test image and the reconstruction of its corrupted copy.

    Baselines: the `corrupted input` itself; a `plain twin`, the same model trained with the same
    optimizer, data and epochs but without corruption, given the corrupted input; the same model
    `untrained`; `PCA` of the same width, fitted on clean training images and applied to the
    corrupted input.

    Args:
        amount: How much to corrupt; None: as in training.
        seed: Of the corruption of the test images; every model gets the same corrupted images.
        plain: Train the twin: it costs as much time as the training did.
        batch_size: Images at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one `Result`.

    Example:
        >>> (result,) = denoising(plain=False)(task)
        >>> sorted(result.baselines)
        ['PCA', 'corrupted input', 'untrained']
    """
    positive("batch_size", batch_size)

    def evaluate(task: Task) -> list[Result]:
        clean = tensor_of(task.test, task.model)
        with frozen(task.model, seed) as weights:
            noisy = _corrupted(task.model, clean, amount, seed)
            value = squared_error(clean, _output(task.model, noisy, batch_size))
        baselines = _baselines(task, clean, noisy, batch_size)
        if plain:
            output = _output(_plain_twin(task), noisy, batch_size)
            baselines["plain twin"] = squared_error(clean, output)
        settings = {
            "noise": _corruption(task.model)["noise"],
            "amount": _corruption(task.model)["amount"] if amount is None else amount,
            "seed": seed,
            "test": len(clean),
            "weights_sha256": weights,
        }
        named_so = metric(modality_of(task.model).noun)
        return [Result("denoising", named_so, value, "lower", baselines, settings)]

    return named("denoising", evaluate, needs=["Corrupts", "Reconstructs"])


def _output(model: Any, inputs: np.ndarray, batch_size: int) -> np.ndarray:
    return apply(model, "reconstruct", inputs, batch_size=batch_size)


def _baselines(
    task: Task, clean: np.ndarray, noisy: np.ndarray, batch_size: int
) -> dict[str, float]:
    train = tensor_of(task.train, task.model)
    pca = principal_components(train, latent_width(task.model, clean), task.seed)
    untrained = _output(task.untrained, noisy, batch_size)
    return {
        "corrupted input": squared_error(clean, noisy),
        "untrained": squared_error(clean, untrained),
        "PCA": squared_error(clean, project(pca, noisy)),
    }


def _corrupted(model: Any, clean: np.ndarray, amount: float | None, seed: int) -> np.ndarray:
    if amount is None:
        return apply(model, "corrupt", clean, batch_size=_CHUNK)
    other = _with_amount(model, amount)
    with frozen(other, seed):
        return apply(other, "corrupt", clean, batch_size=_CHUNK)


def _with_amount(model: Any, amount: float) -> Any:
    """The same configuration with another amount of its corruption; its weights are fresh."""
    config = model.get_config()
    layer = config.get("corruption")
    if "amount" in config:
        config = {**config, "amount": amount}
    elif isinstance(layer, dict) and "amount" in layer["config"]:
        inner = {**layer["config"], "amount": amount}
        config = {**config, "corruption": {**layer, "config": inner}}
    else:
        raise Skipped(f"{type(model).__name__} has no setting 'amount' of its corruption")
    return type(model).from_config(config)


def _corruption(model: Any) -> dict[str, Any]:
    """What is done to the input, from the configuration of the model or of its layer."""
    config = model.get_config()
    layer = config.get("corruption")
    inner = layer["config"] if isinstance(layer, dict) else {}
    name = config.get("noise", inner.get("noise", layer and layer["class_name"]))
    name = name["class_name"] if isinstance(name, dict) else name
    return {"noise": name or "", "amount": config.get("amount", inner.get("amount"))}


def _plain_twin(task: Task) -> Any:
    """The same model, trained alike, but without corruption."""
    import keras

    if task.optimizer is None or task.fit is None:
        raise RunError(
            "the plain twin needs the task's optimizer and fit settings to be trained alike;"
            " give them, or set plain: false"
        )
    keras.utils.set_random_seed(task.seed)
    twin = _with_amount(task.model, 0.0)
    own = {id(weight) for weight in task.model.weights}
    twin.compile(optimizer=task.optimizer())
    steps = task.fit.steps_per_epoch or task.train.steps_per_epoch
    epochs = task.fit.epochs
    data = task.train.train(epochs=epochs)  # shuffled already
    twin.fit(data, epochs=epochs, steps_per_epoch=steps, shuffle=False, verbose=0)
    if any(id(weight) in own for weight in twin.weights):
        raise RunError(
            f"{type(twin).__name__}.from_config gave a model that shares weights with the one"
            " whose configuration it was given; its get_config must serialise its layers"
        )
    return twin
