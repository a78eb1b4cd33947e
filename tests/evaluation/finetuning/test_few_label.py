"""Fine-tuning and the number of labels: what is compared, what stays as it is, what is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kssl.errors import UserError
from kssl.evaluation import Skipped, Task, few_label, finetune
from kssl.evaluation.base import digest
from kssl.evaluation.finetuning.classification import FROZEN
from kssl.evaluation.finetuning.comparison import MAJORITY, SCRATCH
from kssl.evaluation.finetuning.heads import Head, of_embedding
from kssl.evaluation.finetuning.network import Networks
from kssl.evaluation.finetuning.protocol import Training, drawn
from kssl.layers import MLP
from kssl.models import AutoEncoder
from kssl.models.inference import encoder_of

PIXELS, COLOURS = "pixels, logistic regression", "colour histogram, logistic regression"


def hidden_rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images whose class is which of two codes they were made from, under much random shading.

    The class is one direction of 64 with little variance; the others say nothing.
    """
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    images = random.standard_normal((count, 8, 8, 1)).astype("float32")
    images[:, 3, 5, 0] = 0.3 * (2 * labels - 1) + 0.02 * images[:, 3, 5, 0]
    return images, labels


@pytest.fixture
def toy(pipeline) -> Task:
    """An autoencoder whose encoder looks at the one pixel that matters, as if it had learnt to."""
    keras.utils.set_random_seed(0)
    model = AutoEncoder(16, encoder=MLP([8]), decoder=MLP([4]))
    model.compile("adam", jit_compile=keras.backend.backend() == "jax")
    model.build((None, 8, 8, 1))
    kernel = np.zeros((64, 8), "float32")
    kernel[3 * 8 + 5, :4], kernel[3 * 8 + 5, 4:] = 10.0, -10.0
    model.encoder.hidden[0].set_weights([kernel, np.zeros(8, "float32")])
    train, test = hidden_rows(200, 0), hidden_rows(300, 1)
    return Task(model, None, pipeline(*train), pipeline(*test), seed=0)


def test_a_good_start_beats_the_same_network_from_scratch(toy):
    before = digest(toy.model)
    (result,) = finetune(labels_per_class=5, max_steps=100, learning_rates=[1e-2])(toy)
    assert result.value > 0.95
    assert result.value > result.baselines[SCRATCH] + 0.1
    assert result.value > result.baselines[PIXELS] + 0.1
    assert result.baselines[FROZEN] > 0.9
    assert result.settings["labels"] == 10 and result.settings["test"] == 300
    assert "10 labelled images in 100 steps" in result.note
    assert digest(toy.model) == before


def test_one_result_for_each_number_of_labels_and_the_deviation_over_draws(toy):
    settings = {"draws": 2, "epochs": 1, "max_steps": 100, "test_examples": 50}
    results = few_label([1, "all"], learning_rates=[1e-2], **settings)(toy)
    assert [each.metric for each in results] == [
        "accuracy, 1 label per class",
        "accuracy, all labels",
    ]
    assert [each.settings["labels"] for each in results] == [2, 200]
    expected = {SCRATCH, FROZEN, PIXELS, COLOURS, MAJORITY}
    assert all(set(each.baselines) == expected for each in results)
    assert "over 2 draws" in results[0].note and "draws" not in results[1].note
    assert results[1].value > 0.95 and results[1].baselines[FROZEN] > 0.95


def test_the_learning_rate_is_chosen_on_labels_that_are_held_out(toy):
    (result,) = finetune(labels_per_class=20, max_steps=100, learning_rates=[30.0, 1e-2])(toy)
    assert result.settings["learning rate, fine-tuned"] == 1e-2
    (few,) = finetune(labels_per_class=4, max_steps=100, learning_rates=[30.0, 1e-2])(toy)
    assert few.settings["learning rate, fine-tuned"] == 30.0  # too few to hold any out


def test_a_training_starts_from_the_given_weights_each_time(toy):
    networks = Networks(toy.model, Head(2, of_embedding))
    examples = toy.train.image, toy.train.label
    start = networks.start(seed=1, trained=True)
    own = encoder_of(toy.model).get_weights()
    for mine, theirs in zip(start, own, strict=False):
        np.testing.assert_array_equal(mine, theirs)
    scratch = networks.start(seed=1, trained=False)
    assert not np.array_equal(scratch[0], start[0])
    training = Training(20, 16, 1e-2)
    first = networks.fit(start, examples, training, seed=3).get_weights()
    networks.fit(scratch, examples, training, seed=4)
    second = networks.fit(start, examples, training, seed=3).get_weights()
    for one, two, began in zip(first, second, start, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)
        assert not np.array_equal(one, began)


def test_labelled_examples_are_drawn_class_by_class():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(np.bincount(labels[drawn(labels, 3, random)]), [3, 3, 3])
    np.testing.assert_array_equal(np.bincount(labels[drawn(labels, 0.1, random)]), [10, 5, 1])
    assert len(set(drawn(labels, 10, random))) == 30


def test_refusals_say_what_was_expected(toy, pipeline):
    with pytest.raises(UserError, match="fraction must be above 0 and at most 1, got 2"):
        finetune(fraction=2)
    with pytest.raises(UserError, match="labels_per_class or fraction, not both; got 5 and 0.1"):
        finetune(0.1, 5)
    with pytest.raises(UserError, match=r"must be numbers above 0, or all; got \[0\]"):
        few_label([0])
    with pytest.raises(UserError, match="learning_rates must be above 0, got -1"):
        finetune(learning_rates=[-1])
    with pytest.raises(Skipped, match="few_label: class 0 has .* fewer than 1000"):
        few_label([1000])(toy)
    toy.train = pipeline(toy.train.image)
    with pytest.raises(Skipped, match="finetune: the data has no labels"):
        finetune()(toy)
