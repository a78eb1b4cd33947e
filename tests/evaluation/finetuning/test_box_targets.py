"""Heat maps by hand, and boxes that come back from what a head is to give."""

from __future__ import annotations

import numpy as np
import pytest

from kssl.evaluation.finetuning.box_scores import Truth, intersection_over_union
from kssl.evaluation.finetuning.box_targets import radius, to_boxes, to_target


def truth(boxes: list[list[float]], classes: list[int], ignored: list[bool] | None = None) -> Truth:
    of = np.zeros(len(boxes), bool) if ignored is None else np.array(ignored)
    return Truth(np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, int), of)


@pytest.mark.parametrize(("width", "height"), [(10, 10), (3, 20), (0.5, 0.5)])
def test_a_box_shifted_by_the_radius_overlaps_itself_by_seven_tenths(
    width: float, height: float
) -> None:
    shift = radius(width, height)
    assert 0 < shift < min(width, height)
    boxes = np.array([[0, 0, width, height], [shift, shift, width + shift, height + shift]])
    assert intersection_over_union(boxes[:1], boxes[1:])[0, 0] == pytest.approx(0.7)


def test_heat_offset_and_size_of_one_object() -> None:
    # Of 8 x 4 cells: from 1 to 5 across and from 1.5 to 3 down, so the centre is (3, 2.25).
    target = to_target(truth([[1 / 8, 1.5 / 4, 5 / 8, 3 / 4]], [1]), (4, 8), 2)
    assert target.shape == (4, 8, 2 + 4 + 2)
    assert target[..., 0].max() == 0  # the other class
    shift = (5.5 - np.sqrt(5.5**2 - 4 * (1 - 1.4 / 1.7) * 4 * 1.5)) / 2
    sigma = (2 * shift + 1) / 6
    for row, column in [(2, 3), (2, 4), (1, 3), (3, 5), (0, 0)]:
        squared = (row - 2) ** 2 + (column - 3) ** 2
        assert target[row, column, 1] == pytest.approx(np.exp(-squared / (2 * sigma**2)), rel=1e-5)
    assert target[2, 3, 1] == 1.0
    np.testing.assert_allclose(target[2, 3, 2:6], [0.0, 0.25, 4.0, 1.5], atol=1e-6)
    assert target[..., 6].sum() == target[2, 3, 6] == 1.0
    assert (target[..., 7] == 1).all()


def test_heat_of_two_objects_is_the_higher_one_and_the_smaller_one_has_the_cell() -> None:
    boxes = [[0.45, 0.45, 0.6, 0.6], [0.1, 0.1, 1.0, 1.0]]
    for order in ([0, 1], [1, 0]):
        both = to_target(truth([boxes[each] for each in order], [0, 0]), (8, 8), 1)
        alone = [to_target(truth([each], [0]), (8, 8), 1)[..., 0] for each in boxes]
        np.testing.assert_allclose(both[..., 0], np.maximum(*alone), rtol=1e-6)
        np.testing.assert_allclose(both[4, 4, 3:5], [1.2, 1.2], rtol=1e-5)
        assert both[..., -2].sum() == 1


def test_there_is_no_background_within_what_is_ignored() -> None:
    target = to_target(truth([[0.25, 0.0, 0.55, 0.5]], [0], [True]), (4, 4), 1)
    assert target[..., :-1].max() == 0
    expected = np.ones((4, 4))
    expected[:2, 1:3] = 0
    np.testing.assert_array_equal(target[..., -1], expected)
    empty = to_target(truth([], []), (4, 4), 1)
    assert empty[..., :-1].max() == 0 and empty[..., -1].min() == 1


def test_a_centre_at_the_very_edge_is_in_the_last_cell() -> None:
    target = to_target(truth([[1.0, 0.5, 1.0, 1.5]], [0]), (4, 4), 1)
    assert target[3, 3, 0] == 1.0 and target[3, 3, 1] == pytest.approx(1.0)


def perfect(target: np.ndarray, classes: int) -> np.ndarray:
    """What a head gives that has learnt a target."""
    heat = np.clip(target[..., :classes], 1e-4, 1 - 1e-4)
    logits = np.log(heat / (1 - heat))
    return np.concatenate([logits, target[..., classes : classes + 4]], axis=-1)


def test_boxes_come_back() -> None:
    random, seen = np.random.default_rng(0), 0
    for _ in range(20):
        count, classes = random.integers(1, 6), 3
        cells = random.choice(16, count, replace=False)  # 4 x 4 places, four cells apart
        centre = np.stack([cells % 4, cells // 4], 1) / 4 + 1 / 8 + random.uniform(0, 0.05)
        half = random.uniform(0.02, 0.07, (count, 2))  # within the image
        boxes = np.concatenate([centre - half, centre + half], 1)
        own = truth(boxes.tolist(), random.integers(0, classes, count).tolist())
        found = to_boxes(perfect(to_target(own, (16, 16), classes), classes), classes)
        best = found.scores > 0.9
        assert best.sum() == count
        overlaps = intersection_over_union(own.boxes, found.boxes[best])
        np.testing.assert_allclose(overlaps.max(axis=1), 1.0, atol=1e-4)
        np.testing.assert_array_equal(found.classes[best][overlaps.argmax(axis=1)], own.classes)
        assert (np.diff(found.scores) <= 0).all()
        seen += count
    assert seen > 40


def test_a_peak_is_not_below_its_eight_neighbours() -> None:
    outputs = np.full((5, 5, 1 + 4), -9.0)
    outputs[..., 1:] = [0.5, 0.5, 1.0, 1.0]
    outputs[1, 1, 0], outputs[2, 2, 0], outputs[4, 4, 0], outputs[4, 3, 0] = 2.0, 1.0, 0.0, 0.0
    found = to_boxes(outputs, 1)
    surest = found.boxes[found.scores > 0.4]
    expected = np.array([[1, 1, 2, 2], [3, 4, 4, 5], [4, 4, 5, 5]]) / 5  # equal ones are both there
    np.testing.assert_allclose(surest[np.lexsort(surest.T[::-1])], expected)
    np.testing.assert_allclose(found.scores[0], 1 / (1 + np.exp(-2)))
    assert len(to_boxes(outputs, 1, most=2).boxes) == 2
    outputs[1, 1, 3:] = [-1.0, 40.0]  # cut at the edges; no width below none
    np.testing.assert_allclose(to_boxes(outputs, 1).boxes[0], [0.3, 0.0, 0.3, 1.0])
