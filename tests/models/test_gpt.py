"""GPT: what it predicts, what it cannot see, how it starts, and how it writes."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers.activations import gelu_approximate
from kssl.models import GPT, run
from kssl.models.writing import sampler_of

IDS = np.random.RandomState(0).randint(1, 20, (6, 12)).astype("int32")


def small(**settings) -> GPT:
    return GPT(**{"vocabulary_size": 20, "depth": 2, "heads": 2, "width": 16} | settings)


def logits(model: GPT, inputs) -> np.ndarray:
    return ops.convert_to_numpy(model(inputs)["logits"])


def test_the_loss_is_the_cross_entropy_of_the_next_token():
    model = small()
    model.build(IDS.shape)
    scores = logits(model, IDS)[:, :-1]
    chances = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    expected = -np.log(np.take_along_axis(chances, IDS[:, 1:, None], -1)).mean()
    model.compile("adam")
    assert model.evaluate(IDS, verbose=0) == pytest.approx(expected, rel=1e-4)
    targets = np.full_like(IDS, -1)
    targets[:, 2] = IDS[:, 3]
    one = model.evaluate({"tokens": IDS, "target": targets}, verbose=0)
    right = np.take_along_axis(chances, IDS[:, 1:, None], -1)[:, 2]
    assert one == pytest.approx(-np.log(right).mean(), rel=1e-4)


def test_no_token_sees_what_is_behind_it():
    model = small()
    model.build(IDS.shape)
    changed = IDS.copy()
    changed[:, 7:] = 1 + changed[:, 7:] % 19
    before, after = logits(model, IDS), logits(model, changed)
    np.testing.assert_allclose(before[:, :7], after[:, :7], atol=1e-5)
    assert not np.allclose(before[:, 7:], after[:, 7:])


def test_documents_of_a_row_are_as_if_each_were_alone():
    model = small()
    model.build(IDS.shape)
    document = np.zeros_like(IDS)
    document[:, 5:] = 1
    positions = np.tile(np.r_[np.arange(5), np.arange(7)], (6, 1)).astype("int32")
    packed = logits(model, {"tokens": IDS, "document": document, "positions": positions})
    alone = np.concatenate([IDS[:, 5:], IDS[:, :5]], axis=1)  # the causal mask hides the rest
    np.testing.assert_allclose(packed[:, 5:], logits(model, alone)[:, :7], atol=1e-5)
    np.testing.assert_allclose(packed[:, :5], logits(model, IDS)[:, :5], atol=1e-5)


def test_starts_as_gpt_2_does():
    keras.utils.set_random_seed(0)
    model = small(vocabulary_size=400, depth=8, width=64)
    model.build((None, 16))
    network = model.network
    layer = network.transformer_layers[3]

    def deviation(weight):
        return float(np.std(ops.convert_to_numpy(weight)))

    small_start = 0.02 / math.sqrt(16)
    assert deviation(network.token_embedding.embeddings) == pytest.approx(0.02, rel=0.05)
    assert deviation(layer._feedforward_intermediate_dense.kernel) == pytest.approx(0.02, rel=0.05)
    for kernel in (
        layer._feedforward_output_dense.kernel,
        layer._self_attention_layer.output_dense.kernel,
    ):
        assert deviation(kernel) == pytest.approx(small_start, rel=0.05)
    losses = ops.convert_to_numpy(model.token_losses(np.arange(32, dtype="int32").reshape(2, 16)))
    assert losses[:, :-1].mean() == pytest.approx(math.log(400), rel=0.05)


def test_the_activation_is_keras_own_in_fewer_steps():
    values = ops.convert_to_tensor(np.linspace(-6, 6, 49).astype("float32"))
    expected = ops.convert_to_numpy(keras.activations.gelu(values, approximate=True))
    np.testing.assert_allclose(ops.convert_to_numpy(gelu_approximate(values)), expected, atol=1e-5)


def test_learns_to_count_and_counts_on(tmp_path):
    keras.utils.set_random_seed(0)
    model = small(vocabulary_size=10, width=32)
    rows = ((np.arange(64)[:, None] + np.arange(16)) % 10).astype("int32")
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(np.tile(rows, (4, 1)), batch_size=64, epochs=15, verbose=0)
    # 40 ids are more than the context of 16: it goes on from the last half of it.
    made = model.generate(2, prompt=[3, 4, 5], length=40, sampler="greedy")
    assert made.tolist() == [[(3 + step) % 10 for step in range(40)]] * 2
    model.save(tmp_path / "gpt.keras")
    again = keras.models.load_model(tmp_path / "gpt.keras")
    np.testing.assert_array_equal(
        again.generate(2, prompt=[3, 4, 5], length=40, sampler="greedy"), made
    )
    np.testing.assert_allclose(run(again, "embed", rows), run(model, "embed", rows), atol=1e-5)


def test_the_same_seed_writes_the_same():
    model = small()
    model.build(IDS.shape)
    first, second, third = (model.generate(2, seed=seed, length=12) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize(
    "name",
    [
        "greedy",
        "top_p",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("random", "top_k", "beam")),
    ],
)
def test_every_sampler_goes_on_from_the_prompt(name):
    model = small()
    model.build(IDS.shape)
    made = model.generate(1, seed=0, prompt=[3, 4], length=10, sampler=name)
    assert made.shape == (1, 10)
    assert made[0, :2].tolist() == [3, 4]


def test_a_backbone_is_gone_on_with():
    first = small()
    first.build(IDS.shape)
    second = GPT(backbone=first.network)
    second.build(IDS.shape)
    np.testing.assert_allclose(logits(second, IDS), logits(first, IDS), atol=1e-6)


def test_padding_does_not_change_the_embedding():
    model = small()
    model.build(IDS.shape)
    real = np.ones_like(IDS, bool)
    real[:, 8:] = False
    padded = np.where(real, IDS, 0)
    rows = [
        ops.convert_to_numpy(model.embed({"tokens": ids, "padding_mask": real}))
        for ids in (padded, IDS)
    ]
    np.testing.assert_allclose(*rows, atol=1e-5)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: GPT(), "vocabulary_size, the number of ids, or a backbone"),
        (lambda: small(width=15), "a multiple of heads"),
        (lambda: sampler_of("topk"), "none of beam, greedy"),
        (lambda: sampler_of({"name": "greedy", "k": 3}), "does not take"),
    ],
)
def test_says_what_is_wrong(act, message):
    with pytest.raises(ValueError, match=message):
        act()


def test_refuses_a_prompt_that_it_does_not_know():
    model = small()
    model.build(IDS.shape)
    with pytest.raises(ValueError, match=r"ids in 0 to 19; got \[25\]"):
        model.generate(prompt=[25])
