"""How close samples are to the data: Fréchet distance, precision and recall, in learned features.

The features are those of a small classifier that the evaluation trains itself, on the labels of
the training split and the images before any transform. So it is the same evaluator for every model
on the same data, whatever its recipe does to the images, and no network has to be downloaded. Its
numbers can be compared with each other, never with published FIDs, which are Inception's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.evaluation.base import (
    Evaluation,
    Result,
    Skipped,
    Task,
    flat,
    frozen,
    named,
    positive,
    to_array,
)
from kssl.evaluation.generation.sample_classifier import train_classifier
from kssl.evaluation.representation import checked_rows

_NOTE = "the distance is biased upwards by few samples: compare equal counts only"


def sample_quality(
    count: int = 1_000,
    guidance: float = 3.0,
    guided: int = 200,
    k: int = 3,
    limit: int | None = 30_000,
) -> Evaluation:
    """Fréchet distance, precision and recall of generated images, against the test images.

    Fréchet distance: of the Gaussians that have the means and covariances of the features (Heusel
    et al. 2017, arXiv:1706.08500). Precision: the fraction of samples within the k-nearest-
    neighbour radius of a test image; recall: the fraction of test images within that of a sample
    (Kynkäänniemi et al. 2019, arXiv:1904.06991). For a model with classes (`model.classes`) also
    the fraction of samples at `guidance` that the classifier recognises as their class.

    Beside the model stand as many training images (what a perfect model would reach), images of a
    `Gaussian` with the mean and covariance of the training pixels, and of `independent pixels`,
    each taken from a training image of its own.

    Args:
        count: Samples, compared with all test images, or, for precision and recall, with as many.
        guidance: The scale s of `uncond + s · (cond - uncond)` of the last number.
        guided: Samples of the last number.
        k: Neighbours of precision and recall; 3 as in the paper.
        limit: The classifier sees so many training images, to bound the time; None: all.

    Returns:
        A function of a `Task` that returns a `Result` for each number. Sampling is what takes its
        time: `count` images, and `guided` of them with two calls of the network for each step.

    Raises:
        UserError: A setting is not above zero.

    Example:
        >>> results = sample_quality(count=500)(task)
        >>> [result.metric for result in results]
        ['Fréchet distance', 'precision', 'recall']
    """
    for name, value in [("count", count), ("guided", guided), ("k", k), ("limit", limit)]:
        positive(name, value)

    def evaluate(task: Task) -> list[Result]:
        return _measured(task, count, guidance, guided, k, limit)

    return named("sample_quality", evaluate, needs=["Generates"], modalities=["image"])


def _measured(
    task: Task, count: int, guidance: float, guided: int, k: int, limit: int | None
) -> list[Result]:
    """Train the classifier, and compare the samples with the test images in its features."""
    train, train_labels = _raw(task.train, limit)
    test, test_labels = _raw(task.test, None)
    if train.shape[1:] != tuple(task.model.example_shape):
        raise Skipped(
            f"the model generates images of {tuple(task.model.example_shape)}, the data has "
            f"{train.shape[1:]}: leave out the transform that changes their size, and give "
            "`size` to the data source"
        )
    classifier = train_classifier(train, train_labels)
    accuracy = float(np.mean(classifier.predict(test) == test_labels))
    with frozen(task.model, task.seed) as weights:
        samples = _generate(task.model, count, task.seed)
        right = _recognised(task.model, classifier, guided, guidance, task.seed)
    number = min(count, len(train), len(test))
    settings = {
        "samples": count,
        "test images": len(test),
        "classifier": classifier.description,
        "classifier_accuracy": accuracy,
        "weights_sha256": weights,
    }
    sources = {"": samples, **_baselines(train, number, task.seed)}
    features = {name: classifier.features(images) for name, images in sources.items()}
    target = classifier.features(test)
    results = _distances(features, target, settings)
    results += _precision_and_recall(features, target[:number], k, settings)
    if right is not None:
        given = {**settings, "samples": guided, "guidance": guidance}
        results.append(_recognition(right, 1.0 / task.model.classes, accuracy, given))
    return results


def _raw(pipeline: Any, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return images as the data set has them, scaled to [0, 1], and their labels."""
    arrays = pipeline.arrays(limit=limit, transformed=False, first=False)
    if "image" not in arrays or "label" not in arrays:
        raise Skipped(
            "needs images with labels: it trains a classifier, in whose features it compares; the "
            f"data has {', '.join(sorted(arrays))}"
        )
    images, labels = arrays["image"], np.asarray(arrays["label"]).reshape(-1)
    if len(np.unique(labels)) < 2:
        raise Skipped(f"all {len(labels)} training examples have one label")
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    return np.asarray(images, np.float32) / scale, labels


def _generate(model: Any, count: int, seed: int, **settings: Any) -> np.ndarray:
    # A VAE makes its images all at once: parts bound the memory.
    parts = [
        to_array(model.generate(min(500, count - start), seed=seed + start, **settings))
        for start in range(0, count, 500)
    ]
    return np.concatenate(parts)


def _recognised(
    model: Any, classifier: Any, guided: int, guidance: float, seed: int
) -> float | None:
    from kssl.models.capabilities import GeneratesClasses, has

    if not has(model, GeneratesClasses) or model.classes is None:
        return None
    classes = model.classes
    labels = np.arange(guided) % classes
    images = model.generate(guided, seed=seed + 1_000_000, labels=labels, guidance=guidance)
    return float(np.mean(classifier.predict(to_array(images)) == labels))


def _recognition(
    right: float, chance: float, of_test_images: float, settings: dict[str, Any]
) -> Result:
    return Result(
        "sample_quality",
        "recognised as their class",
        right,
        "higher",
        {"chance": chance, "test images": of_test_images},
        settings,
        note="guidance s: uncond + s (cond - uncond), 1 is off",
    )


def _baselines(train: np.ndarray, count: int, seed: int) -> dict[str, np.ndarray]:
    """Return the training images themselves, and samples of two simple models of them."""
    random = np.random.default_rng(seed)
    rows = flat(train)
    chosen = random.integers(0, len(rows), (count, rows.shape[1]))
    independent = rows[chosen, np.arange(rows.shape[1])]  # (count, pixels)
    mean = rows.mean(axis=0)
    centred = (rows[:10_000] - mean).astype(np.float32)
    # A random mix of centred rows has their covariance.
    mixed = random.standard_normal((count, len(centred)), dtype=np.float32) @ centred
    gaussian = np.clip(mean + mixed / np.sqrt(len(centred)), 0.0, 1.0)
    shape = (count, *train.shape[1:])
    return {
        "training images": train[:count],
        "Gaussian": gaussian.reshape(shape).astype(np.float32),
        "independent pixels": independent.reshape(shape),
    }


def _distances(
    features: dict[str, np.ndarray], target: np.ndarray, settings: dict[str, Any]
) -> list[Result]:
    found = {name: frechet_distance(rows, target) for name, rows in features.items()}
    value = found.pop("")
    return [
        Result("sample_quality", "Fréchet distance", value, "lower", found, settings, note=_NOTE)
    ]


def _precision_and_recall(
    features: dict[str, np.ndarray], target: np.ndarray, k: int, settings: dict[str, Any]
) -> list[Result]:
    pairs = {
        name: precision_recall(rows[: len(target)], target, k) for name, rows in features.items()
    }
    given = {**settings, "k": k, "test images": len(target)}
    return [
        Result(
            "sample_quality",
            metric,
            pairs[""][place],
            "higher",
            {name: pair[place] for name, pair in pairs.items() if name},
            given,
        )
        for place, metric in enumerate(("precision", "recall"))
    ]


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Fréchet distance of the Gaussians that fit two sets of features, in float64.

    `|μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½)`; the trace of the root is the sum of the roots of the
    eigenvalues of `Σ₁^½ Σ₂ Σ₁^½`, which is symmetric, so that nothing becomes complex.

    Args:
        first: (N, features), N at least 2.
        second: (M, features).

    Example:
        >>> rows = np.array([[-1.0], [1.0]])
        >>> frechet_distance(rows, rows + 3.0)
        9.0
    """
    (mean, covariance), (other_mean, other_covariance) = map(_moments, (first, second))
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    products = np.linalg.eigvalsh(root @ other_covariance @ root)
    cross = np.sqrt(np.maximum(products, 0.0)).sum()
    spread = np.trace(covariance) + np.trace(other_covariance) - 2.0 * cross
    return float(np.square(mean - other_mean).sum() + spread)


def _moments(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = checked_rows(rows, np.float64)
    if len(rows) < 2 or rows.ndim != 2:
        raise ValueError(f"needs two rows of features or more; got the shape {rows.shape}")
    return rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False))


def precision_recall(samples: np.ndarray, target: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Precision and recall of samples by k nearest neighbours.

    Args:
        samples: (N, features), N above k.
        target: (M, features) of true data, M above k.
        k: A row's radius is the distance to its k-th nearest other row of its own set.

    Returns:
        The fraction of samples within the radius of a true row, and that of true rows within
        that of a sample.

    Example:
        >>> target = np.arange(8.0)[:, None]
        >>> precision_recall(target[:5], target, k=1)
        (1.0, 0.75)
    """
    for name, rows in (("samples", samples), ("target", target)):
        if len(rows) <= k:
            raise ValueError(f"{name} must have more than k={k} rows; got {len(rows)}")
    samples, target = np.asarray(samples, np.float64), np.asarray(target, np.float64)
    between = _squared_distances(samples, target)  # (samples, target)
    precision = (between <= _radii(target, k)).any(axis=1).mean()
    recall = (between <= _radii(samples, k)[:, None]).any(axis=0).mean()
    return float(precision), float(recall)


def _radii(rows: np.ndarray, k: int) -> np.ndarray:
    """Return the squared distance of each row to its k-th nearest other row."""
    return np.partition(_squared_distances(rows, rows), k, axis=1)[:, k]  # the nearest is itself


def _squared_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    lengths = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)
    return np.maximum(lengths - 2.0 * first @ second.T, 0.0)
