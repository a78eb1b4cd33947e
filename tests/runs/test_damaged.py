"""Damaged files of a run: each is named, with what to do."""

from __future__ import annotations

import os
import time
from pathlib import Path

import keras
import pytest

from kssl.callbacks import MetricsLog
from kssl.errors import UserError
from kssl.runs import Run
from kssl.runs.evaluate import _so_far
from kssl.runs.start import read_data_record
from kssl.system.files import replacing, temporary_folder
from kssl.tokenizers import load_vocabulary, train_vocabulary

WHOLE = '{"used": "mnist", "fingerprint": "all-0", "examples": {"train": 3}}'


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path, "vae")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "is damaged: it lacks used, fingerprint, examples"),
        ("{}", "is damaged: it lacks used, fingerprint, examples"),
        (WHOLE.replace('"mnist"', "3"), "is damaged: it lacks used; without it"),
        (WHOLE.replace('"all-0"', "null"), "is damaged: it lacks fingerprint"),
        ("{", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_a_damaged_record_of_the_data_is_named(run: Run, text: str, said: str) -> None:
    run.file("data.json").write_text(text)
    with pytest.raises(UserError, match=rf"data\.json {said}"):
        read_data_record(run)


@pytest.mark.parametrize("sources", ["3", '{"x": 3}', "[]", "null"])
def test_places_that_are_none_are_left_out(run: Run, sources: str) -> None:
    run.file("data.json").write_text(WHOLE[:-1] + f', "sources": {sources}}}')
    assert read_data_record(run)["sources"] == {}


@pytest.mark.parametrize("text", ["[]", "{}", '{"results": 3}', '{"results": [3]}'])
def test_damaged_results_are_named_and_not_replaced(run: Run, text: str) -> None:
    run.file("results.json").write_text(text)
    with pytest.raises(UserError, match=r"results\.json is damaged: delete it"):
        _so_far(run)
    assert run.file("results.json").read_text() == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("epoch,loss\n1,3.0\n2,2.0\n", ["1", "2", "3"]),
        ("epoch,loss\n1,3.0\nx,2.0\n", ["1", "3"]),
        ("epoch,loss\n1,3.0\n2,2.0\n3,1.5\n", ["1", "2", "3"]),  # 3 is trained again
        ("loss\n1\n", ["3"]),
        ("", ["3"]),
    ],
)
def test_rows_of_a_damaged_log_are_kept_as_far_as_they_are_read(
    tmp_path: Path, text: str, kept: list[str]
) -> None:
    (tmp_path / "metrics.csv").write_text(text)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    log = MetricsLog(tmp_path / "metrics.csv")
    log.set_model(model)
    log.on_epoch_begin(2)
    log.on_epoch_end(2, {"loss": 1.0})
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == kept


def test_what_killed_processes_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    old, new, other = (
        tmp_path / name for name in (".a[1].0.tmp.npz", ".a[1].1.tmp.npz", ".b.2.tmp.npz")
    )
    for path in (old, new, other):
        path.write_text("half")
    for path in (old, other):
        os.utime(path, (time.time() - 1e6, time.time() - 1e6))
    with replacing(tmp_path / "a[1].npz") as temporary:
        temporary.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a[1].npz", new.name, other.name}


def test_folders_that_killed_processes_left_are_removed_when_they_are_old(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".export-a", ".export-b", "export-c"))
    for path in (old, new, other):
        (path / "encoder").mkdir(parents=True)
    for path in (old, other):
        os.utime(path, (time.time() - 1e6, time.time() - 1e6))
    with temporary_folder(tmp_path, ".export-") as folder:
        assert folder.is_dir() and folder.parent == tmp_path
    assert {path.name for path in tmp_path.iterdir()} == {new.name, other.name}


def test_a_vocabulary_that_was_being_written_is_removed_with_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary = train_vocabulary(["a b c"], "characters")
    run = Run.create(tmp_path, "small")
    vocabulary.save(run.file("vocabulary.json"))

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(os, "replace", killed)
        patch.setattr(Path, "unlink", lambda *_, **__: None)  # a killed process removes nothing
        vocabulary.save(run.file("vocabulary.json"))
    assert len(list(run.path.glob(".vocabulary.*"))) == 1
    run.finish("interrupted")
    run.begin()
    assert list(run.path.glob(".vocabulary.*")) == []
    assert load_vocabulary(run.file("vocabulary.json")).tokens == vocabulary.tokens
