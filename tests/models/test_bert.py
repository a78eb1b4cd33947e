"""BERT: its loss in closed form, what does not count, and a backbone that KerasHub loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kssl
from kssl.layers import sincos_1d
from kssl.models import BERT, run

SIZE, LENGTH = 40, 20


def batch(rows: int = 6, pair: str | None = "pair_target") -> dict[str, np.ndarray]:
    """Rows of ids with three hidden tokens each, the last rows with padding."""
    random = np.random.RandomState(0)
    real = np.arange(LENGTH) < np.array([LENGTH, LENGTH, 14, 12, LENGTH, 9])[:rows, None]
    tokens = np.where(real, random.randint(5, SIZE, (rows, LENGTH)), 0).astype("int32")
    hidden = np.isin(np.arange(LENGTH), [2, 5, 7])
    given = {
        "tokens": np.where(hidden, 4, tokens).astype("int32"),
        "target": np.where(hidden, tokens, -1).astype("int32"),
        "segment": ((np.arange(LENGTH) > 6) & real).astype("int32"),
        "padding_mask": real,
    }
    if pair is not None:
        given[pair] = np.array([1, 0, 1, 1, 0, 0], "int32")[:rows]
    return given


def small(**settings: Any) -> BERT:
    keras.utils.set_random_seed(0)
    return BERT(**{"vocabulary_size": SIZE, "depth": 2, "heads": 2, "width": 8} | settings)


def built(given: dict[str, np.ndarray] | None = None, **settings: Any) -> BERT:
    """A model whose weights are large enough to tell inputs apart."""
    model = small(**settings)
    model.build({key: (None, *value.shape[1:]) for key, value in (given or batch()).items()})
    random = np.random.RandomState(1)
    for weight in model.trainable_variables:
        weight.assign(0.3 * random.standard_normal(weight.shape))
    return model


def loss_of(model: BERT, given: dict[str, np.ndarray]) -> float:
    return float(model.compute_loss(given, None, model(given), training=False))


def array(tensor: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype("float64") - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def test_the_loss_is_the_mean_over_hidden_tokens_plus_that_of_pairs() -> None:
    given, model = batch(), built()
    encoded = model(given)
    logits = array(model.to_logits(encoded["sequence"]))  # of all positions
    assert logits.shape == (6, LENGTH, SIZE)
    hidden = given["target"] >= 0
    of_true = np.take_along_axis(
        log_softmax(logits), np.maximum(given["target"], 0)[..., None], axis=-1
    )[..., 0]
    of_pairs = log_softmax(array(encoded["pair_logits"]))[np.arange(6), given["pair_target"]]
    wanted = -of_true[hidden].mean() - of_pairs.mean()
    assert loss_of(model, given) == pytest.approx(wanted, rel=1e-5)


def test_the_output_is_tied_to_the_embedding_of_tokens() -> None:
    given, model = batch(), built()
    table = array(model.network.token_embedding.embeddings)
    hidden = model.normalization(model.transform(model(given)["sequence"]))
    wanted = array(hidden) @ table.T + array(model.output_bias)
    np.testing.assert_allclose(array(model.to_logits(model(given)["sequence"])), wanted, atol=1e-5)
    shapes = [tuple(weight.shape) for weight in model.trainable_variables]
    assert shapes.count((SIZE, 8)) == 1 and (8, SIZE) not in shapes


def test_positions_that_were_not_hidden_have_no_part_in_the_loss() -> None:
    given, model = batch(), built()
    whole = loss_of(model, given)
    fewer = given | {"target": np.where(np.arange(LENGTH) == 5, -1, given["target"])}
    each = [
        loss_of(model, given | {"target": np.where(np.arange(LENGTH) == at, given["target"], -1)})
        for at in (2, 7)
    ]
    assert loss_of(model, fewer) == pytest.approx(np.mean(each), rel=1e-5)
    assert whole != pytest.approx(loss_of(model, fewer), rel=1e-4)


def test_more_hidden_tokens_than_there_is_room_for_are_counted() -> None:
    given, model = batch(), built(max_predictions=2)
    only = given | {"target": np.where(np.arange(LENGTH) == 7, -1, given["target"])}
    assert loss_of(model, given) == pytest.approx(loss_of(built(), only), rel=1e-5)
    model.left_out_mean.reset_state()
    loss_of(model, given)
    assert float(model.left_out_mean.result()) == 1.0


def test_what_stands_in_padding_changes_nothing() -> None:
    given, model = batch(), built()
    other = given | {"tokens": np.where(given["padding_mask"], given["tokens"], 9)}
    assert loss_of(model, other) == pytest.approx(loss_of(model, given), rel=1e-5)
    np.testing.assert_allclose(array(model.embed(other)), array(model.embed(given)), atol=1e-5)


def test_bare_ids_are_padded_with_zero() -> None:
    given, model = batch(pair=None), built()
    alone = {key: given[key] for key in ("tokens", "padding_mask")}
    np.testing.assert_allclose(
        run(model, "embed", given["tokens"]), array(model.embed(alone)), atol=1e-5
    )


def test_the_embedding_is_the_mean_of_the_real_tokens() -> None:
    given, model = batch(), built()
    encoded, real = array(model(given)["sequence"]), given["padding_mask"]
    wanted = [row[mask].mean(axis=0) for row, mask in zip(encoded, real, strict=True)]
    np.testing.assert_allclose(array(model.embed(given)), wanted, atol=1e-5)


def test_a_pair_without_an_order_does_not_count() -> None:
    given = batch()
    model = built(given)
    assert model.pair_label == "pair_target"
    some = given | {"pair_target": np.array([1, 0, -1, -1, -1, -1], "int32")}
    hidden = float(model.cross_entropy(given["target"], model.to_logits(model(given)["sequence"])))
    of_pairs = log_softmax(array(model(some)["pair_logits"]))[[0, 1], [1, 0]]
    assert loss_of(model, some) == pytest.approx(hidden - of_pairs.mean(), rel=1e-4)


def test_without_pairs_there_is_no_head_for_them() -> None:
    given = batch(pair=None)
    model = small()
    model.compile("adam")
    history = model.fit(given, epochs=2, batch_size=6, verbose=0).history
    assert history["loss"][1] < history["loss"][0] and "pair_logits" not in model(given)
    assert not any("pair" in name for name in history), "a number of what there is not"
    assert not any("pooled" in weight.path for weight in model.trainable_variables)


def test_two_steps_and_a_file(tmp_path: Path) -> None:
    given, model = batch(), small()
    model.compile("adam")
    history = model.fit(given, epochs=2, batch_size=6, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    assert history["loss"] == pytest.approx(
        np.add(history["masked_loss"], history["pair_loss"]).tolist(), rel=1e-4
    )
    model.save(tmp_path / "bert.keras")
    again = keras.saving.load_model(tmp_path / "bert.keras")
    assert again.pair_label == "pair_target"
    np.testing.assert_array_equal(array(again.embed(given)), array(model.embed(given)))
    assert again.fit(given, batch_size=6, verbose=0).history["loss"][0] == pytest.approx(
        model.fit(given, batch_size=6, verbose=0).history["loss"][0], rel=0.1
    )


def test_the_backbone_is_one_of_keras_hub(tmp_path: Path) -> None:
    import keras_hub

    given, model = batch(), built()
    model.save_backbone(tmp_path / "backbone")
    network = keras_hub.models.BertBackbone.from_preset(str(tmp_path / "backbone"))
    outputs = network(
        {
            "token_ids": given["tokens"],
            "segment_ids": given["segment"],
            "padding_mask": given["padding_mask"].astype("int32"),
        }
    )
    mine = model(given)
    np.testing.assert_allclose(
        array(outputs["sequence_output"]), array(mine["sequence"]), atol=1e-6
    )
    np.testing.assert_allclose(array(outputs["pooled_output"]), array(mine["pooled"]), atol=1e-6)

    further = BERT(SIZE + 1, backbone=tmp_path / "backbone")
    assert (further.vocabulary_size, further.depth, further.width) == (SIZE, 2, 8)
    np.testing.assert_allclose(
        array(further(given)["sequence"]), array(mine["sequence"]), atol=1e-6
    )
    fresh = BERT.from_config(further.get_config())  # the same sizes, other weights
    assert np.abs(array(fresh(given)["sequence"]) - array(mine["sequence"])).max() > 0.1


def test_weights_begin_as_in_the_paper_at_any_width() -> None:
    model = BERT(vocabulary_size=500, depth=2, heads=2, width=48)
    model.build((None, 32))
    seen = set()
    for weight in model.trainable_variables:
        values = array(weight)
        # 0.02 at a width of 768: four times as much at a sixteenth of it.
        deviation = 0.08 if weight.path.endswith("kernel") else 0.02
        if "position" in weight.path:
            np.testing.assert_allclose(values, 0.02 * 2**0.5 * sincos_1d(range(32), 48), atol=1e-6)
        elif values.size >= 1000 and "bias" not in weight.path:
            seen.add(deviation)
            # Keras keeps the deviation of the normal; cut at two of them it is 0.88 of it.
            assert 0.8 * deviation < values.std() < 1.05 * deviation, weight.path
            # Keras' draw on torch lets a few values in a million through.
            assert np.mean(np.abs(values) > 2.005 * deviation) < 1e-3, weight.path
    assert seen == {0.02, 0.08}


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="vocabulary_size=40.*size of the vocabulary"):
        small().fit({"tokens": np.full((2, 8), 40)}, verbose=0)
    with pytest.raises(ValueError, match="use mask_tokens"):
        model = small()
        model.compile("adam")
        model.fit({"tokens": np.full((2, 8), 7)}, verbose=0)
    with pytest.raises(ValueError, match="must be a keras_hub.models.BertBackbone; got Dense"):
        BERT(SIZE, backbone=keras.layers.Dense(3))
    with pytest.raises(ValueError, match="rows have 30 tokens.*positions for 20"):
        BERT(SIZE, backbone=built().network).build((None, 30))
    with pytest.raises(ValueError, match="whole numbers"):
        small().fit({"tokens": np.zeros((2, 8), "float32")}, verbose=0)


def test_it_learns_what_mask_tokens_and_sentence_pairs_write() -> None:
    rows = kssl.data.tokens("test", "python_topics", {"kind": "words", "size": 300}, 32, "pairs")
    steps = [
        kssl.pretext.sentence_pairs(rows.vocabulary),
        kssl.pretext.mask_tokens(rows.vocabulary),
    ]
    data = kssl.data.Pipeline(rows, steps, batch_size=16)
    model = BERT(rows.vocabulary.size, depth=1, heads=2, width=16, dropout=0.0)
    model.compile(keras.optimizers.Adam(1e-2))
    history = model.fit(data.train(epochs=3), epochs=3, steps_per_epoch=6, verbose=0).history
    assert history["left_out"] == [0.0, 0.0, 0.0]
    assert history["masked_loss"][-1] < 0.9 * history["masked_loss"][0]
