"""Names of version 0.1 that have changed: they work, and say what they are called now."""

from __future__ import annotations

import importlib

import keras
import pytest

import kssl
from kssl import moved
from kssl.recipe.schema import signature_of

# Old names of modules that lead to a package: they are made of several modules now.
PACKAGES = {"runs", "data", "diffusion"}


@pytest.mark.parametrize("new", sorted(set(moved.MOVED.values())))
def test_a_module_is_where_the_table_says(new: str) -> None:
    module = importlib.import_module(f"kssl.{new}")
    assert hasattr(module, "__path__") == (new in PACKAGES)


def test_the_sources_of_0_1_are_found_under_their_old_names() -> None:
    for old, names in {
        "data.embedded": ("digits", "synthetic"),
        "data.samples": ("moving_digits", "photographs", "sklearn_table"),
        "data.finding": ("find_file", "Unavailable"),
    }.items():
        with pytest.warns(FutureWarning, match=f"kssl.{old} has moved"):
            module = importlib.import_module(f"kssl.{old}")
        for name in names:
            assert getattr(module, name) is getattr(kssl.data, name)


@moved.renamed(share="fraction")
def halved(values: float, fraction: float = 0.5) -> float:
    """A function with an argument that has been renamed."""
    return values * fraction


def test_an_argument_is_taken_under_its_old_name_with_a_warning() -> None:
    with pytest.warns(FutureWarning, match="halved: share is now fraction; the old name works"):
        assert halved(8.0, share=0.25) == 2.0
    assert halved(8.0, fraction=0.25) == halved(8.0, 0.25) == 2.0


def test_an_argument_under_both_names_is_refused() -> None:
    with pytest.raises(TypeError, match="halved: share and fraction are the same"):
        halved(8.0, share=0.25, fraction=0.5)


def test_the_signature_has_the_new_names_and_says_what_the_old_ones_were() -> None:
    found = signature_of(halved)
    assert list(found.parameters) == ["values", "fraction"]
    assert found.parameters["fraction"].annotation is float
    assert found.renamed == {"share": "fraction"}
    assert signature_of(kssl.layers.ConvNet).renamed == {"entrance_strides": "stem_strides"}


@pytest.mark.parametrize(
    ("make", "attribute", "value"),
    [
        (lambda: kssl.layers.ConvNet([8], entrance_strides=2), "stem_strides", 2),
        (lambda: kssl.optimizers.LARS(trust=0.25), "trust_coefficient", 0.25),
        (lambda: kssl.diffusion.EDMNoise(deviation=2.0), "standard_deviation", 2.0),
    ],
)
def test_settings_of_0_1_are_understood(make: object, attribute: str, value: float) -> None:
    with pytest.warns(FutureWarning, match=f"is now {attribute}"):
        assert getattr(make(), attribute) == value  # type: ignore[operator]


def test_labels_are_dropped_under_the_old_name_too() -> None:
    with pytest.warns(FutureWarning, match="share is now probability"):
        dropped = kssl.diffusion.drop_labels(keras.ops.array([0, 1]), 3, share=1.0)
    assert keras.ops.convert_to_numpy(dropped).tolist() == [3, 3]


def test_a_layer_with_the_configuration_of_0_1_comes_back() -> None:
    config = kssl.layers.ConvNet([8], stem_strides=2).get_config()
    config["entrance_strides"] = config.pop("stem_strides")
    with pytest.warns(FutureWarning, match="ConvNet: entrance_strides is now stem_strides"):
        assert kssl.layers.ConvNet.from_config(config).stem_strides == 2


@pytest.mark.parametrize("name", ["MethodCall", "compiled", "encoder_of", "run"])
def test_inference_is_found_where_it_was(name: str) -> None:
    with pytest.warns(FutureWarning, match=f"use kssl.models.inference.{name}"):
        assert getattr(kssl.models.base, name) is getattr(kssl.models.inference, name)
    with pytest.raises(AttributeError, match="no attribute 'encoder'"):
        kssl.models.base.encoder  # noqa: B018


@pytest.mark.parametrize("room", ["layers", "losses", "models", "optimizers"])
def test_no_two_parts_are_saved_under_one_name(room: str) -> None:
    for found in map(vars(getattr(kssl, room)).get, getattr(kssl, room).__all__):
        name = keras.saving.get_registered_name(found)
        if name.startswith("kssl>"):
            assert keras.saving.get_registered_object(name) is found
