"""Figures that one kind of model or one evaluation has: masked images, accuracy against labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kssl.models
import kssl.report
from kssl.layers import Transformer
from kssl.report import label_curve


def test_a_masking_model_shows_what_it_saw(empty_run: Any, split: Any) -> None:
    model = kssl.models.MAE(2, Transformer(8, 1, 2), Transformer(8, 1, 2))
    model.build((None, 8, 8, 1))
    split.images, split.labels = split.images[:20], None
    entries = {each["title"]: each for each in kssl.report.draw(empty_run, model, split, split)}
    assert "Reconstructions" not in entries
    assert entries["Masked images"]["file"] == "masked.png"
    assert "true mean and standard deviation" in entries["Masked images"]["caption"]


def result(labels: int, value: float, name: str = "few_label") -> dict[str, Any]:
    return {
        "name": name,
        "metric": f"accuracy, {labels} labels",
        "value": value,
        "better": "higher",
        "baselines": {"from scratch": value - 0.1, "pixels, logistic regression": None},
        "settings": {"labels": labels},
        "note": "",
    }


def test_accuracy_against_labels_is_drawn_once_there_is_a_line(empty_run: Any) -> None:
    assert label_curve.draw(empty_run) is None  # no results at all
    results = [result(100, 0.8), result(5, 0.9, "finetune")]
    empty_run.write_json("results.json", {"results": results})
    assert label_curve.draw(empty_run) is None
    kssl.report.draw_results(empty_run)
    assert not empty_run.file("figures/figures.json").is_file()
    results.insert(0, result(1000, 0.9))
    empty_run.write_json("results.json", {"results": results})
    lines = label_curve.points(empty_run)
    assert lines["fine-tuned"] == [(100, 0.8), (1000, 0.9)]
    np.testing.assert_allclose(lines["from scratch"], [(100, 0.7), (1000, 0.8)])
    assert "pixels, logistic regression" not in lines
    axes = label_curve.draw(empty_run)[0].axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [80, 90])


@pytest.mark.parametrize("known", [[], ["Learning curves", "Samples"]])
def test_the_figure_of_results_takes_its_place_and_keeps_it(empty_run: Any, known: Any) -> None:
    entries = [{"file": None, "title": title, "caption": ""} for title in known]
    empty_run.write_json("figures/figures.json", entries) if empty_run.figures else None
    empty_run.write_json("results.json", {"results": [result(10, 0.5), result(20, 0.6)]})
    for _ in range(2):
        kssl.report.draw_results(empty_run)
        titles = [each["title"] for each in empty_run.read_json("figures/figures.json")]
        assert titles == [*known[:1], "Accuracy against labels", *known[1:]]
    assert (empty_run.figures / "labels.png").is_file()
