"""How well a model gives back an image that it has not seen, against PCA of the same width."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    apply,
    flat,
    frozen,
    images,
    named,
    positive,
    principal_components,
    require,
    squared_error,
)

METRIC = "squared error per image (sum over pixels)"


def reconstruction(batch_size: int = 256) -> Evaluation:
    """Squared error of the test images' reconstructions, summed over pixels.

    Baselines: the same model `untrained`; `PCA` with as many components as the model has latent
    values (the best linear model of that width), fitted on the whole training split and not
    clipped to the range of pixels; the `mean image` of the training split.

    Args:
        batch_size: Images at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one `Result`.

    Example:
        >>> (result,) = reconstruction()(task)
        >>> sorted(result.baselines)
        ['PCA', 'mean image', 'untrained']
    """
    positive("batch_size", batch_size)

    def evaluate(task: Task) -> list[Result]:
        require(task.model, "reconstruct")
        if callable(getattr(task.model, "hide", None)):
            raise Skipped(
                "the model is given part of the image, so its error compares with no other: "
                "its loss on the test split, or linear and finetune, say how good it is"
            )
        train, test = images(task.train), images(task.test)
        with frozen(task.model, task.seed) as weights:
            output = apply(task.model, "reconstruct", test, batch_size=batch_size)
            width = latent_width(task.model, test)
        untrained = apply(task.untrained, "reconstruct", test, batch_size=batch_size)
        pca = principal_components(train, width, task.seed)
        baselines = {
            "untrained": squared_error(test, untrained),
            "PCA": squared_error(test, project(pca, test)),
            "mean image": squared_error(test, np.broadcast_to(train.mean(axis=0), test.shape)),
        }
        return [_result(test, output, baselines, {"width": width, "weights_sha256": weights})]

    return named("reconstruction", evaluate)


def _result(
    test: np.ndarray, output: np.ndarray, baselines: dict[str, float], settings: dict[str, Any]
) -> Result:
    value = squared_error(test, output)
    pixels = int(np.prod(test.shape[1:]))
    settings = {**settings, "test": len(test), "pixels": pixels}
    note = f"{value / pixels:.5f} per pixel"
    return Result("reconstruction", METRIC, value, "lower", baselines, settings, note)


def latent_width(model: Any, inputs: np.ndarray) -> int:
    """The number of values that an image is pressed into: `latent_dim`, else the embedding's."""
    width = getattr(model, "latent_dim", None)
    return int(width) if width else flat(apply(model, "embed", inputs[:1])).shape[1]


def project(pca: Any, inputs: np.ndarray) -> np.ndarray:
    """Inputs as the components of `pca` give them back, in their own shape."""
    return pca.inverse_transform(pca.transform(flat(inputs))).reshape(inputs.shape)
