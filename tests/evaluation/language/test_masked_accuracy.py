"""Accuracy at hidden tokens, against counts done by hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl.errors import UserError
from kssl.evaluation import Skipped, Task, masked_accuracy
from kssl.evaluation.probes import knn
from kssl.modalities import Tokens

TOKENS = np.array([[2, 5, 6, 3, 0], [2, 6, 6, 7, 3], [2, 7, 5, 6, 3]], np.int32)
TARGET = np.array([[-1, 6, -1, -1, -1], [-1, -1, 6, 5, -1], [-1, 6, -1, 7, -1]], np.int32)


class Says(keras.Model):
    """Says one id everywhere, with probability 0.6; the other of two has 0.4."""

    modality = Tokens()
    example_shape = (5,)

    def __init__(self, id: int) -> None:
        super().__init__()
        self.id = id
        self.built = True

    def predict_masked(self, x: dict[str, Any]) -> dict[str, Any]:
        target = ops.cast(x["target"], "int32")
        chance = ops.where(target == self.id, 0.6, 0.4)
        return {
            "target": target,
            "predicted": ops.full_like(target, self.id),
            "log_probability": ops.log(chance),
        }

    def embed(self, x: Any) -> Any:
        return ops.one_hot(x, 9)[:, 1]  # the first word


class Rows:
    """A split of rows, some of whose ids a transform hides."""

    transforms = ()
    vocabulary = None

    def arrays(
        self, limit: int | None = None, transformed: bool = True, **_: Any
    ) -> dict[str, np.ndarray]:
        rows = {"tokens": TOKENS, "label": np.array([0, 1, 0])}
        if transformed:
            rows |= {"tokens": np.where(TARGET >= 0, 4, TOKENS), "target": TARGET}
        return {key: value[:limit] for key, value in rows.items()}


def task(**changes: Any) -> Task:
    return Task(
        **{"model": Says(6), "untrained": Says(7), "train": Rows(), "test": Rows()} | changes
    )


def test_accuracy_and_perplexity_are_over_hidden_tokens() -> None:
    accuracy, perplexity = masked_accuracy()(task())
    assert (accuracy.metric, perplexity.metric) == ("accuracy", "perplexity")
    assert accuracy.value == pytest.approx(3 / 5)
    # Most frequent in what is embedded, before any is hidden: 6, four times; 0 is padding.
    assert accuracy.baselines == pytest.approx({"most frequent token": 3 / 5, "untrained": 1 / 5})
    assert perplexity.value == pytest.approx((0.6**3 * 0.4**2) ** (-1 / 5), rel=1e-5)
    assert perplexity.baselines["untrained"] == pytest.approx((0.6 * 0.4**4) ** (-1 / 5), rel=1e-5)
    counts = np.array([0, 0, 3, 3, 0, 2, 4, 2]) + 1
    shares = counts / counts.sum()
    wanted = np.exp(-np.log(shares[[6, 6, 5, 6, 7]]).mean())
    assert perplexity.baselines["token frequencies"] == pytest.approx(wanted)
    assert accuracy.settings["positions"] == accuracy.settings["selected"] == 5
    assert masked_accuracy(limit=1)(task())[0].value == 1.0


def test_it_says_why_it_does_not_apply(make_blobs: Any, pipeline: Any) -> None:
    with pytest.raises(UserError, match="limit must be above 0"):
        masked_accuracy(limit=0)
    with pytest.raises(Skipped, match="masked_accuracy: it needs a model that predicts masked"):
        masked_accuracy()(task(model=keras.Model()))
    with pytest.raises(Skipped, match="needs the transform mask_tokens"):
        masked_accuracy()(task(test=pipeline(*make_blobs(20, 0))))


def test_a_probe_of_text_sees_the_ids_before_any_was_hidden() -> None:
    (result,) = knn(k=1)(task())
    assert result.value == 1.0  # 5, 6 and 7 are the first words, not the mask
    assert sorted(result.baselines) == [
        "PCA",
        "TF-IDF of words",
        "TF-IDF of words, logistic regression",
        "majority class",
        "untrained",
        "untrained, rescaled",
    ]
