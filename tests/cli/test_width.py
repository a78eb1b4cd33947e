"""No verb prints wider than the terminal, or than 80 columns where there is none."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rich.cells import cell_len

from kssl.cli import VERBS, doctor, screen
from kssl.runs.directory import Run
from kssl.system.terminal import wrapped

NAMES = ["vae_mnist", "a_recipe_with_quite_a_long_name_for_a_recipe", *"bcdef"]
FOUND = (
    "1,000 images in folder/of/mine (.jpg 940, .png 60); left out: 3 that cannot be read (a.jpg, "
    "b.jpg, c.jpg), files of other kinds (.txt 4)",
)


@pytest.fixture
def made(training: Any, finished: Any, tmp_path: Any, monkeypatch: Any) -> None:
    """Runs, and a recipe with much to say."""
    training.data = {"found": FOUND}
    monkeypatch.setattr(doctor, "_ask", lambda backend: {"devices": ["gpu:0"] * 20})
    baselines = {
        f"{name}{of}": 0.1 for name in ("pixels", "PCA", "untrained", "TF-IDF of words")
        for of in ("", ", logistic regression")
    }  # fmt: skip
    for name in NAMES:
        finished(name, baselines=baselines, note="below PCA; " * 12)
    failed = Run.create(tmp_path / "runs", "failing")
    failed.finish("failed", "UserError: something is wrong with the data, namely " * 3)
    Run.create(tmp_path / "runs", "stopped").finish("interrupted")


VERBS_WITH_TABLES = [
    "fit vae",
    "fit vae --dry-run",
    "validate vae",
    "evaluate vae_mnist",
    "runs",
    "compare vae_mnist a_recipe_with_quite_a_long_name_for_a_recipe b c d e f",
    "compare b c",
    "list",
    "list --for text",
    "show vae",
    "show finetune",
    "show random_view",
    "show word2vec",
    "show adam",
    "doctor",
    "plugins",
    "neighbours vae_mnist 1.jpg",
]


@pytest.mark.parametrize("columns", ["", "80", "60"])
@pytest.mark.parametrize("arguments", VERBS_WITH_TABLES)
def test_nothing_is_wider_than_the_terminal(
    kssl: Any, made: None, monkeypatch: Any, arguments: str, columns: str
) -> None:
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
        monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    ended = kssl(*arguments.split())
    assert ended.code == 0, ended.err
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", ended.out)
    widths = {line: cell_len(line) for line in plain.splitlines()}
    assert {line: wide for line, wide in widths.items() if wide > int(columns or 80)} == {}


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_no_help_is_wider_than_80_columns(kssl: Any, verb: str) -> None:
    assert [line for line in kssl(*verb.split(), "--help").out.splitlines() if len(line) > 80] == []


def test_what_does_not_fit_is_below_and_nothing_is_lost(kssl: Any, made: None) -> None:
    out = kssl("compare", *NAMES).out
    assert "knn  accuracy ↑" in out
    for name in NAMES:
        (line, *_) = [each for each in out.splitlines() if each.startswith(f"  {name}/1 ")]
        assert line.split()[1] == "0.97"
    runs = kssl("runs").out
    assert "\n    knn: accuracy 0.97\n" in runs
    fit = kssl("fit", "vae").out
    assert "knn accuracy ↑ 0.97 0.9 0.95".split() in [line.split() for line in fit.splitlines()]


def test_a_pipe_is_as_wide_as_columns_says(kssl: Any, made: None, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    (line, *_) = [each for each in kssl("runs").out.splitlines() if each.startswith("a_rec")]
    assert line.endswith("knn: accuracy 0.97")


def test_a_column_that_has_too_little_room_stands_below_its_rows(
    capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rows = [["a" * 20, "12", "what is said of it"], ["b", "3", "–"]]
    screen.show(screen.table(["name", "size", "text"], rows, numbers=[1], fold=2))
    assert capsys.readouterr().out.splitlines() == [
        "name                   size",
        f"{'a' * 20}     12",
        "    what is said of it",
        "b                         3",
    ]


def test_lines_are_broken_between_words_and_paths_stay_whole(monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    path = "/a/very/long/path/to/some.yaml"
    assert wrapped(f"note: this is {path} in full") == f"note: this is\n  {path}\n  in full"


def test_paragraphs_of_a_docstring_are_broken_anew_and_lists_stay(kssl: Any) -> None:
    out = kssl("show", "finetune").out
    paragraph = out.split("Arguments")[0].strip().splitlines()[2:]
    assert all(len(line) > 50 for line in paragraph[:-1] if line)
