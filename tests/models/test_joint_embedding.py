"""Views, branches and teachers, and the methods that stand on them: BYOL, SimSiam, MoCo, DINO."""

from __future__ import annotations

import json
import shutil

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import MLP, ConvNet, ProjectionHead
from kssl.losses import dino, info_nce
from kssl.models import BYOL, DINO, MoCo, SimCLR, SimSiam, run
from kssl.recipe import load
from kssl.runs import Run, fit

RANDOM = np.random.RandomState(0)
IMAGES = RANDOM.rand(8, 12, 12, 1).astype("float32")
VIEWS = {"view_1": IMAGES, "view_2": IMAGES[:, ::-1].copy()}
CROPS = {**VIEWS, "local_views": RANDOM.rand(8, 3, 6, 6, 1).astype("float32")}


def small(method=SimCLR, **settings):
    # So wide that no example is without an active unit, whose projection would have no direction.
    model = method(ConvNet([4, 6]), ProjectionHead(5, hidden_dim=32), **settings)
    model.build({key: (None, *value.shape[1:]) for key, value in CROPS.items()})
    return model


def array(tensor) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


@keras.saving.register_keras_serializable(package="kssl_tests")
class Counting(ConvNet):
    """Keeps the shape of every batch that it sees, while it runs eagerly."""

    seen: list[tuple[int, ...]] = []

    def call(self, inputs, training=False):
        self.seen.append(tuple(inputs.shape))
        return super().call(inputs, training=training)


def test_views_of_one_size_are_one_forward_pass():
    model = SimCLR(Counting([4]), ProjectionHead(5, hidden_dim=7))
    model.build({key: (None, *value.shape[1:]) for key, value in CROPS.items()})
    Counting.seen.clear()
    outputs = model(CROPS)
    assert Counting.seen == [(16, 12, 12, 1), (24, 6, 6, 1)]
    assert [tuple(each.shape) for each in outputs["student"]] == [(8, 5)] * 5
    apart = [array(model.project(CROPS["local_views"][:, place])) for place in range(3)]
    for together, alone in zip(outputs["student"][2:], apart, strict=True):
        np.testing.assert_allclose(array(together), alone, atol=1e-5)


def test_the_teacher_sees_large_views_and_is_the_student_at_first():
    model = small(DINO)
    outputs = model(CROPS, training=True)
    assert len(outputs["teacher"]) == 2 and len(outputs["student"]) == 5
    for own, other in zip(model.teacher.encoder.weights, model.student.weights, strict=True):
        if "moving" not in own.path:  # batch statistics are each branch's own
            np.testing.assert_array_equal(array(own), array(other))


def test_the_teacher_is_a_moving_average_of_the_student():
    model = small(BYOL, momentum=0.75)
    kernel = model.student.projector.weights[0]
    model(VIEWS, training=True)  # copies
    first = array(kernel)
    kernel.assign(first + 1.0)
    model(VIEWS, training=True)
    moved = array(model.teacher.encoder.projector.weights[0])
    np.testing.assert_allclose(moved, first + 0.25, rtol=1e-5)


def test_byol_is_four_minus_the_cosines_of_both_directions():
    model = small(BYOL)
    outputs = model(VIEWS, training=True)
    found = float(model.objective(VIEWS, outputs, None, False))
    expected = 0.0
    for student, teacher in zip(outputs["student"], reversed(outputs["teacher"]), strict=True):
        one, other = array(model.predictor(student, training=True)), array(teacher)
        cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
        expected += np.mean(2 - 2 * cosine)
    assert found == pytest.approx(expected, rel=1e-4)


def test_simsiam_is_the_mean_of_both_negative_cosines_and_stops_the_target():
    model = small(SimSiam)
    outputs = model(VIEWS)
    found = float(model.objective(VIEWS, outputs, None, False))
    first, second = outputs["student"]
    one, two = (array(model.predictor(each)) for each in (first, second))

    def cosine(a, b):
        return np.mean((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))

    expected = -0.5 * (cosine(one, array(second)) + cosine(two, array(first)))
    assert found == pytest.approx(expected, rel=1e-4)


def test_moco_compares_with_the_queue_before_it_takes_the_keys():
    model = small(MoCo, queue_size=32, temperature=0.3)
    older = array(model.queue.features)
    outputs = model(VIEWS, training=True)
    found = float(model.objective(VIEWS, outputs, None, True))
    keys = list(reversed(outputs["teacher"]))
    losses = [
        array(info_nce(query, key, older, 0.3))
        for query, key in zip(outputs["student"], keys, strict=True)
    ]
    assert found == pytest.approx(np.mean(losses), rel=1e-4)
    both = array(ops.concatenate(keys))
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    stored = array(model.queue.features)
    np.testing.assert_allclose(stored[:16], both, atol=1e-5)  # the oldest are replaced
    np.testing.assert_array_equal(stored[16:], older[16:])


def test_dino_moves_its_centre_after_the_loss():
    model = small(DINO, center_momentum=0.5, teacher_temperature=0.05)
    model.center.assign(np.arange(5, dtype="float32"))
    outputs = model(CROPS, training=True)
    found = float(model.objective(CROPS, outputs, None, True))
    teacher, student = (np.stack([array(v) for v in outputs[k]], 1) for k in ("teacher", "student"))
    expected = np.mean(array(dino(teacher, student, np.arange(5, dtype="float32"), 0.05, 0.1)))
    assert found == pytest.approx(expected, rel=1e-4)
    centre = 0.5 * np.arange(5) + 0.5 * teacher.mean(axis=(0, 1))
    np.testing.assert_allclose(array(model.center), centre, rtol=1e-4)


def test_dino_takes_as_many_prototypes_as_its_projector_has_scores():
    assert small(DINO).prototypes is None
    assert DINO().prototypes == 1024
    with pytest.raises(ValueError, match=r"gives 5 scores, but prototypes is 7: .*Prototypes\(7"):
        small(DINO, prototypes=7)


@pytest.mark.parametrize("method", [BYOL, SimSiam, MoCo, DINO])
def test_says_what_to_do_without_views(method):
    model = small(method)
    with pytest.raises(ValueError, match=f"{method.__name__} reads .* two_views before it"):
        model({"image": IMAGES})


def test_an_encoder_of_anything_will_do():
    rows = RANDOM.rand(16, 9).astype("float32")
    model = SimCLR(MLP([6]), ProjectionHead(4, hidden_dim=5), modality="audio")
    model.compile("adam")
    model.fit({"view_1": rows, "view_2": rows}, verbose=0)
    assert run(model, "embed", rows).shape == (16, 6)


RECIPE = """
data: {use: synthetic, shape: [8, 8, 1], examples: 96}
pretext: [to_float, {use: two_views, preset: small}]
model:
  use: METHOD
  encoder: {use: conv_net, filters: [4]}
  SETTINGS
optimizer: {use: adam, learning_rate: 1e-2}
fit: {batch_size: 16, epochs: 2}
evaluate: []
"""
SETTINGS = {
    "moco": "queue_size: 64",
    "dino": "prototypes: 8",
    "nnclr": "queue_size: 64",
    "instance_discrimination": "noise: 8",
    "deep_cluster": "clusters: [3, 4]",
    "deep_cluster_v1": "clusters: 4",
    "interclr": "clusters: 4\n  negatives: 4",
}
NUMBERED = ("instance_discrimination", "deep_cluster", "deep_cluster_v1", "interclr")
SETTINGS["swav"] = "prototypes: 8\n  queue_size: 32\n  frozen_steps: 2"
SLOW = ("dino", "byol", "simsiam", "swav", "nnclr", "moco_v3", "lejepa", "instance_discrimination")


@pytest.mark.parametrize(
    "method",
    [
        "moco",
        "deep_cluster",
        "deep_cluster_v1",
        "interclr",
        *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW),
    ],
)
def test_a_run_goes_on_with_all_that_it_remembers(method, tmp_path, no_figures):
    """Bit for bit: every variable of the model and of the optimizer, bank, queue and clusters."""
    path = tmp_path / f"{method}.yaml"
    text = RECIPE.replace("METHOD", method).replace("SETTINGS", SETTINGS.get(method, ""))
    if method in NUMBERED:
        text = text.replace("preset: small}]", "preset: small}, number]")
    path.write_text(text)
    whole = fit(load(path), root=tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "stopped")
    stopped = Run.open(tmp_path / "stopped" / method)
    for file in (stopped.file("model.keras"), max(stopped.checkpoints.glob("step-*.npz"))):
        file.unlink()
    status = json.loads(stopped.file("status.json").read_text()) | {"status": "interrupted"}
    stopped.file("status.json").write_text(json.dumps(status))
    assert len(arrays(stopped)) == len(arrays(whole))  # those of the first epoch
    resumed = fit(load(stopped.path), resume=stopped)
    for one, other in zip(arrays(whole), arrays(resumed), strict=True):
        np.testing.assert_array_equal(one, other)


def arrays(of: Run) -> list[np.ndarray]:
    with np.load(max(of.checkpoints.glob("step-*.npz"))) as file:
        return [file[name] for name in sorted(file.files) if name != "state"]
