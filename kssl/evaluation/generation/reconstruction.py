"""Reconstruction error of unseen examples, against PCA of the same width."""

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
    named,
    positive,
    squared_error,
)
from kssl.evaluation.inputs import examples_of, modality_of, principal_components


def reconstruction(batch_size: int = 256) -> Evaluation:
    """Squared error of the test examples' reconstructions, summed over their values.

    Baselines: the same model `untrained`; `PCA` with as many components as the model has latent
    values (the best linear model of that width), fitted on the whole training split and not
    clipped to the range of pixels; the `mean image` (or
    `mean recording`, …) of the training split.

    Args:
        batch_size: Examples at a time; does not change the result.

    Returns:
        A function of a `Task` that returns one `Result`.

    Example:
        >>> (result,) = reconstruction()(task)
        >>> sorted(result.baselines)
        ['PCA', 'mean image', 'untrained']
    """
    positive("batch_size", batch_size)

    def evaluate(task: Task) -> list[Result]:
        from kssl.models.capabilities import HidesPatches, has

        if has(task.model, HidesPatches):
            raise Skipped(
                "the model is given part of the image, so its error compares with no other: "
                "its loss on the test split, or linear and finetune, say how good it is"
            )
        train, test = (tensor_of(split, task.model) for split in (task.train, task.test))
        noun = modality_of(task.model).noun
        with frozen(task.model, task.seed) as weights:
            output = apply(task.model, "reconstruct", test, batch_size=batch_size)
            width = latent_width(task.model, test)
        untrained = apply(task.untrained, "reconstruct", test, batch_size=batch_size)
        pca = principal_components(train, width, task.seed)
        baselines = {
            "untrained": squared_error(test, untrained),
            "PCA": squared_error(test, project(pca, test)),
            f"mean {noun[0]}": squared_error(test, np.broadcast_to(train.mean(axis=0), test.shape)),
        }
        settings = {"width": width, "weights_sha256": weights}
        return [_result(test, output, baselines, settings, noun)]

    return named("reconstruction", evaluate, needs=["Reconstructs"])


def _result(
    test: np.ndarray,
    output: np.ndarray,
    baselines: dict[str, float],
    settings: dict[str, Any],
    noun: tuple[str, str],
) -> Result:
    value = squared_error(test, output)
    size = int(np.prod(test.shape[1:]))
    settings = {**settings, "test": len(test), noun[1]: size}
    note = f"{value / size:.5f} per {noun[1].removesuffix('s')}"
    return Result("reconstruction", metric(noun), value, "lower", baselines, settings, note)


def metric(noun: tuple[str, str]) -> str:
    """Name the squared error of one example of a modality, see `Modality.noun`."""
    return f"squared error per {noun[0]} (sum over {noun[1]})"


def tensor_of(pipeline: Any, model: Any, limit: int | None = None) -> np.ndarray:
    """Return the examples of a split as the one array that a reconstruction is compared with.

    Args:
        pipeline: The split.
        model: What reads them.
        limit: At most so many: the first, evenly spaced where they are in the order of classes.

    Raises:
        Skipped: The modality has several keys.
    """
    examples = examples_of(pipeline, model, limit)
    if not isinstance(examples, dict):
        return examples
    if len(examples) > 1:
        raise Skipped(f"the model reads several tensors: {', '.join(examples)}")
    return next(iter(examples.values()))


def latent_width(model: Any, inputs: np.ndarray) -> int:
    """The width of the bottleneck: `latent_dim`, else that of the embedding."""
    from kssl.models.capabilities import HasLatent, has

    if has(model, HasLatent):
        return int(model.latent_dim)
    return flat(apply(model, "embed", inputs[:1])).shape[1]


def project(pca: Any, inputs: np.ndarray) -> np.ndarray:
    """Inputs as the components of `pca` give them back, in their own shape."""
    return pca.inverse_transform(pca.transform(flat(inputs))).reshape(inputs.shape)
