"""The contract of every part of this package: this is all that a plugin needs to write."""

from __future__ import annotations

from functools import partial

import pytest

pytest.importorskip("kssl_example", reason="needs: pip install -e plugins/kssl-example")

import numpy as np
from kssl_example.images import occlude, rings
from kssl_example.linear import LinearAutoEncoder, LogCosh

from kssl import testing

IMAGES = np.random.default_rng(0).random((8, 10, 12, 1), dtype=np.float32)


@testing.parametrize_checks(
    testing.dataset_checks(partial(rings, examples=50)),
    testing.transform_checks(partial(occlude, size=4), {"image": IMAGES}),
    testing.loss_checks(partial(LogCosh, scale=0.5)),
    testing.model_checks(
        partial(LinearAutoEncoder, latent_dim=3, loss=LogCosh(scale=0.5)), {"image": IMAGES}
    ),
    testing.recipe_checks("rings"),
)
def test_contract(check: testing.Check) -> None:
    check()
