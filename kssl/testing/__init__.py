"""The contract of each kind of part, as checks that a plugin runs on its own parts.

A check is a small function with a readable name; a test of all of them is a few lines:

    @kssl.testing.parametrize_checks(
        kssl.testing.loss_checks(lambda: LogCosh(scale=2.0)),
        kssl.testing.transform_checks(lambda: occlude(size=4), {"image": images}),
    )
    def test_contract(check):
        check()

`check_loss`, `check_transform`, … run all checks of one part at once, without pytest.
"""

from __future__ import annotations

from kssl.testing.callbacks import callback_checks, check_callback
from kssl.testing.common import Check, parametrize_checks
from kssl.testing.datasets import check_dataset, dataset_checks
from kssl.testing.evaluations import check_evaluation, evaluation_checks
from kssl.testing.layers import check_layer, layer_checks
from kssl.testing.losses import check_loss, loss_checks
from kssl.testing.modalities import check_modality, modality_checks
from kssl.testing.models import check_model, model_checks
from kssl.testing.optimizers import (
    check_optimizer,
    check_schedule,
    optimizer_checks,
    schedule_checks,
)
from kssl.testing.recipes import check_recipe, recipe_checks
from kssl.testing.transforms import check_transform, transform_checks

__all__ = [
    "Check",
    "callback_checks",
    "check_callback",
    "check_dataset",
    "check_evaluation",
    "check_layer",
    "check_loss",
    "check_modality",
    "check_model",
    "check_optimizer",
    "check_recipe",
    "check_schedule",
    "check_transform",
    "dataset_checks",
    "evaluation_checks",
    "layer_checks",
    "loss_checks",
    "modality_checks",
    "model_checks",
    "optimizer_checks",
    "parametrize_checks",
    "recipe_checks",
    "schedule_checks",
    "transform_checks",
]
