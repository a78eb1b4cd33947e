"""Models that version 0.1 has saved."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

import kssl
from kssl.layers.resnet import ConvNet

KEPT = sorted((Path(__file__).resolve().parent.parent / "kept").glob("*/1"))
NEW_NAMES = ConvNet.__init__.renamed  # old -> new


def written(file: Path) -> dict[str, Any]:
    """The configuration in a `.keras` file."""
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("config.json"))["config"]


def differences(old: Any, new: Any, place: str) -> Iterator[str]:
    """What an old configuration has that is lost or changed in the new one."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            key = NEW_NAMES.get(key, key)
            if key in new and key != "module":  # modules have moved
                yield from differences(value, new[key], f"{place}.{key}")
            elif key not in new and key not in ("build_config", "shared_object_id"):
                yield f"{place}.{key}"
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif old != new:
        yield f"{place}: {old} -> {new}"


def test_there_are_some() -> None:
    assert len(KEPT) == 9


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.parent.name)
def test_a_model_of_0_1_comes_back_with_all_its_settings(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model = keras.models.load_model(folder / "model.keras")  # a weight that is amiss raises
    config = written(folder / "model.keras")
    again = json.loads(json.dumps(model.get_config()))
    assert list(differences(config, again, type(model).__name__)) == []


def test_a_recipe_of_0_1_is_read_with_a_note_on_what_has_another_name() -> None:
    (folder,) = (each for each in KEPT if each.parent.name == "simclr_fashion")
    recipe = kssl.recipe.load(folder / "recipe.yaml")
    recipe.check()
    assert any("encoder.entrance_strides is now 'stem_strides'" in each for each in recipe.notes)
    assert recipe.build("model").encoder.stem_strides == 2
    assert "stem_strides: 2" in recipe.resolved() and "entrance" not in recipe.resolved()


def test_a_recipe_with_an_argument_under_both_names_is_refused() -> None:
    changes = ["model.encoder={use: conv_net, entrance_strides: 2, stem_strides: 1}"]
    with pytest.raises(kssl.errors.UserError, match="is the same as 'stem_strides'"):
        kssl.recipe.load("simclr_fashion", changes).check()
