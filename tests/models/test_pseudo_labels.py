"""Pseudo-labels under the names of today, and, with a warning, under those of kssl 0.1."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kssl

IMAGES = np.random.default_rng(0).random((8, 8, 8, 1), dtype=np.float32)
TURNS = np.arange(8, dtype=np.int32) % 4
ROWS = np.random.default_rng(0).integers(5, 20, (4, 8)).astype(np.int32)


def loss(batch: dict[str, np.ndarray]) -> float:
    keras.utils.set_random_seed(0)
    model = kssl.models.PretextClassifier(4, encoder=kssl.layers.ConvNet([4]))
    model.build({key: (None, *value.shape[1:]) for key, value in batch.items()})
    return float(model.objective(batch, model(batch), None, True))


def test_a_classifier_reads_target_and_the_label_of_a_pair(recwarn) -> None:
    wanted = loss({"image": IMAGES, "target": TURNS})
    assert loss({"image": IMAGES, "pair_target": TURNS}) == wanted
    assert not [each for each in recwarn if each.category is FutureWarning]


@pytest.mark.parametrize("name", ["rotation", "permutation", "position", "valid", "forwards"])
def test_a_classifier_reads_the_old_names_with_a_warning(name: str) -> None:
    wanted = loss({"image": IMAGES, "target": TURNS})
    with pytest.warns(FutureWarning, match=f"under '{name}': since kssl 0.2 .* under 'target'"):
        assert loss({"image": IMAGES, name: TURNS}) == wanted


def test_no_pseudo_label_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="put a transform that makes one before it"):
        loss({"image": IMAGES})


@pytest.mark.parametrize("name", ["is_next", "in_order"])
def test_bert_reads_the_old_names_of_pairs_with_a_warning(name: str) -> None:
    def total(key: str) -> float:
        keras.utils.set_random_seed(0)
        target = np.where(np.arange(8) == 2, ROWS, -1)
        batch = {"tokens": ROWS, "target": target, key: np.arange(4, dtype=np.int32) % 2}
        model = kssl.models.BERT(vocabulary_size=20, depth=1, heads=2, width=8, dropout=0.0)
        model.build({name: (None, *value.shape[1:]) for name, value in batch.items()})
        assert model.pair_label == "pair_target"
        return float(model.objective(batch, model(batch), None, True))

    wanted = total("pair_target")
    with pytest.warns(FutureWarning, match=f"under '{name}': since kssl 0.2"):
        assert total(name) == pytest.approx(wanted, rel=1e-6)


def test_the_name_of_a_pair_in_a_file_of_kssl_0_1_is_that_of_today() -> None:
    model = kssl.models.BERT(vocabulary_size=20, depth=1, heads=2, width=8)
    model.build_from_config({"example_shape": [8], "pair_label": "is_next"})
    assert model.get_build_config()["pair_label"] == "pair_target"
