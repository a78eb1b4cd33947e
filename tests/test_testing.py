"""The public checks pass good parts (test_contract) and name what is wrong with bad ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from kssl import testing

IMAGES = {"image": np.random.default_rng(0).random((6, 4, 4, 1), dtype=np.float32)}


def failures(checks: list[testing.Check], only: str | None = None) -> dict[str, str]:
    """Return the names of the checks that fail, with their messages; all of them, or one is run."""
    failed = {}
    for check in checks:
        name = check.name.split("-", 1)[1]
        try:
            if only in (None, name):
                check()
        except Exception as error:
            failed[name] = str(error)
    return failed


@keras.saving.register_keras_serializable(package="tests")
class Whole(keras.losses.Loss):
    spans_batch = True

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.sum(keras.ops.square(y_true - y_pred))


@keras.saving.register_keras_serializable(package="tests")
class Ordered(keras.losses.Loss):
    spans_batch = True

    def call(self, y_true: Any, y_pred: Any) -> Any:
        rank = keras.ops.arange(keras.ops.shape(y_true)[0], dtype=y_true.dtype)
        return keras.ops.sum(keras.ops.square(y_true - y_pred), axis=-1) * rank


@keras.saving.register_keras_serializable(package="tests")
class Overflowing(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.log(keras.ops.sum(keras.ops.exp(12.0 * (y_true + y_pred)), axis=-1))


@keras.saving.register_keras_serializable(package="tests")
class Forgetful(keras.losses.Loss):
    def __init__(self, scale: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.scale * keras.ops.sum(keras.ops.square(y_true - y_pred), axis=-1)


class Unregistered(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.sum(keras.ops.square(y_true - y_pred), axis=-1)


@keras.saving.register_keras_serializable(package="tests")
class Unweighted(Unregistered):
    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().__call__(y_true, y_pred)


@keras.saving.register_keras_serializable(package="tests")
class Rooted(keras.losses.Loss):
    spans_batch = True

    def call(self, y_true: Any, y_pred: Any) -> Any:
        corner = keras.ops.max(y_pred, axis=0)
        return keras.ops.sqrt(keras.ops.sum(keras.ops.square(y_pred - corner), axis=-1))


@keras.saving.register_keras_serializable(package="tests")
class Centred(keras.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return keras.ops.sum(keras.ops.square(y_pred - keras.ops.mean(y_pred, axis=0)), axis=-1)


@pytest.mark.parametrize(
    ("make", "failing"),
    [
        (Whole, ["loss_is_per_example"]),
        (Ordered, ["loss_ignores_the_order_of_examples"]),
        (Overflowing, ["loss_is_finite_in_half_precision"]),
        (
            lambda: Forgetful(scale=3.0),
            ["loss_comes_back_from_its_config", "loss_comes_back_in_a_compiled_model"],
        ),
        (Unregistered, ["loss_comes_back_in_a_compiled_model"]),
        (Unweighted, ["loss_takes_sample_weights"]),
        (Rooted, ["loss_is_finite_when_all_examples_are_equal"]),
        (Centred, ["loss_says_whether_it_spans_the_batch"]),
    ],
)
def test_a_loss_that_breaks_a_promise(make: Callable[[], Any], failing: list[str]) -> None:
    assert list(failures(testing.loss_checks(make, large=None))) == failing


def test_a_loss_that_squares_in_half_precision() -> None:
    assert "loss_is_finite_for_large_values" in failures(testing.loss_checks(Unweighted))


def forgets_others(example: Any, seed: Any = None) -> Any:
    return {"image": example["image"]}


def changes_its_input(example: Any, seed: Any = None) -> Any:
    example["image"] = tf.cast(example["image"], tf.float32) + 1.0
    return example


def draws_its_own(example: Any, seed: Any = None) -> Any:
    return {**example, "image": example["image"] + tf.random.uniform([])}


def depends_on_the_batch(example: Any, seed: Any = None) -> Any:
    return {**example, "image": example["image"] / tf.reduce_max(example["image"])}


def draws_with_keras(example: Any, seed: Any = None) -> Any:
    noise = keras.random.uniform(tf.shape(example["image"]), seed=3)
    return {**example, "image": example["image"] + noise}


def says_nothing_of_keys(example: Any, seed: Any = None) -> Any:
    if "image" not in example:
        raise KeyError("image")
    return dict(example)


def says_nothing_of_shapes(example: Any, seed: Any = None) -> Any:
    if example["image"].shape.rank > 4:
        raise ValueError("wrong number of dimensions")
    return dict(example)


def claims_to_be_random(example: Any, seed: Any = None) -> Any:
    return dict(example)


def hides_that_it_is_random(example: Any, seed: Any = None) -> Any:
    first = tf.cast(tf.reshape(seed, [-1, 2])[:, 0], tf.float32)
    return {**example, "image": example["image"] + tf.reshape(first, [-1, 1, 1, 1])}


claims_to_be_random.random, hides_that_it_is_random.random = True, False


def loses_shapes(example: Any, seed: Any = None) -> Any:
    image = tf.numpy_function(lambda value: value, [example["image"]], tf.float32)
    return {**example, "image": image}


@pytest.mark.parametrize(
    ("function", "failing"),
    [
        (forgets_others, "transform_leaves_its_input_alone"),
        (changes_its_input, "transform_leaves_its_input_alone"),
        (draws_its_own, "transform_depends_on_seed_and_example_only"),
        (depends_on_the_batch, "transform_depends_on_seed_and_example_only"),
        (depends_on_the_batch, "transform_is_the_same_in_batches_of_any_size"),
        (loses_shapes, "transform_has_static_shapes"),
        (draws_with_keras, "transform_uses_tensorflow_alone"),
        (says_nothing_of_keys, "transform_names_a_missing_key"),
        (says_nothing_of_shapes, "transform_names_a_wrong_rank"),
        (claims_to_be_random, "transform_draws_by_the_seed"),
        (hides_that_it_is_random, "transform_draws_by_the_seed"),
    ],
)
def test_a_transform_that_breaks_a_promise(function: Any, failing: str) -> None:
    assert failing in failures(testing.transform_checks(lambda: function, IMAGES), failing)


class Model(keras.Model):
    """A good model, but for what the subclasses change."""

    def __init__(self, width: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.inside = keras.layers.Dense(width)
        self.outside = keras.layers.Dense(16)

    def build(self, input_shape: Any) -> None:
        self.inside.build((None, 16))
        self.outside.build((None, self.width))
        self.built = True

    def embed(self, x: Any) -> Any:
        return self.inside(keras.ops.reshape(x["image"], (-1, 16)))

    def call(self, x: Any) -> Any:
        return self.outside(self.embed(x))

    def compute_loss(self, x: Any, y: Any, y_pred: Any, *others: Any, **more: Any) -> Any:
        image = keras.ops.reshape(x["image"], (-1, 16))
        return keras.ops.mean(keras.ops.square(keras.ops.cast(y_pred, "float32") - image))


@keras.saving.register_keras_serializable(package="tests")
class Good(Model):
    def get_config(self) -> dict[str, Any]:
        return {**keras.Model.get_config(self), "width": self.width}


@keras.saving.register_keras_serializable(package="tests")
class WithoutConfig(Model):
    """Keras then saves the default width."""


@keras.saving.register_keras_serializable(package="tests")
class Idle(Good):
    def call(self, x: Any) -> Any:
        return self.outside(keras.ops.stop_gradient(self.embed(x)))


@keras.saving.register_keras_serializable(package="tests")
class Square(Good):
    def embed(self, x: Any) -> Any:
        return super().embed(x)[:, None]

    def call(self, x: Any) -> Any:
        return self.outside(self.embed(x)[:, 0])


@keras.saving.register_keras_serializable(package="tests")
class Restless(Good):
    """Counts its calls, in validation too."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, x: Any) -> Any:
        self.calls.assign_add(1.0)
        return super().call(x)


@keras.saving.register_keras_serializable(package="tests")
class Leaking(Good):
    """Embeds the label with the image."""

    def embed(self, x: Any) -> Any:
        label = keras.ops.cast(x.get("label", 0.0), "float32")
        return super().embed(x) + keras.ops.reshape(label, (-1, 1))


@pytest.mark.parametrize(
    ("cls", "failing", "message"),
    [
        (Restless, "model_keeps_its_state_outside_of_training", "moves outside of training"),
        (Leaking, "model_embeds_without_labels", "depends on the labels"),
        (WithoutConfig, "model_comes_back_from_its_config", "only defaults"),
        (Idle, "model_trains_every_weight", "gets no gradient"),
        (Square, "model_embeds_each_example", "(6, 1, 4)"),
    ],
)
def test_a_model_that_breaks_a_promise(cls: Any, failing: str, message: str) -> None:
    assert message in failures(testing.model_checks(lambda: cls(width=4), IMAGES), failing)[failing]


def test_a_good_model_keeps_all_promises() -> None:
    assert failures(testing.model_checks(lambda: Good(width=4), IMAGES)) == {}


@pytest.mark.parametrize(
    ("wrong", "failing"),
    [
        ("same everywhere", "dataset_splits_do_not_overlap"),
        ("shuffled", "dataset_is_the_same_each_time"),
        ("bare", "dataset_has_dicts_of_tensors"),
        ("any split", "dataset_refuses_an_unknown_split"),
    ],
)
def test_a_dataset_that_breaks_a_promise(wrong: str, failing: str) -> None:
    splits = ["train", "validation", "test"]

    def dataset(split: str) -> tf.data.Dataset:
        if split not in splits and wrong != "any split":
            raise ValueError(f"{split} is none of {splits}")
        first = 0 if wrong == "same everywhere" or split not in splits else splits.index(split)
        numbers = tf.data.Dataset.range(100 * first, 100 * first + 100)
        numbers = numbers.shuffle(100) if wrong == "shuffled" else numbers
        return numbers if wrong == "bare" else numbers.map(lambda number: {"number": number})

    assert failing in failures(testing.dataset_checks(dataset))


def test_strings_are_compared_by_what_they_say() -> None:
    def dataset(split: str, same: bool = False) -> tf.data.Dataset:
        testing.common.require(split in ("train", "validation", "test"), "no split")
        return tf.data.Dataset.from_tensors({"texts": ["a", "" if same else split]})

    assert list(failures(testing.dataset_checks(dataset))) == ["dataset_refuses_an_unknown_split"]
    failed = failures(testing.dataset_checks(partial(dataset, same=True)))
    assert "share examples" in failed["dataset_splits_do_not_overlap"]


def test_a_recipe_that_breaks_a_promise(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("data: digits\nmodel: {use: autoencoder, latent_dims: 3}\n")
    failed = failures(testing.recipe_checks(path))
    assert "did you mean 'latent_dim'" in failed["recipe_fits_its_parts"]
    assert "no comment" in failed["recipe_explains_itself"]


def test_the_names_of_checks_are_readable() -> None:
    names = [check.name for check in testing.loss_checks(lambda: Forgetful(scale=2.0))]
    assert "Forgetful-loss_is_per_example" in names
    assert [check.name for check in testing.loss_checks(Whole)][0].startswith("Whole-")
