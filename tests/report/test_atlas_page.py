"""The page of an atlas: means, controls, what failed, and their order."""

from __future__ import annotations

import json
from pathlib import Path

from kssl.report import atlas_page
from kssl.runs.atlas import COLUMNS


def row(recipe: str, seed: int, value: float, **others: object) -> dict[str, str]:
    found = {
        **dict.fromkeys(COLUMNS, ""),
        "recipe": recipe,
        "data": "own",
        "seed": seed,
        "status": "finished",
        "evaluation": "knn",
        "metric": "accuracy",
        "better": "higher",
        "value": value,
        "minutes": 2.0 + seed,
        "epochs": 3,
        "baselines": "{}",
        **others,
    }
    return {key: str(each) for key, each in found.items()}


def baselines(untrained: float) -> str:
    return json.dumps({"untrained": untrained, "pixels": 0.75})


ROWS = [
    row("simclr", 0, 0.8, baselines=baselines(0.6)),
    row("simclr", 1, 0.9, baselines=baselines(0.7)),
    row("moco", 0, 0.7, baselines=baselines(0.6)),
    row("moco", 0, 1.25, evaluation="rank", metric="effective rank"),
    {**row("byol", 0, 0.0, status="failed", evaluation="", metric=""), "value": "", "note": "why"},
]


def test_means_and_deviations_over_seeds_and_controls_among_them() -> None:
    found = atlas_page.table(ROWS)
    assert found.columns == ("knn, accuracy", "rank, effective rank")
    assert [line.recipe for line in found.lines] == ["simclr", "pixels", "moco", "byol"]
    simclr, pixels, moco, byol = found.lines
    assert simclr.values == ("85.0 ± 7.1", "") and simclr.seeds == 2 and simclr.minutes == "2.5"
    assert simclr.beside[0] == "untrained 65.0 ± 7.1"
    assert pixels.control and pixels.values == ("75.0", "")
    assert moco.values == ("70.0", "1.250") and moco.beside[0] == "untrained 60.0"
    assert byol.note == "why" and byol.values == ("", "") and byol.seeds == 0


def test_one_recipe_alone_keeps_all_baselines_beside_its_number() -> None:
    (line,) = atlas_page.table(ROWS[:1]).lines
    assert line.beside == ("untrained 60.0, pixels 75.0",)


def test_the_best_comes_first_where_lower_is_better_too() -> None:
    rows = [
        row(name, 0, value, metric="error", better="lower")
        for name, value in (("a", 2.0), ("b", 1.0))
    ]
    assert [line.recipe for line in atlas_page.table(rows).lines] == ["b", "a"]
    assert [line.recipe for line in atlas_page.table([*rows, ROWS[-1]]).lines] == ["b", "a", "byol"]


def test_controls_are_of_one_data_set() -> None:
    others = [{**each, "data": "other"} for each in ROWS[:3]]
    found = atlas_page.table([*ROWS, *others])
    assert sorted(line.data for line in found.lines if line.control) == ["other", "own"]


def test_the_page_stands_alone_and_names_what_failed(tmp_path: Path) -> None:
    page = atlas_page.write(tmp_path, ROWS).read_text()
    assert "85.0 ± 7.1" in page and "failed: why" in page
    assert "http" not in page and 'class="control"' in page


def test_what_was_trained_elsewhere_stands_among_what_was_trained_there(tmp_path: Path) -> None:
    rows = [
        row("simclr", 0, 0.8, baselines=baselines(0.6)),
        row("moco", 0, 0.7, baselines=baselines(0.5)),
        row("simclr", 0, 0.75, data="flowers", probed_on="own", baselines=baselines(0.6)),
        row("simclr", 0, 0.9, data="flowers", baselines=json.dumps({"pixels": 0.4})),
    ]
    found = atlas_page.table(rows).lines
    told = [(line.recipe, line.data, line.trained_on, line.values[0]) for line in found]
    assert sorted(told) == [
        ("moco", "own", "", "70.0"),
        ("pixels", "own", "", "75.0"),  # once, though two data sets were trained on
        ("simclr", "flowers", "", "90.0"),
        ("simclr", "own", "", "80.0"),
        ("simclr", "own", "flowers", "75.0"),
    ]
    text = atlas_page.write(tmp_path, rows).read_text()
    assert "trained on</th>" in text and "probed on</th>" in text
    assert "trained on</th>" not in atlas_page.write(tmp_path, ROWS).read_text()
