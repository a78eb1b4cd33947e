"""`key=value` and `~key` on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kssl import recipe

Write = Callable[..., Path]
Find = Callable[..., list[recipe.Problem]]


def test_values_are_yaml_and_may_hold_equals_signs(write: Write, text: str) -> None:
    loaded = recipe.load(
        write(text),
        [
            "model.latent_dim=8",
            "model.encoder.units=[3]",
            "pretext[1].rate=.2",
            "data={use: my_files, path: 'a=b'}",
            "optimizer.learning_rate=1e-4",
            "~callbacks",
            "~pretext[0]",
            "fit.steps_per_epoch=null",
        ],
    )
    assert loaded.build("model").given["latent_dim"] == 8
    assert loaded.build("model").given["encoder"].given["units"] == [3]
    assert [part.given["rate"] for part in loaded.build("pretext")] == [0.2]
    assert "path: a=b" in loaded.resolved()
    assert loaded.build("optimizer").given["learning_rate"] == 1e-4
    assert loaded.build("callbacks") == []


def test_an_argument_that_the_file_does_not_mention(write: Write, text: str) -> None:
    loaded = recipe.load(write(text), ["model.free_bits=0.5", "pretext[0]={use: my_noise}"])
    assert loaded.build("model").given["free_bits"] == 0.5


def test_sections_that_the_file_does_not_mention(write: Write) -> None:
    text = "data: my_pictures\nmodel: my_vae\n"
    overrides = ["fit.epochs=2", "optimizer='recipe_parts:Adam'", "optimizer.beta_1=.5", "seed=4"]
    loaded = recipe.load(write(text), [*overrides, "pretext=[my_to_float]", "model.beta=2"])
    assert (loaded.settings.fit.epochs, loaded.settings.seed) == (2, 4)
    assert loaded.build("optimizer").given["beta_1"] == 0.5
    assert loaded.uses("pretext") == ["my_to_float"]
    assert loaded.build("model").given["beta"] == 2.0


@pytest.mark.parametrize("override", ["model.use=my_autoencoder", "model=my_autoencoder"])
def test_another_part_keeps_the_arguments_that_it_has(
    write: Write, text: str, override: str
) -> None:
    text = text.replace("latent_dim: 40", "latent_dim: 40, beta: 2.0")
    loaded = recipe.load(write(text), [override])
    loaded.check()
    assert loaded.uses("model") == ["my_autoencoder"]
    assert loaded.build("model").given["latent_dim"] == 40
    assert loaded.build("model").given["encoder"].given["units"] == [400, 200]
    assert loaded.notes == ["model.beta is left out: my_autoencoder has no argument 'beta'"]
    assert "beta" not in loaded.resolved().split("optimizer")[0]


def test_a_nested_part_can_be_exchanged_too(write: Write, text: str) -> None:
    loaded = recipe.load(write(text), ["model.encoder=my_convolutions"])
    assert loaded.build("model").given["encoder"].given["filters"] == (8, 16)
    assert loaded.notes == ["model.encoder.units is left out: my_convolutions has no argument "
                            "'units'"]  # fmt: skip


def test_only_arguments_of_the_file_are_left_out(problems: Find, text: str) -> None:
    (problem,) = problems(text, "model.beta=2", "model=my_autoencoder")
    assert problem.place == "override model.beta=2"
    assert "my_autoencoder has no argument 'beta'" in problem.message


def test_a_whole_part_replaces_the_old_one(write: Write, text: str) -> None:
    loaded = recipe.load(write(text), ["model={use: my_vae, beta: 3}"])
    assert loaded.build("model").given["latent_dim"] == 20
    assert loaded.notes == []


@pytest.mark.parametrize(
    ("override", "path", "message"),
    [
        ("modle.latent_dim=8", "modle.latent_dim", "no 'modle'; did you mean 'model'?"),
        ("modle=my_vae", "modle", "there is no such key; did you mean 'model'?"),
        ("model.latnt_dim=8", "model.latnt_dim", "did you mean 'latent_dim'?"),
        ("model.encodr.units=[3]", "model.encodr.units", "did you mean 'encoder'?"),
        ("model.latent_dim.x=8", "model.latent_dim.x", "it is not a mapping"),
        ("model.latent_dim[0]=8", "model.latent_dim[0]", "it is not a list"),
        ("pretext[7].rate=1", "pretext[7].rate", "the list has 2 items, counted from 0"),
        ("pretext.rate=1", "pretext.rate", "it is not a mapping"),
        ("fit.epoch=3", "fit.epoch", "did you mean 'epochs'?"),
        ("epochs=3", "epochs", "there is no such key; did you mean 'fit.epochs'?"),
        ("path:", "", "put what has blanks in quotes: 'data={use: images, path: photos/}'"),
        ("fit.epochs=many", "fit.epochs", "expected a whole number, but the text 'many'"),
        ("data.split=test", "data.split", "is set by kssl"),
        ("~callback", "callback", "nothing to remove; did you mean 'callbacks'?"),
        ("~model", "model", "a recipe needs this section"),
        ("~pretext[2]", "pretext[2]", "the list has 2 items"),
        ("model.beta=.nan", "", "is not finite"),
        ("model.beta=[1", "", "not YAML"),
        ("model.beta", "", "is neither 'key.key[0]=value' nor '~key'"),
        ("~model.beta=3", "", "is neither"),
        ("=3", "", "is neither"),
        ("model..beta=3", "", "is neither"),
        ("model[x]=3", "", "is neither"),
        ("", "", "is neither"),
    ],
)
def test_what_cannot_be_done_is_told(
    problems: Find, text: str, override: str, path: str, message: str
) -> None:
    (problem,) = problems(text, override)
    assert problem.path == path
    assert message in problem.message
    assert problem.place == f"override {override}" or override == "~model"


def test_all_overrides_are_told_at_once(problems: Find, text: str) -> None:
    found = problems(text, "modle.x=1", "fit.epochs=0", "model.x=1", "nonsense")
    assert len(found) == 4
