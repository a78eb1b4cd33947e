"""What is read of a network: tokens, a text as a whole, padding left out, any model's backbone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl import models
from kssl.errors import UserError
from kssl.evaluation import Task
from kssl.evaluation.finetuning.heads import Head, check_pool, of_text, of_tokens, span_loss
from kssl.evaluation.finetuning.network import Networks
from kssl.evaluation.finetuning.protocol import Training
from kssl.evaluation.finetuning.text_rows import Rows, text_rows
from kssl.models.capabilities import HasTextBackbone, has


def values(network: Any, rows: Rows) -> np.ndarray:
    given = {name: rows[name] for name in network.input}
    return ops.convert_to_numpy(network(given, training=False))


def rows_of(task: Task, *texts: str) -> Rows:
    layout = text_rows(task)
    return layout.framed(layout.encode(texts))


@pytest.mark.parametrize("pool", ["first", "mean", "last"])
def test_a_text_is_read_where_it_is_told_and_padding_is_no_part_of_it(
    reader: Task, pool: str
) -> None:
    rows = rows_of(reader, "a b c", "d")
    network = of_text(reader.model, pool)
    found, tokens = values(network, rows), values(of_tokens(reader.model), rows)
    for line, count in enumerate(rows["padding_mask"].sum(axis=1)):
        real = tokens[line, :count]  # (tokens, width)
        expected = {"first": real[0], "mean": real.mean(axis=0), "last": real[-1]}[pool]
        np.testing.assert_allclose(found[line], expected, atol=1e-5)
    padded = {name: np.pad(ids, ((0, 0), (0, 8))) for name, ids in rows.items()}
    np.testing.assert_allclose(values(network, padded), found, atol=1e-5)


def test_the_place_that_is_read_suits_the_model(bert: Task, gpt: Task) -> None:
    for task, pool in ((bert, "mean"), (gpt, "last")):
        rows = rows_of(task, "a b c")
        usual = values(of_text(task.model), rows)
        np.testing.assert_allclose(usual, values(of_text(task.model, pool), rows), atol=1e-6)
    paired = models.BERT(30, depth=1, heads=2, width=8)
    paired.build({"tokens": (None, 16), "pair_target": (None,)})
    rows = rows_of(bert, "a b")
    pooled = ops.convert_to_numpy(paired.text_backbone()(rows)["pooled_output"])
    np.testing.assert_allclose(values(of_text(paired), rows), pooled, atol=1e-6)
    check_pool(None)
    with pytest.raises(UserError, match="pool is 'max': give 'first', 'mean', 'last'"):
        check_pool("max")


def test_a_backbone_has_the_weights_of_the_model_and_is_a_copy(gpt: Task) -> None:
    rows = rows_of(gpt, "a b c")
    backbone = gpt.model.text_backbone(0.1)
    given = {name: rows[name] for name in backbone.input}
    sequence = ops.convert_to_numpy(backbone(given)["sequence_output"])
    real = rows["padding_mask"][0].astype(bool)
    mean = sequence[0, real].mean(axis=0)
    own = gpt.model.embed({"tokens": rows["token_ids"], "padding_mask": rows["padding_mask"]})
    np.testing.assert_allclose(mean, ops.convert_to_numpy(own)[0], atol=1e-5)
    backbone.set_weights([0 * weight for weight in backbone.get_weights()])
    again = gpt.model.embed({"tokens": rows["token_ids"], "padding_mask": rows["padding_mask"]})
    np.testing.assert_array_equal(ops.convert_to_numpy(again), ops.convert_to_numpy(own))


class Own(keras.Model):
    """A Keras model of somebody else, in the form that `HasTextBackbone` describes."""

    def __init__(self, width: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width
        self.table = keras.layers.Embedding(30, width)

    def build(self, input_shape: Any) -> None:
        self.example_shape = tuple(input_shape)[1:]
        self.table.build((None, None))
        self.built = True

    def call(self, tokens: Any) -> Any:
        return self.table(tokens)

    def text_backbone(self, dropout: float = 0.0) -> keras.Model:
        names = ("token_ids", "padding_mask")
        inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
        table = keras.layers.Embedding.from_config(self.table.get_config())
        features = keras.layers.Dropout(dropout)(table(inputs["token_ids"]))
        table.set_weights(self.table.get_weights())
        return keras.Model(inputs, {"sequence_output": features})


def test_a_model_of_somebody_else_is_fine_tuned(bert: Task) -> None:
    model = Own()
    model.build((None, 16))
    assert has(model, HasTextBackbone)
    networks = Networks(model, Head(2, of_text))
    rows = rows_of(bert, *["a b", "c d"] * 8)
    start, fresh = (networks.start(seed=1, trained=trained) for trained in (True, False))
    np.testing.assert_array_equal(start[0], model.get_weights()[0])
    assert not np.array_equal(fresh[0], start[0])
    target, training = np.arange(16) % 2, Training(40, 16, 0.05)
    found = []
    for seed in (0, 0, 1):
        fitted = networks.fit(start, (rows, target), training, seed)
        found.append(networks.predict(fitted, rows))
        np.testing.assert_array_equal(found[-1].argmax(axis=1), target)
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)  # dropout too is the same again
    assert not np.allclose(found[0], found[2], atol=1e-5)


def test_the_loss_of_a_span_is_that_of_its_two_ends() -> None:
    logits = np.zeros((1, 4, 2), "float32")
    logits[0, 1, 0], logits[0, 2, 1] = 2.0, 3.0
    expected = [np.log(np.exp(2) + 3) - 2, np.log(np.exp(3) + 3) - 3]
    found = ops.convert_to_numpy(span_loss(np.array([[1, 2]]), ops.convert_to_tensor(logits)))
    np.testing.assert_allclose(found, [expected], rtol=1e-5)
