"""Names of version 0.1 that have changed: they work, and say what they are called now."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
import tensorflow as tf

import kssl
from kssl import moved
from kssl.data.text.corpus import corpus_of
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
        (lambda: kssl.layers.RandomView(grey=0.25), "gray", 0.25),
        (lambda: kssl.pretext.View(grey=0.25), "gray", 0.25),
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


def test_transforms_and_sources_take_the_names_of_0_1() -> None:
    for part, names in {
        kssl.pretext.split: {"share": "fraction"},
        kssl.pretext.inpaint: {"share": "fraction"},
        kssl.pretext.jigsaw: {"grey": "gray"},
        kssl.pretext.frame_order: {"valid_share": "valid_probability"},
        kssl.pretext.mask_time: {"chance": "start_fraction"},
        kssl.pretext.mask_tokens: {
            "mask_share": "mask_fraction",
            "random_share": "random_fraction",
        },
        kssl.pretext.sentence_pairs: {"random_share": "random_probability"},
        kssl.pretext.sentence_order: {"swap_share": "swap_probability"},
        kssl.data.text: {"shares": "fractions"},
        kssl.data.python_topics: {"shares": "fractions"},
        **dict.fromkeys(
            (getattr(kssl.data, name) for name in "audio captions images tabular video".split()),
            {"broken_share": "broken_fraction", "shares": "fractions"},
        ),
    }.items():
        assert signature_of(part).renamed == names
    with pytest.warns(FutureWarning, match="split: share is now fraction"):
        half = kssl.pretext.split("right", share=0.25)({"image": tf.ones((4, 8, 1))})
    assert int(tf.reduce_sum(tf.cast(half["mask"], tf.int32))) == 4 * 2


def test_settings_within_a_setting_are_understood_too() -> None:
    with pytest.warns(FutureWarning, match="two_views: grey is now gray"):
        kssl.pretext.two_views(first={"grey": 0.0})
    with pytest.warns(FutureWarning, match="corpus: shares is now fractions"):
        corpus = corpus_of({"path": "python_topics", "shares": [0.2, 0.3]})
    assert corpus.fractions == (0.2, 0.3)


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


PACKAGE = Path(kssl.__file__).parent
# Words for which there is a standard term, and spellings that are not Keras'.
REPLACED = {"share", "shares", "chance", "chances", "colour", "colours", "grey", "greys"}
# The level of a guess, which is called so everywhere.
CHANCE_LEVEL = {"pretext/task.py: chance", "evaluation/generation/sample_quality.py: chance"}
CHANCE_LEVEL |= {"models/cpc.py: chance_loss"}


def names_of(file: Path) -> Iterator[str]:
    """Yield the names of functions, classes, arguments and annotated fields."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_names_are_the_standard_terms() -> None:
    found = set()
    for file in sorted(PACKAGE.rglob("*.py")):
        where = file.relative_to(PACKAGE).as_posix()
        for name in names_of(file):
            words = name.lower().replace("standard_deviation", "").strip("_").split("_")
            if REPLACED & {*words} or "deviation" in words:
                found.add(f"{where}: {name}")
    assert found == CHANCE_LEVEL
