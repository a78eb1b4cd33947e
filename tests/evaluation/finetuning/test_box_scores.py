"""Overlaps and average precision, with values by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from kssl.evaluation.finetuning.box_scores import (
    Found,
    Truth,
    average_precision,
    constant_boxes,
    intersection_over_union,
    mean_average_precision,
)

A, B, C = [0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]
NEAR_A = [0, 0, 10, 8]  # overlaps A by 0.8


def truth(boxes: Sequence[list[int]], classes: Sequence[int], ignored: Sequence[int] = ()) -> Truth:
    of = np.isin(np.arange(len(boxes)), ignored)
    return Truth(np.array(boxes, float).reshape(-1, 4), np.array(classes, int), of)


def found(*rows: tuple[list[int], int, float]) -> Found:
    boxes, classes, scores = zip(*rows, strict=True) if rows else ((), (), ())
    return Found(
        np.array(boxes, float).reshape(-1, 4), np.array(classes, int), np.array(scores, float)
    )


def test_the_overlap_of_boxes() -> None:
    boxes = np.array([A, [5, 0, 15, 10], [0, 0, 5, 5], [10, 0, 20, 10], [3, 3, 3, 3]])
    expected = [1.0, 50 / 150, 25 / 100, 0.0, 0.0]
    np.testing.assert_allclose(intersection_over_union(np.array([A]), boxes)[0], expected)
    empty = intersection_over_union(np.zeros((0, 4)), boxes)
    assert empty.shape == (0, 5)
    point = np.array([[3, 3, 3, 3]])
    assert intersection_over_union(point, point).tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("right", "truths", "expected"),
    [
        ([1, 0, 1], 2, 1 / 2 + 1 / 2 * 2 / 3),
        ([0, 1], 1, 1 / 2),
        ([1, 0], 1, 1.0),  # what is wrong behind the last truth costs nothing
        ([0, 1, 1], 4, 2 / 4 * 2 / 3),  # the highest precision at a recall or above
        ([0, 0], 3, 0.0),
        ([], 3, 0.0),
    ],
)
def test_average_precision_at_all_points(right: list[int], truths: int, expected: float) -> None:
    scores = np.linspace(0.9, 0.1, len(right))
    order = np.random.default_rng(0).permutation(len(right))  # of no matter
    value = average_precision(scores[order], np.array(right, bool)[order], truths)
    assert value == pytest.approx(expected)


def test_equal_scores_are_one_threshold_in_any_order() -> None:
    for right in ([True, False, True], [False, True, True], [True, True, False]):
        value = average_precision(np.array([0.5, 0.5, 0.5]), np.array(right), 2)
        assert value == pytest.approx(2 / 3)
    scores, right = np.array([0.9, 0.5, 0.5]), np.array([True, True, False])
    assert average_precision(scores, right, 2) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


def test_each_truth_is_found_once_by_the_best_score() -> None:
    truths = [truth([A, B], [0, 0])]
    twice = found((A, 0, 0.8), (NEAR_A, 0, 0.9), (B, 0, 0.7))
    value = mean_average_precision(truths, [twice])
    assert value == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)  # right, wrong, right
    same = found((A, 0, 0.9), (A, 0, 0.9), (B, 0, 0.9))
    assert mean_average_precision(truths, [same]) == pytest.approx(2 / 3)


def test_a_box_is_of_the_truth_that_it_overlaps_most_also_if_that_is_found() -> None:
    beside = [0, 0, 10, 16]  # overlaps A by 0.625; NEAR_A overlaps it by exactly a half
    truths = [truth([A, beside], [0, 0])]
    value = mean_average_precision(truths, [found((A, 0, 0.9), (NEAR_A, 0, 0.8))])
    assert value == pytest.approx(1 / 2)


def test_half_an_overlap_is_enough() -> None:
    half = found(([0, 0, 10, 5], 0, 0.5))
    assert mean_average_precision([truth([A], [0])], [half]) == 1.0
    less = found(([0, 0, 10, 4.9], 0, 0.5))
    assert mean_average_precision([truth([A], [0])], [less]) == 0.0
    assert mean_average_precision([truth([A], [0])], [less], overlap=0.4) == 1.0


def test_another_class_or_image_is_wrong() -> None:
    assert mean_average_precision([truth([A], [0])], [found((A, 1, 0.9))]) == 0.0
    truths = [truth([A], [0]), truth([B], [0])]
    swapped = [found((B, 0, 0.9)), found((A, 0, 0.8))]
    assert mean_average_precision(truths, swapped) == 0.0
    own = [found((A, 0, 0.9), (B, 0, 0.85)), found((B, 0, 0.8))]
    assert mean_average_precision(truths, own) == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)


def test_the_mean_is_over_classes_with_a_truth() -> None:
    truths = [truth([A, B], [0, 3]), truth([], [])]
    guess = [found((A, 0, 0.9), (C, 1, 0.99)), found((C, 3, 0.9))]
    assert mean_average_precision(truths, guess) == pytest.approx((1.0 + 0.0) / 2)
    assert mean_average_precision(truths, [found(), found()]) == 0.0
    with pytest.raises(ValueError, match="no box to be found"):
        mean_average_precision([truth([A], [0], ignored=[0])], [found()])


def test_what_is_ignored_is_neither_right_nor_wrong() -> None:
    truths = [truth([A, B], [0, 0], ignored=[1])]
    guess = found((B, 0, 0.9), (B, 0, 0.85), (A, 0, 0.8))
    assert mean_average_precision(truths, [guess]) == 1.0
    wrong = found((C, 0, 0.9), (A, 0, 0.8))
    assert mean_average_precision(truths, [wrong]) == 1 / 2


def test_constant_boxes_are_those_that_are_right_most_often() -> None:
    truths = [truth([A, B], [0, 0]), truth([NEAR_A], [0]), truth([A], [0]), truth([C], [1])]
    best = constant_boxes(truths)
    assert best.boxes.tolist() == [A, B, C]  # NEAR_A overlaps A too much
    assert best.classes.tolist() == [0, 0, 1]
    np.testing.assert_allclose(best.scores, [3 / 4, 1 / 4, 1 / 4])
    assert constant_boxes(truths, most=1).boxes.tolist() == [A, C]
    assert len(constant_boxes([truth([], [])]).boxes) == 0
