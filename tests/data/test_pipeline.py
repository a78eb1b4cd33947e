"""The pipeline: what an example looks like depends on (seed, epoch, index) alone."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kssl.data.pipeline import Pipeline
from kssl.errors import UserError
from kssl.pretext import binarize, to_float
from kssl.pretext.random import uniform

COUNT = 50
IMAGES = np.random.RandomState(0).randint(0, 256, (COUNT, 4, 4, 1)).astype("uint8")


def dataset(**more):
    columns = {"image": IMAGES, "number": np.arange(COUNT), "label": np.arange(COUNT) % 3, **more}
    return tf.data.Dataset.from_tensor_slices(columns)


def draw(example, seed=None):
    """A transform that shows what each example was given."""
    return {**example, "draw": uniform(seed, ())}


def pipeline(batch_size=8, seed=0, memory_budget=2**30, transforms=(draw,)):
    return Pipeline(dataset(), transforms, batch_size, seed, memory_budget)


def table(batches):
    """(number, draw) of every example, in the order of training."""
    return [
        (int(number), float(value))
        for batch in batches.as_numpy_iterator()
        for number, value in zip(batch["number"], batch["draw"], strict=True)
    ]


@pytest.fixture(autouse=True, params=[None, 0], ids=["no global seed", "global seed 0"])
def global_seed(request):
    """TensorFlow's global seed, which every run sets, changes nothing here."""
    from tensorflow.python.eager import context

    before = context.global_seed()
    tf.random.set_seed(request.param)
    yield
    tf.random.set_seed(before)


@pytest.fixture(params=[2**30, 0], ids=["in memory", "streamed"])
def budget(request):
    return request.param


def test_an_epoch_shows_each_example_once_in_an_order_of_its_own(budget):
    batches = table(pipeline(memory_budget=budget).train(epochs=3))
    epochs = [batches[first : first + 48] for first in (0, 48, 96)]
    for epoch in epochs:
        numbers = [number for number, _ in epoch]
        assert len(set(numbers)) == 48 and max(numbers) < COUNT
        assert numbers != sorted(numbers)
    assert epochs[0] != epochs[1] != epochs[2]


def test_training_goes_on_anywhere_as_if_it_had_not_stopped(budget):
    whole = table(pipeline(memory_budget=budget).train(epochs=3))
    for done in (0, 1, 6, 7, 13, 17):
        rest = table(pipeline(memory_budget=budget).train(start_step=done, epochs=3))
        assert rest == whole[8 * done :]


def test_draws_depend_on_seed_epoch_and_index_but_not_on_the_batch_size(budget):
    by_batch_size = [dict(table(pipeline(size, memory_budget=budget).train())) for size in (8, 5)]
    common = by_batch_size[0].keys() & by_batch_size[1].keys()
    assert len(common) > 40
    assert all(by_batch_size[0][number] == by_batch_size[1][number] for number in common)
    other = dict(table(pipeline(seed=1, memory_budget=budget).train()))
    assert all(by_batch_size[0][number] != other[number] for number in common & other.keys())


def test_streamed_and_held_examples_draw_the_same():
    held, streamed = (dict(table(pipeline(memory_budget=size).train())) for size in (2**30, 0))
    assert all(held[number] == streamed[number] for number in held.keys() & streamed.keys())


def test_each_transform_has_draws_of_its_own():
    def again(example, seed=None):
        return {**example, "again": uniform(seed, ())}

    batch = next(pipeline(transforms=(draw, again)).train().as_numpy_iterator())
    assert not np.isclose(batch["draw"], batch["again"]).any()


def test_ordered_shows_all_examples_in_order_and_always_the_same(budget):
    subject = pipeline(memory_budget=budget)
    first, second = table(subject.ordered()), table(subject.ordered())
    assert first == second
    assert [number for number, _ in first] == list(range(COUNT))
    assert table(subject.ordered(limit=11)) == first[:11]
    np.testing.assert_array_equal(subject.arrays(transformed=False)["image"], IMAGES)
    assert table(subject.ordered(epoch=0)) != first


def test_a_part_of_what_lies_class_by_class_has_all_classes(budget):
    labels = np.repeat([0, 1, 2, -1], 6)
    numbers = np.arange(24)

    def rows(order, **settings):
        examples = {"x": numbers, "label": labels[order]}
        pipeline = Pipeline(
            tf.data.Dataset.from_tensor_slices(examples), batch_size=5, memory_budget=budget
        )
        return pipeline.arrays(**settings)["x"].tolist()

    assert rows(numbers, limit=8, first=False) == [0, 3, 6, 9, 12, 15, 18, 21]
    assert rows(numbers, limit=8) == list(range(8))  # as asked for
    mixed = np.random.default_rng(0).permutation(24)
    assert rows(mixed, limit=8, first=False) == list(range(8))  # they stand for all as they are
    assert rows(numbers, limit=30, first=False) == rows(numbers) == list(range(24))


def test_no_tuning_thread_keeps_an_iterator_from_ending(budget):
    made = pipeline(memory_budget=budget)
    for batches in (made.train(epochs=2), made.ordered()):
        assert batches.options().autotune.enabled is False


def test_labels_and_text_never_reach_training():
    named = Pipeline(dataset(name=np.array(["x"] * COUNT)), batch_size=8)
    assert set(named.train().element_spec) == {"image", "number"}
    assert set(pipeline().ordered().element_spec) == {"image", "number", "draw"}
    assert "label" in pipeline().arrays()


def test_labels_stay_where_a_model_asks_for_them_and_text_does_not(budget):
    text = np.array(["x"] * COUNT)
    named = Pipeline(dataset(name=text), batch_size=8, memory_budget=budget)
    for batches in (named.train(labels=True), named.ordered(labels=True)):
        assert set(batches.element_spec) == {"image", "number", "label"}
        for batch in batches.as_numpy_iterator():
            np.testing.assert_array_equal(batch["label"], batch["number"] % 3)
    assert set(named.arrays()) == {"image", "number", "label", "name"}
    assert named.has_labels
    assert not Pipeline(dataset(label=text), memory_budget=budget).has_labels


def test_shapes_are_static_and_values_transformed():
    subject = pipeline(transforms=(to_float(), binarize()))
    assert subject.train().element_spec["image"].shape == (8, 4, 4, 1)
    assert set(np.unique(subject.arrays()["image"])) == {0.0, 1.0}


def test_fewer_examples_than_a_batch_are_one_batch():
    subject = pipeline(batch_size=1000)
    assert (subject.batch_size, subject.steps_per_epoch) == (COUNT, 1)
    assert len(table(subject.train(epochs=2))) == 2 * COUNT


def test_the_budget_decides_what_is_held():
    example = 16 + 8 + 8
    assert pipeline(memory_budget=COUNT * example).in_memory
    assert pipeline(memory_budget=COUNT * example).bytes_held == COUNT * example
    assert not pipeline(memory_budget=COUNT * example - 1).in_memory


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: tf.data.Dataset.range(3), "must yield dicts"),
        (lambda: dataset().take(0), "has no examples"),
        (lambda: dataset().repeat(), "never ends"),
    ],
)
def test_refusals_say_what_was_expected(made, message):
    with pytest.raises(UserError, match=message):
        Pipeline(made())


def test_unknown_size_is_counted():
    assert Pipeline(dataset().filter(lambda example: example["number"] < 20)).size == 20
