"""AMDIM: which features of one view pick which of the other, and the three losses."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from kssl.layers import ConvNet, MultiscaleEncoder, ProjectionHead
from kssl.losses import local_info_nce
from kssl.models import AMDIM

IMAGES = np.random.RandomState(0).rand(6, 14, 14, 1).astype("float32")
VIEWS = {"view_1": IMAGES, "view_2": IMAGES[:, ::-1].copy()}


def heads(width: int = 5) -> list[ProjectionHead]:
    return [ProjectionHead(width, 16, normalization=None) for _ in range(3)]


def small(**settings: Any) -> AMDIM:
    model = AMDIM(MultiscaleEncoder([4], 6), *heads(), **settings)
    model.build({key: (None, *value.shape[1:]) for key, value in VIEWS.items()})
    return model


def array(tensor: Any) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


def test_views_become_a_vector_and_two_maps_of_projections() -> None:
    model = small()
    outputs = model(VIEWS)
    for view, key in enumerate(VIEWS):
        vector, coarse, fine = model.encoder.maps(VIEWS[key])
        expected = {"student": model.projector(vector)}
        expected["coarse"] = ops.reshape(model.coarse_projector(coarse), (6, 25, 5))
        expected["fine"] = ops.reshape(model.fine_projector(fine), (6, 49, 5))
        for name, tensor in expected.items():
            np.testing.assert_allclose(array(outputs[name][view]), array(tensor), atol=1e-5)
    np.testing.assert_allclose(array(model.embed(IMAGES)), array(model.encoder(IMAGES)), atol=1e-6)


def test_the_loss_is_the_sum_of_three_each_in_both_directions() -> None:
    model = small(clip=2.0, penalty=0.3)
    outputs = {name: [10.0 * each for each in pair] for name, pair in model(VIEWS).items()}
    drawn = []

    def one_place(places: Any) -> Any:
        drawn.append(array(AMDIM._one_place(model, places)))
        return ops.convert_to_tensor(drawn[-1])

    model._one_place = one_place
    found = float(model.objective(VIEWS, outputs, None, True))
    vector, coarse, fine = (
        [array(each) for each in outputs[name]] for name in ("student", "coarse", "fine")
    )
    for view, place in enumerate(drawn):  # one of its own image's places
        same = np.abs(coarse[view] - place[:, None]).max(-1) < 1e-6
        assert same.any(axis=1).all()
    terms = {}
    for name, sources, targets in (
        ("vector_to_coarse", vector, coarse),
        ("vector_to_fine", vector, fine),
        ("coarse_to_coarse", drawn, coarse),
    ):
        both = [
            array(local_info_nce(sources[one], targets[1 - one], 2.0, 0.3)).mean() for one in (0, 1)
        ]
        terms[name] = np.mean(both)
    logs = {metric.name: float(metric.result()) for metric in model.metrics}
    assert logs == pytest.approx(terms, rel=1e-4)
    assert found == pytest.approx(sum(terms.values()), rel=1e-4)


def test_places_are_drawn_anew_and_every_place_is() -> None:
    model = small()
    places = ops.convert_to_tensor(np.tile(np.arange(25.0, dtype="float32")[:, None], (400, 1, 1)))
    drawn = array(model._one_place(places))
    assert set(drawn.ravel()) == set(range(25))
    assert not np.array_equal(array(model._one_place(places)), drawn)


def test_no_default_part_normalises_by_the_batch() -> None:
    model = AMDIM(augment="device")
    model.build((None, 28, 28, 1))
    layers = model._flatten_layers()
    assert not any(isinstance(each, keras.layers.BatchNormalization) for each in layers)


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="has no method maps: give kssl.layers.MultiscaleEncoder"):
        AMDIM(ConvNet([4]))
    with pytest.raises(ValueError, match="clip must be above 0; got 0"):
        AMDIM(clip=0)
    projector, coarse, _ = heads()
    model = AMDIM(MultiscaleEncoder([4], 6), projector, coarse, heads(7)[0])
    with pytest.raises(ValueError, match="map are 5, 5 and 7 wide: .* three projectors one width"):
        model.build(IMAGES.shape)
    with pytest.raises(ValueError, match="AMDIM reads view_1 and view_2, .* two_views before it"):
        small()({"image": IMAGES})
