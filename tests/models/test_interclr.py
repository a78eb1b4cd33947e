"""InterCLR: both losses against NumPy, and when pseudo-labels are made and change."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import ConvNet, ProjectionHead
from kssl.models import InterCLR

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.rand(16, 12, 12, 1).astype("float32")
TAU = 0.3


def batch(part: int) -> dict[str, np.ndarray]:
    """One of two batches of an epoch of 16 images."""
    rows = np.arange(8) + 8 * part
    return {"view_1": IMAGES[rows], "target": rows.astype("int32")}


def small(**settings: Any) -> InterCLR:
    settings = {"clusters": 3, "negatives": 2, "temperature": TAU, **settings}
    model = InterCLR(16, 2, encoder=ConvNet([4, 6]), projector=ProjectionHead(5, 32), **settings)
    model.build({key: (None, *value.shape[1:]) for key, value in batch(0).items()})
    return model


def array(tensor: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def step(model: InterCLR, part: int, training: bool = True) -> tuple[float, np.ndarray]:
    outputs = model(batch(part), training=training)
    loss = float(model.objective(batch(part), outputs, None, training))
    return loss, unit(array(outputs["student"][0]))


def info_nce(positive: float, negatives: np.ndarray) -> float:
    scores = np.array([positive, *negatives]) / TAU
    return float(np.log(np.exp(scores).sum()) - scores[0])


def inter(
    row: np.ndarray, label: int, partner: int, bank: np.ndarray, labels: np.ndarray, margin: float
) -> float:
    """The second loss: against the two most similar rows of other clusters."""
    cosines = bank @ row
    hard = np.sort(cosines[labels != label])[::-1][:2]
    return info_nce(cosines[partner] - margin, hard)


def test_the_first_epoch_tells_instances_apart() -> None:
    model = small()
    for part in (0, 1):
        bank = array(model.bank.rows)
        loss, rows = step(model, part)
        wanted = [
            info_nce(bank[number] @ row, np.delete(bank @ row, number))
            for number, row in zip(batch(part)["target"], rows, strict=True)
        ]
        assert loss == pytest.approx(0.75 * np.mean(wanted), rel=1e-4)
    assert not array(model.labels).any()


@pytest.mark.parametrize("margin", [-0.5, 0.0, 0.2])
def test_then_rows_of_the_same_cluster_are_positives_too(margin: float) -> None:
    model = small(clusters=8, margin=margin, inter_weight=0.4)
    for part in (0, 1):
        step(model, part)
    bank, labels = array(model.bank.rows), np.arange(16) // 2  # two of each: there is no choice
    model._label_all = lambda now: model.labels.assign(labels.astype("int32"))
    loss, rows = step(model, 0)
    first = [
        info_nce(bank[number] @ row, np.delete(bank @ row, number))
        for number, row in enumerate(rows)
    ]
    second = [
        inter(row, labels[number], number ^ 1, bank, labels, margin)
        for number, row in enumerate(rows)
    ]
    assert loss == pytest.approx(0.6 * np.mean(first) + 0.4 * np.mean(second), rel=1e-4)


def test_positives_are_of_the_cluster_and_never_the_example_but_where_it_is_alone() -> None:
    model = small(clusters=3, inter_weight=1.0)
    bank = array(model.bank.rows)
    rows, numbers = unit(RANDOM.normal(size=(4, 5)).astype("float32")), np.array([0, 5, 6, 15])
    labels = np.array([0] * 5 + [1] * 10 + [2], "int32")
    seen = set()
    for _ in range(40):
        given = (numbers.astype("int32"), rows, labels[numbers], labels)
        _, second = model._both(*map(ops.convert_to_tensor, given))
        for place, (number, row) in enumerate(zip(numbers, rows, strict=True)):
            mates = set(np.flatnonzero(labels == labels[number])) - {number} or {number}
            possible = {
                mate: inter(row, labels[number], mate, bank, labels, -0.5) for mate in mates
            }
            close = [
                m for m, v in possible.items() if v == pytest.approx(array(second)[place], rel=1e-4)
            ]
            assert close
            seen |= {(number, mate) for mate in close}
    assert {mate for number, mate in seen if number == 0} == {1, 2, 3, 4}  # all are drawn
    assert {mate for number, mate in seen if number == 15} == {15}


def test_pseudo_labels_are_made_when_the_memory_is_full_and_kept_up_online() -> None:
    model = small()
    for part in (0, 1):
        step(model, part)
    model.objective(batch(0), model(batch(0), training=True), None, True)
    labels, bank = array(model.labels), array(model.bank.rows)
    assert len(set(labels)) > 1
    for part in (1, 0, 1):
        sums = np.stack([bank[labels == each].sum(0) for each in range(3)])
        full = all(each in labels for each in range(3))
        step(model, part)
        old, labels, bank = labels, array(model.labels), array(model.bank.rows)
        own = batch(part)["target"]
        other = np.setdiff1d(np.arange(16), own)
        np.testing.assert_array_equal(labels[other], old[other])
        # The label of the nearest mean of the rows, as these are once those of the batch moved.
        sums = np.stack([bank[old == each].sum(0) for each in range(3)])
        if full:
            np.testing.assert_array_equal(labels[own], (bank[own] @ unit(sums).T).argmax(1))


def test_validation_moves_nothing_and_knows_no_instances() -> None:
    model = small()
    for part in (0, 1, 0):
        step(model, part)
    before = [array(weight) for weight in model.non_trainable_weights]
    bank, labels = array(model.bank.rows), array(model.labels)
    loss, rows = step(model, 1, training=False)
    for one, other in zip(before, model.non_trainable_weights, strict=True):
        if "seed" not in other.path:
            np.testing.assert_array_equal(one, array(other))
    sums = np.stack([bank[labels == each].sum(0) for each in range(3)])
    own = (rows @ unit(sums + 1e-12).T).argmax(1)
    possible = [
        [inter(row, label, mate, bank, labels, -0.5) for mate in np.flatnonzero(labels == label)]
        for row, label in zip(rows, own, strict=True)
    ]
    least, most = (0.25 * np.mean([pick(each) for each in possible]) for pick in (min, max))
    assert least - 1e-5 <= loss <= most + 1e-5


def test_a_large_memory_is_sampled_and_the_logs_tell_of_both_losses() -> None:
    model = InterCLR(40, 2, 3, ConvNet([4]), ProjectionHead(5, 16), negatives=2, hardest=0.5)
    model.compile(keras.optimizers.SGD(0.1))
    for place in range(6):
        logs = model.train_on_batch(batch(place % 2), return_dict=True)
    assert all(np.isfinite(value) for value in logs.values())
    assert logs["instance_loss"] > 0 and logs["inter_loss"] > 0
    assert 0 < logs["clusters_used"] <= 1 and 0 <= logs["labels_changed"] <= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clusters": 17}, "clusters must be from 2 to the number of examples, 16; got 17"),
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"negatives": 0}, "negatives must be at least 1"),
        ({"hardest": 0.0}, "hardest above 0 and at most 1"),
        ({"inter_weight": 1.5}, "inter_weight from 0 to 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InterCLR(16, 2, **{"clusters": 4, **settings})


def test_the_number_of_each_example_is_asked_for() -> None:
    model = small()
    model.compile("adam")
    with pytest.raises(ValueError, match="under 'target'.* transform exemplar before it"):
        model.fit({"view_1": IMAGES}, verbose=0)
