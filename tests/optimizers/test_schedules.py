"""`WarmupCosine`: a warm-up in steps or as a fraction, and what it refuses."""

from __future__ import annotations

import keras
import pytest

import kssl
from kssl.optimizers import WarmupCosine


@pytest.mark.parametrize(
    ("total", "warmup", "steps"), [(3424, 0.05, 171), (100, 0.09, 9), (2, 0.9, 1), (1, 0.5, 0)]
)
def test_a_fraction_is_as_good_as_the_steps_that_it_makes(
    total: int, warmup: float, steps: int
) -> None:
    fraction = WarmupCosine(0.5, total, warmup=warmup)
    number = WarmupCosine(0.5, total, steps)
    for step in (0, steps // 2, steps, (steps + total) // 2, total):
        assert float(fraction(step)) == float(number(step))


def test_it_is_the_same_after_saving() -> None:
    schedule = WarmupCosine(0.5, 40, final=0.1, batch_size=512, warmup=0.25)
    config = keras.saving.serialize_keras_object(schedule)
    again = keras.saving.deserialize_keras_object(config)
    assert [float(again(step)) for step in range(41)] == [
        float(schedule(step)) for step in range(41)
    ]


def test_a_configuration_of_the_version_before_still_loads() -> None:
    config = WarmupCosine(0.5, 40, 10).get_config()
    del config["warmup"]
    assert WarmupCosine.from_config(config).rise == 10


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"warmup_steps": 5, "warmup": 0.1},
            "give warmup_steps or warmup, not both; got 5 and 0.1",
        ),
        ({"warmup": 5}, "warmup is a fraction .* got 5: give a number of steps as warmup_steps"),
        ({"warmup": -0.1}, "at least 0 and less than 1; got -0.1"),
        ({"warmup_steps": 50}, "less than total_steps; got 50 and 50"),
    ],
)
def test_refusals_say_what_was_expected(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WarmupCosine(0.5, 50, **settings)


@pytest.mark.parametrize(
    ("name", "examples", "total", "warmup"),
    [
        ("vae_mnist", 55_000, 21_450, None),
        ("triplet_mnist", 55_000, 429, None),
        ("diffusion_mnist", 55_000, 2_577, 100),
        ("simclr_fashion", 55_000, 3_424, 171),
        ("mae_fashion", 55_000, 1_712, 214),
        ("bert_news", 0, 15_000, 500),
        ("gpt_shakespeare", 0, 2_000, 100),
        ("simclr_cifar10_gpu", 45_000, 8_700, 0),
        ("mae_cifar10_gpu", 45_000, 20_000, 2_000),
        ("diffusion_cifar10_gpu", 45_000, 800_280, 5_000),
        ("bert_wikipedia_gpu", 0, 1_000_000, 10_000),
        ("gpt_shakespeare_gpu", 0, 5_000, 100),
    ],
)
def test_a_recipe_on_its_own_data_has_the_length_that_it_was_run_with(
    name: str, examples: int, total: int, warmup: int | None
) -> None:
    recipe = kssl.recipe.load(name)
    fitting = recipe.settings.fit
    steps = fitting.steps_per_epoch or examples // fitting.batch_size
    recipe.supply.facts["total_steps"] = steps * fitting.epochs
    optimizer = recipe.build("optimizer")
    schedule = getattr(optimizer, "optimizer", optimizer)._learning_rate
    if warmup is None:
        assert schedule.decay_steps == total
    else:
        assert (schedule.total_steps, schedule.rise) == (total, warmup)
