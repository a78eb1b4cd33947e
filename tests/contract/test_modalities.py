"""Every modality of the catalog keeps the contract."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from kssl import modalities, plugins, testing, tokenizers

RANDOM = np.random.default_rng(0)
WORDS = tokenizers.train_vocabulary([f"w{i} " * (30 - i) for i in range(20)], "words")
TOKENS = RANDOM.integers(5, 20, (10, 12)).astype(np.int32)
IMAGES = RANDOM.random((10, 6, 8, 3), dtype=np.float32)
ROWS = {
    "numeric": RANDOM.normal(size=(10, 3)).astype(np.float32),
    "categorical": RANDOM.integers(0, 3, (10, 2)).astype(np.int32),
}
BATCHES = {
    "image": {"image": IMAGES},
    "tokens": {"tokens": TOKENS},
    "audio": {"audio": RANDOM.uniform(-1, 1, (10, 900)).astype(np.float32)},
    "video": {"video": RANDOM.random((10, 4, 6, 8, 1), dtype=np.float32)},
    "table": ROWS,
    "pair": {"image": IMAGES, "tokens": TOKENS},
}


@testing.parametrize_checks(
    *(
        testing.modality_checks(plugins.find("modalities", name), batch, WORDS)
        for name, batch in BATCHES.items()
    ),
    testing.modality_checks(modalities.Table, {"numeric": ROWS["numeric"]}),
)
def test_contract(check: testing.Check) -> None:
    check()


def test_every_modality_is_under_contract() -> None:
    own = {n for n, part in plugins.offered("modalities").items() if part.owner == "kssl"}
    assert own == set(BATCHES)
    assert all(modalities.get(name).name == name for name in own)


def test_simple_models_find_what_is_there() -> None:
    """Classes that differ in the one thing that the simple model reads are told apart."""
    labels = np.arange(60) % 2
    time = np.arange(2000) / 16_000
    pitches = np.where(labels, 3000, 500)[:, None]
    sounds = np.sin(2 * np.pi * pitches * time + RANDOM.uniform(0, 6, (60, 1))).astype(np.float32)
    colours = np.zeros((60, 4, 4, 3), np.float32) + np.where(labels, 0.9, 0.1)[:, None, None, None]
    words = np.where(labels[:, None] == 1, 7, 9) + np.zeros((60, 5), np.int32)
    moving = np.zeros((60, 4, 4, 4, 1), np.float32)
    moving[labels == 1, 1::2] = 1.0
    rows = {"numeric": np.zeros((60, 1)), "categorical": (labels[:, None] + 1).astype(np.int32)}
    for name, examples in {
        "audio": sounds,
        "image": colours,
        "tokens": words.astype(np.int32),
        "video": moving,
        "table": rows,
    }.items():
        bank, test = (modalities.take(examples, slice(*cut)) for cut in ((0, 40), (40, 60)))
        guesses = modalities.get(name).simple_predictions(bank, labels[:40], test)
        for model, guess in guesses.items():
            assert np.mean(guess == labels[40:]) == 1.0, (name, model)


def test_a_histogram_counts_the_fraction_of_the_pixels() -> None:
    images = np.zeros((1, 2, 2, 3), np.float32)
    images[0, 0, 0] = [1.0, 0.0, 0.0]
    found = modalities.image.color_histogram(images, bins=2)
    assert found.shape == (1, 8)
    np.testing.assert_allclose(found[0, [0, 4]], [0.75, 0.25])


def test_a_table_without_columns_of_a_kind_reads_the_others() -> None:
    rows = {"numeric": np.zeros((3, 2)), "categorical": np.zeros((3, 0))}
    assert set(modalities.Table().pick(rows)) == {"numeric"}
    assert modalities.Table().example_shape({"numeric": (None, 2)}) == {"numeric": (2,)}


def test_the_keys_say_the_modality() -> None:
    keys = partial(modalities.of_keys)
    assert keys({"image", "label"}) == modalities.Image()
    assert keys({"image", "tokens"}) == modalities.Pair()
    assert keys({"numeric"}) == modalities.Table()
    assert keys({"nothing"}) is None


def test_a_modality_of_a_plugin_has_a_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Points(modalities.Modality):
        name = "points"
        keys = {"points": "float32"}

    part = plugins.Part("modalities", "points", "made:Points", "made for a test", "made")
    monkeypatch.setattr(plugins, "offered", lambda kind: {"points": part})
    monkeypatch.setattr(plugins, "find", lambda kind, name: Points)
    assert modalities.get("points") == Points() == modalities.of_keys({"points", "label"})
    with pytest.raises(ValueError, match="no modality 'point'; did you mean 'points'"):
        modalities.get("point")
