"""Heads, teachers, queues and prototypes: what stands around an encoder in joint embedding."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import (
    MLP,
    BatchNormalization,
    FeatureQueue,
    GradientReversal,
    MomentumEncoder,
    PredictionHead,
    ProjectionHead,
    Prototypes,
    Sinkhorn,
    VectorQuantizer,
)
from kssl.testing.common import array, value_and_gradient

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(16, 6)).astype("float32")


def kinds(head):
    return [type(step).__name__ for step in head.steps]


def test_a_head_has_the_layers_that_it_says():
    head = ProjectionHead(4, hidden_dim=8, depth=3)
    head.build((None, 6))
    hidden = ["Dense", "BatchNormalization", "Activation"]
    assert kinds(head) == [*hidden, *hidden, "Dense"]
    assert [layer.use_bias for layer in head.steps if hasattr(layer, "use_bias")] == [0, 0, 1]
    linear = ProjectionHead(4, depth=1, normalization=None)
    linear.build((None, 6))
    assert kinds(linear) == ["Dense"]
    predictor = PredictionHead(hidden_dim=3)
    assert predictor(FEATURES).shape == FEATURES.shape


def test_a_normalised_projection_has_mean_0_and_variance_1():
    head = ProjectionHead(4, hidden_dim=8, normalize_output=True)
    found = array(head(FEATURES, training=True))
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.var(axis=0), 1, atol=1e-3)


def encoder():
    return keras.Sequential(
        [keras.layers.Dense(5), BatchNormalization(momentum=0.5), keras.layers.Dense(3)]
    )


def built(momentum=0.9, **settings):
    student = encoder()
    student.build((None, 6))
    teacher = MomentumEncoder(student, momentum, **settings)
    teacher.build((None, 6))
    return student, teacher


def test_the_first_step_copies_the_student_and_later_ones_follow_it():
    student, teacher = built(0.9)
    assert np.abs(array(teacher(FEATURES)) - array(student(FEATURES))).max() > 1e-3
    teacher.follow(student)
    np.testing.assert_allclose(array(teacher(FEATURES)), array(student(FEATURES)), atol=1e-6)
    start = [weight.copy() for weight in student.get_weights()]
    student.set_weights([weight + 1 for weight in start])
    teacher.follow(student)
    moving = (True, True, True, True, False, False, True, True)
    for found, old, moves in zip(teacher.encoder.get_weights(), start, moving, strict=True):
        np.testing.assert_allclose(found, old + (0.1 if moves else 0.0), atol=1e-6)


def test_the_momentum_rises_along_a_cosine():
    student, teacher = built(0.5, final_momentum=1.0, total_steps=4)
    student.set_weights([np.zeros_like(weight) for weight in student.get_weights()])
    teacher.follow(student)
    student.set_weights([np.ones_like(weight) for weight in student.get_weights()])
    wanted = 0.0
    for step in (1, 2, 3, 4, 5):
        momentum = 1.0 - 0.5 * (np.cos(np.pi * min(step, 4) / 4) + 1) / 2
        wanted = momentum * wanted + (1 - momentum)
        teacher.follow(student)
        assert teacher.encoder.get_weights()[0][0, 0] == pytest.approx(wanted, abs=1e-6)


def test_nothing_of_a_teacher_is_trainable_but_its_statistics_move():
    student, teacher = built()
    teacher.follow(student)
    pair = keras.layers.Pipeline([student, teacher])
    pair.trainable = False
    pair.trainable = True
    assert teacher.trainable_variables == [] and len(student.trainable_variables) == 6
    before = array(teacher.encoder.layers[1].moving_mean)
    teacher(FEATURES, training=True)
    assert np.abs(array(teacher.encoder.layers[1].moving_mean) - before).max() > 1e-3
    _, gradient = value_and_gradient(lambda x: ops.sum(x * 0.0) + ops.sum(teacher(x)), FEATURES)
    np.testing.assert_array_equal(gradient, 0)


class Distilled(keras.Model):
    """A student that predicts its teacher, with a queue: state that moves in compute_loss."""

    def __init__(self):
        super().__init__()
        self.student = MLP([4], activation="tanh")
        self.teacher = MomentumEncoder(self.student, 0.5)
        self.queue = FeatureQueue(24, seed=0)

    def build(self, input_shape):
        self.student.build(input_shape)
        self.teacher.build(input_shape)
        self.queue.build((None, 4))

    def call(self, inputs):
        return self.student(inputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self.teacher.follow(self.student)
        keys = self.teacher(x, training=training)
        stored = self.queue(keys, training=training)
        return ops.mean(ops.square(y_pred + 1.0)) + 0.0 * ops.sum(stored)


@pytest.mark.parametrize("jit", [False, True])
def test_teacher_and_queue_move_inside_a_compiled_step_and_are_saved(jit, tmp_path):
    if jit and keras.backend.backend() == "torch":
        pytest.skip("torch has no jit_compile worth the wait here")
    model = Distilled()
    model.compile(keras.optimizers.SGD(0.1), jit_compile=jit)
    model.fit(FEATURES, batch_size=8, epochs=3, shuffle=False, verbose=0)
    assert int(array(model.teacher.step)) == 6
    assert int(array(model.queue.position)) == 0  # 48 features went through a queue of 24
    newest = array(model.teacher(FEATURES[8:]))
    np.testing.assert_allclose(array(model.queue.features)[16:], newest, atol=1e-5)
    student, teacher = (layer.get_weights()[0] for layer in (model.student, model.teacher.encoder))
    assert 1e-4 < np.abs(student - teacher).max() < 0.1
    model.save_weights(tmp_path / "model.weights.h5")
    again = Distilled()
    again.build((None, 6))
    again.load_weights(tmp_path / "model.weights.h5")
    for found, wanted in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_queue_gives_what_was_stored_before_and_forgets_the_oldest():
    queue = FeatureQueue(5, seed=0)
    start = array(queue(FEATURES[:2]))
    np.testing.assert_allclose(np.linalg.norm(start, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(array(queue(FEATURES[:2])), start)  # not in training
    for first in (0, 2, 4):
        before = array(queue.features)
        given = array(queue(FEATURES[first : first + 2], training=True))
        np.testing.assert_array_equal(given, before)
    stored = array(queue.features)
    np.testing.assert_array_equal(stored, FEATURES[[5, 1, 2, 3, 4]])
    np.testing.assert_array_equal(array(queue.nearest(100 * stored)), _nearest(stored))


def _nearest(stored):
    return stored[np.argmax(stored @ stored.T, axis=1)]


def test_gradient_reversal_passes_values_and_turns_gradients():
    layer = GradientReversal(0.5)
    inputs = (FEATURES * 1e4).astype("float32")
    np.testing.assert_array_equal(array(layer(inputs)), inputs)
    _, gradient = value_and_gradient(lambda x: ops.sum(ops.square(layer(x))), FEATURES)
    np.testing.assert_allclose(gradient, -0.5 * 2 * FEATURES, rtol=1e-6)


def test_prototypes_give_cosines_and_a_finite_gradient_at_zero():
    layer = Prototypes(3)
    layer.build((None, 6))
    kernel = layer.get_weights()[0]
    unit = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
    wanted = unit @ (kernel / np.linalg.norm(kernel, axis=0))
    np.testing.assert_allclose(array(layer(7 * FEATURES)), wanted, atol=1e-5)
    _, gradient = value_and_gradient(lambda x: ops.sum(layer(x)), np.zeros((2, 6), "float32"))
    assert np.isfinite(gradient).all()


def test_sinkhorn_shares_are_equal_and_have_no_gradient():
    scores = RNG.normal(size=(64, 4)).astype("float32")
    shares = array(Sinkhorn(epsilon=0.5, iterations=50)(scores))
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(shares.sum(axis=0), 16, atol=1e-2)
    layer = Sinkhorn()
    _, gradient = value_and_gradient(lambda x: ops.sum(x * 0.0) + ops.sum(layer(x)), scores)
    np.testing.assert_array_equal(gradient, 0)


def test_a_quantizer_gives_the_nearest_entry_and_passes_gradients_through():
    layer = VectorQuantizer(7, commitment=0.5)
    layer.build((None, 6))
    book = RNG.normal(size=(7, 6)).astype("float32")
    layer.codebook.assign(book)
    found = layer(FEATURES)
    codes = ((FEATURES[:, None] - book) ** 2).sum(axis=-1).argmin(axis=1)
    np.testing.assert_array_equal(array(found["codes"]), codes)
    np.testing.assert_allclose(array(found["quantized"]), book[codes], atol=1e-6)
    wanted = 0.5 * ((FEATURES - book[codes]) ** 2).mean(axis=1)
    np.testing.assert_allclose(array(found["loss"]), wanted, rtol=1e-5)
    _, gradient = value_and_gradient(lambda x: ops.sum(layer(x)["quantized"]), FEATURES)
    np.testing.assert_array_equal(gradient, 1)


def test_the_codebook_moves_to_the_means_of_its_vectors_in_training_only():
    centres = np.array([[5.0, 0.0], [-5.0, 0.0]], "float32")
    vectors = np.repeat(centres, 32, axis=0) + RNG.normal(0, 0.1, (64, 2)).astype("float32")
    layer = VectorQuantizer(3, decay=0.8)
    layer.build((None, 2))
    layer.codebook.assign([[1.0, 0.0], [-1.0, 0.0], [0.0, 50.0]])
    layer(vectors)
    np.testing.assert_array_equal(array(layer.codebook)[0], [1, 0])
    for _ in range(3):
        layer(vectors, training=True)
    wanted = [vectors[:32].mean(axis=0), vectors[32:].mean(axis=0), [0, 50]]
    np.testing.assert_allclose(array(layer.codebook), wanted, atol=1e-4)


def test_an_idle_entry_is_put_on_a_vector_of_the_batch():
    layer = VectorQuantizer(3, decay=0.8, restart_below=0.5, seed=0)
    layer.build((None, 6))
    layer.codebook.assign(np.array([[0.0] * 6, [90.0] * 6, [-90.0] * 6]))
    layer(FEATURES, training=True)
    for entry in array(layer.codebook)[1:]:
        assert np.abs(FEATURES - entry).max(axis=1).min() < 1e-6
    codes = array(layer(FEATURES, training=True)["codes"])
    assert len(set(codes.tolist())) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ProjectionHead(normalization="group"), "'batch', 'layer' or None; got 'group'"),
        (lambda: ProjectionHead(normalization=None, normalize_output=True), "needs a normaliz"),
        (lambda: PredictionHead(depth=0), "depth must be at least 1"),
        (lambda: MomentumEncoder(MLP(), momentum=1.1), "momentum must be in 0 to 1; got 1.1"),
        (lambda: MomentumEncoder(MLP(), total_steps=0), "total_steps must be at least 1"),
        (lambda: MomentumEncoder(MLP()).follow(MLP()), "before the first follow"),
        (lambda: built()[1].follow(_other_student()), "must be built like the encoder"),
        (lambda: FeatureQueue(0), "size must be at least 1"),
        (lambda: FeatureQueue(4)(FEATURES), "a queue of 4 cannot hold a batch of 16"),
        (lambda: Prototypes(1), "count must be at least 2"),
        (lambda: Sinkhorn(epsilon=0.0), "epsilon must be above 0"),
        (lambda: VectorQuantizer(1), "codes must be at least 2"),
        (lambda: VectorQuantizer(decay=1.0), "between 0 and 1, or None"),
        (lambda: VectorQuantizer(decay=None, restart_below=1.0), "needs the averages"),
    ],
)
def test_refusals_say_what_was_expected(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def _other_student():
    student = MLP([2])
    student.build((None, 6))
    return student
