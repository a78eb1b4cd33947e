"""A recipe: loaded, checked, built, written out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kssl import recipe
from kssl.errors import UserError

Write = Callable[..., Path]
Find = Callable[..., list[recipe.Problem]]


def test_settings_and_names(write: Write, text: str) -> None:
    loaded = recipe.load(write(text))
    assert (loaded.name, loaded.stand_in) == ("r", "my_few_pictures")
    assert loaded.settings == recipe.Settings(
        seed=3, fit=recipe.FitSettings(batch_size=64, epochs=20)
    )
    assert loaded.uses("pretext") == ["my_to_float", "my_noise"]
    assert loaded.uses("data") == ["my_pictures"]


def test_loading_imports_neither_keras_nor_numpy() -> None:
    code = "import sys, kssl.recipe; kssl.recipe.Settings(); kssl.plugins.offered('models');"
    code += "print([name for name in ('keras', 'numpy', 'tensorflow') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_everything_is_built_inside_out(write: Write, text: str) -> None:
    loaded = recipe.load(write(text))
    model = loaded.build("model")
    assert model.given["latent_dim"] == 40
    assert model.given["encoder"].given["units"] == [400, 200]
    assert loaded.build("model") is not model
    assert loaded.build("optimizer").given["learning_rate"] == 1e-3
    assert [part.given for part in loaded.build("pretext")][1] == {"rate": 0.1, "kind": "gaussian"}
    assert loaded.build("evaluate")[0].given["neighbours"] == 5


def test_arguments_of_kssl_reach_only_parts_that_have_them(write: Write, text: str) -> None:
    (part,) = recipe.load(write(text)).build("callbacks", folder=Path("figures"), other=1)
    assert part.given["folder"] == Path("figures")
    changed = recipe.load(write(text), ["callbacks=[{use: my_grid, folder: mine}]"])
    assert changed.build("callbacks", folder=Path("x"))[0].given["folder"] == Path("mine")


def test_the_data_and_its_stand_in(write: Write, text: str) -> None:
    loaded = recipe.load(write(text))
    assert loaded.dataset("test").given == {"split": "test", "size": (28, 28), "limit": None}
    assert loaded.dataset("train", stand_in=True).given == {"split": "train", "few": True}
    without = recipe.load(write(text), ["~data.stand_in"])
    assert without.stand_in is None
    with pytest.raises(UserError, match="names no stand-in"):
        without.dataset("train", stand_in=True)


def test_a_stand_in_with_arguments(write: Write, text: str) -> None:
    loaded = recipe.load(write(text), ["data.stand_in={use: my_pictures, limit: 9}"])
    assert loaded.stand_in == "my_pictures"
    assert loaded.dataset("train", stand_in=True).given["limit"] == 9


def test_all_mistakes_are_told_at_once_with_their_places(problems: Find, text: str) -> None:
    wrong = text.replace("latent_dim", "latent_dims").replace("rate: 1e-1", "rate: fast")
    wrong = wrong.replace("epochs: 20", "epochs: 0").replace("my_grid", "my_grind") + "modle: x\n"
    found = {problem.path: problem for problem in problems(wrong)}
    assert len(found) == 5
    assert found["model.latent_dims"].place.endswith("r.yaml:7")
    assert "my_vae has no argument 'latent_dims'; did you mean 'latent_dim'?" in str(
        found["model.latent_dims"]
    )
    assert "expected a number, but the text 'fast'" in found["pretext[1].rate"].message
    assert "at least 1, but 0" in found["fit.epochs"].message
    assert "did you mean 'my_grid'" in found["callbacks[0]"].message
    assert found["modle"].place.endswith("r.yaml:12")
    assert "did you mean 'model'" in found["modle"].message


def test_the_message_has_a_line_for_each_mistake(write: Write) -> None:
    path = write("seed: -1\njit: maybe")
    with pytest.raises(recipe.RecipeError) as caught:
        recipe.load(path)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"4 problems in {path}:"
    assert lines[1] == f"{path}:1: seed: expected at least 0, but -1 is given"
    assert lines[2].startswith(f"{path}:2: jit: expected true or false or one of 'auto'")
    assert [line.split(": ")[1] for line in lines[3:]] == ["data", "model"]


@pytest.mark.parametrize(
    ("section", "path", "message"),
    [
        ("data: 3", "data", "expected the name of one of the datasets, or {use: name, …}"),
        ("data: {name: my_pictures}", "data", "needs 'use: name'; write 'use:' for 'name'"),
        ("data: {use: [a]}", "data", "needs 'use: name', not a list"),
        ("data: {use: my_pictures, split: test}", "data.split", "is set by kssl"),
        ("data: {use: my_files}", "data", "needs the argument 'path' (text)"),
        ("data: {use: my_pictures, stand_in: 3}", "data.stand_in", "expected the name"),
        ("data: {use: my_pictures, stand_in: my_fiels}", "data.stand_in", "'my_files'"),
        ("data: {use: 'nowhere.at.all:x'}", "data", "cannot be imported from 'nowhere.at.all'"),
        ("data: {use: 'recipe_parts:fils'}", "data", "'recipe_parts' has no 'fils'"),
        ("data: {use: '../../etc:passwd'}", "data", "is not a path such as"),
        ("data: {use: 'recipe_parts:__doc__'}", "data", "cannot be used: it is neither"),
        ("pretext: my_noise", "pretext", "expected a list [ … ], but the text 'my_noise'"),
        ("pretext: [[my_noise]]", "pretext[0]", "expected the name of one of the transforms"),
        ("pretext: [{use: my_vae}]", "pretext[0]", "'my_vae' is not among the transforms"),
        ("model: {use: my_vae, encoder: 3}", "model.encoder", "a part ({use: …})"),
        ("model: {use: my_vae, encoder: my_mlp}", "model.encoder", "needs the argument 'units'"),
        ("model: {use: my_vae, beta: {use: my_mlp}}", "model.beta", "expected a number, but {use"),
        ("fit: 3", "fit", "expected a mapping, but the number 3 is given"),
        ("fit: {epoch: 3}", "fit.epoch", "there is no such key; did you mean 'epochs'"),
        ("fit: {batch_size: 1.5}", "fit.batch_size", "expected a whole number"),
        ("backend: theano", "backend", "one of 'tensorflow', 'jax', 'torch'"),
        ("precision: float16", "precision", "did you mean"),
        ("seed: true", "seed", "expected a whole number, but true"),
    ],
)
def test_each_mistake_is_explained(
    problems: Find, text: str, section: str, path: str, message: str
) -> None:
    key = section.split(":")[0]
    lines = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
    (problem,) = problems("\n".join([*lines, section]))
    assert problem.path == path
    assert message in problem.message
    assert problem.place.endswith(f"r.yaml:{len(lines) + 1}")


def test_what_a_constructor_refuses_has_its_place(write: Write, text: str) -> None:
    loaded = recipe.load(write(text), ["model.latent_dim=0"])
    loaded.check()
    with pytest.raises(recipe.RecipeError, match="latent_dim must be at least 1; got 0") as caught:
        loaded.build("model")
    assert caught.value.problems[0].path == "model"
    assert isinstance(caught.value.__cause__, ValueError)


def test_data_that_is_not_there_has_its_place(write: Write, text: str) -> None:
    loaded = recipe.load(write(text), ["data={use: my_files, path: nowhere}"])
    with pytest.raises(recipe.RecipeError, match="data: my_files refused .* there is no nowhere"):
        loaded.dataset("train")


def test_a_wrong_section_name_of_the_caller_is_no_user_error(write: Write, text: str) -> None:
    with pytest.raises(ValueError, match="no section 'modl'; did you mean 'model'"):
        recipe.load(write(text)).build("modl")


def test_the_resolved_recipe_replays(write: Write, text: str) -> None:
    first = recipe.load(write(text), ["model.free_bits=.5", "fit.epochs=2", "jit=true"]).resolved()
    second = recipe.load(write(first, "again.yaml"))
    assert second.resolved() == first
    assert second.settings.fit.epochs == 2 and second.settings.jit is True
    assert second.build("model").given["free_bits"] == 0.5


def test_the_resolved_recipe_has_plain_defaults_and_the_head_comment(
    write: Write, text: str
) -> None:
    told = text.replace("r.yaml\n", "r.yaml    2 minutes\n# Accuracy 97 % (untrained 70)\n", 1)
    resolved = recipe.load(write(told)).resolved()
    # Neither the command nor the results: they are of other runs.
    assert resolved.startswith("# A recipe\nseed: 3\nprecision: float32\n")
    other = recipe.load(write(told), ["data={use: my_few_pictures}"]).resolved().splitlines()[0]
    assert other.startswith("# From the recipe ") and other.endswith(", with other data.")
    assert "  size: [28, 28]\n  stand_in:\n    use: my_few_pictures\n" in resolved
    assert "    units: [400, 200]\n    activation: relu\n" in resolved
    assert "  likelihood: bernoulli\n" in resolved
    assert "  beta_1: 0.9\n  amsgrad: false\n" in resolved
    assert "pretext:\n  - use: my_to_float\n  - use: my_noise\n    rate: 0.1\n" in resolved
    assert "split" not in resolved and "null" not in resolved


@pytest.mark.parametrize("value", ["'1e3'", "'true'", "'null'", "''", "'a: b'", "'#x'", "' x '"])
def test_odd_texts_survive_being_written(write: Write, text: str, value: str) -> None:
    resolved = recipe.load(write(text), [f"evaluate[0].weights={value}"]).resolved()
    (part,) = recipe.load(write(resolved, "again.yaml")).build("evaluate")
    assert part.given["weights"] == value[1:-1]


@pytest.mark.parametrize("value", ["1e-07", "1e22", "3.0", "-0.1", "123456789.125"])
def test_numbers_survive_being_written(write: Write, text: str, value: str) -> None:
    resolved = recipe.load(write(text), [f"model.beta={value}"]).resolved()
    built = recipe.load(write(resolved, "again.yaml")).build("model")
    assert built.given["beta"] == float(value)


def test_the_folder_of_a_run_is_a_recipe_with_the_name_of_its_recipe(
    write: Write, text: str
) -> None:
    path = write(text, "runs/vae/3/recipe.yaml")
    for source in (path.parent, path):
        assert recipe.load(source).name == "vae"
    assert recipe.load(write(text, "recipe.yaml")).name == "recipe"


def test_a_recipe_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    messages = {
        "vae_mnits": "no recipe 'vae_mnits', neither as a file nor by name; did you mean 'vae_mnis",
        "vae_mnist.yml": "there is no file 'vae_mnist.yml'; did you mean 'vae_mnist'",
        "a/b": "there is no file 'a/b'",
        ".": "is a folder without a recipe.yaml",
        "x" * 5000: "is not the name of a file",
        "a\0b": "",
    }
    for source, message in messages.items():
        with pytest.raises(UserError) as caught:
            recipe.load(source)
        assert message in str(caught.value)


def test_a_file_wins_over_a_name(
    write: Write, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(text, "vae_mnist")
    assert recipe.load("vae_mnist").uses("model") == ["my_vae"]


def test_optional_sections_can_be_left_out_or_empty(write: Write) -> None:
    text = "data: my_pictures\nmodel: my_vae\noptimizer: 'recipe_parts:Adam'\ncallbacks:\nfit:\n"
    loaded = recipe.load(write(text))
    assert loaded.build("callbacks") == [] and loaded.build("pretext") == []
    assert loaded.settings == recipe.Settings()


def test_base_arguments_can_be_given_and_are_not_written_by_themselves(
    write: Write, text: str
) -> None:
    loaded = recipe.load(write(text), ["model.name=mine"])
    assert loaded.build("model").given["name"] == "mine"
    assert "name: mine" in loaded.resolved()
    assert "dtype" not in loaded.resolved()


def test_nested_data_is_given_as_it_is(write: Write, text: str) -> None:
    override = "callbacks=[{use: my_grid, settings: {a: 1, b: 2.5}}]"
    (part,) = recipe.load(write(text), [override]).build("callbacks")
    given: dict[str, Any] = part.given["settings"]
    assert given == {"a": 1.0, "b": 2.5}
