"""What a run and a preview say of themselves: warnings are kept, titles are in words."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from kssl.recipe import load
from kssl.runs import notices
from kssl.runs.directory import Run
from kssl.runs.preview import title_of


def test_warnings_are_heard_once_each_and_printed_as_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    run, log = Run.create(tmp_path, "vae"), logging.getLogger("kssl")
    before = list(log.filters), list(log.handlers)
    with notices.heard() as said:
        log.warning("the loss is still %.1f", 2.5)
        log.warning("the loss is still %.1f", 2.5)
        log.info("nothing to worry about")
        notices._note("few steps")
    log.warning("after it")
    assert (list(log.filters), list(log.handlers)) == before
    notices.keep(run, said)
    notices.keep(run, ["few steps", "resumed"])  # what a resumed run says stands behind
    assert run.read_json("warnings.json") == ["the loss is still 2.5", "few steps", "resumed"]
    assert capsys.readouterr().out == "note: few steps\n"
    assert caplog.messages.count("the loss is still 2.5") == 2


def test_a_run_without_warnings_has_no_file_of_them(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "vae")
    notices.keep(run, [])
    assert not run.file("warnings.json").exists()


@pytest.mark.parametrize(
    ("name", "changes", "title"),
    [
        ("vae_mnist", [], "vae mnist: to float, then binarize"),
        ("vae_mnist", ["pretext=[]"], "vae mnist: no transforms"),
        (
            "simclr_fashion",
            ["pretext=[{use: two_views, preset: small, first: {scale: [0.5, 1.0]}, keep: false}]"],
            "simclr fashion: two views (preset small, first scale 0.5 to 1.0, keep no)",
        ),
        (
            "vae_mnist",
            ["pretext=[{use: corrupt_features, data: {use: sklearn_table, name: wine}}]"],
            "vae mnist: corrupt features (data sklearn table, name wine)",
        ),
    ],
)
def test_the_title_of_a_preview_is_in_words(name: str, changes: list[str], title: str) -> None:
    assert title_of(load(name, changes)) == title


def test_the_title_of_a_transform_says_what_it_does(tmp_path: Path) -> None:
    path = tmp_path / "rotate.yaml"
    path.write_text("data: digits\npretext: [{use: rotate, all_four: true}]\nmodel: autoencoder\n")
    said, settings = title_of(load(path)).split("\n")
    assert said == "rotate: Quarter turns: which way up?"
    assert settings == "rotate (all four yes)"
