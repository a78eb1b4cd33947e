"""What the source declares is what the imported part says, and Keras is not imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kssl import plugins, recipe
from kssl.recipe import schema
from kssl.recipe.declared import declared
from kssl.recipe.kinds import kind_of_argument
from kssl.recipe.source_code import Doubt

PARTS = [
    (kind, name, part.path)
    for kind in plugins.KINDS
    if kind != "recipes"
    for name, part in plugins.offered(kind).items()
    if part.owner == "kssl"
]
OF_KERAS = [
    ("optimizers", "adam"),
    ("optimizers", "AdamW"),
    ("schedules", "cosine_decay"),
    ("layers", "dense"),
    ("layers", "conv_2d"),
    ("losses", "mean_squared_error"),
    ("callbacks", "early_stopping"),
    ("initializers", "he_normal"),
]


@pytest.mark.parametrize(("kind", "name"), [*((kind, name) for kind, name, _ in PARTS), *OF_KERAS])
def test_the_source_says_what_the_part_says(kind: str, name: str) -> None:
    source, real = declared(kind, name), schema.signature_of(plugins.find(kind, name))
    own = {key for key, parameter in real.parameters.items() if not parameter.inherited}
    assert set(source.signature.parameters) <= set(real.parameters)
    assert own <= set(source.signature.parameters) or (kind, name) in OF_KERAS
    for key in own & set(source.signature.parameters) - source.doubtful:
        said, meant = source.signature.parameters[key], real.parameters[key]
        assert said.required == meant.required, key
        assert schema.expected(said.annotation) == schema.expected(meant.annotation), key
        kinds = {kind_of_argument(key, kind, each.annotation) for each in (said, meant)}
        assert len(kinds) == 1, key


def test_few_arguments_are_doubtful() -> None:
    found = {(kind, name): declared(kind, name).doubtful for kind, name, _ in PARTS}
    assert {key: names for key, names in found.items() if names} == {
        ("transforms", "count"): {"data"}  # a `tf.data.Dataset`
    }


def test_every_recipe_is_seen_to_be_right_without_keras() -> None:
    code = (
        "import sys; from kssl import plugins, recipe\n"
        "for name, part in plugins.offered('recipes').items():\n"
        "    if part.owner == 'kssl': print(name, recipe.load(name).is_plainly_right())\n"
        "print({'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    *found, heavy = done.stdout.splitlines()
    assert heavy == "set()" and len(found) >= 21, done.stderr
    assert [line for line in found if not line.endswith(" True")] == []


SMALL = "data: digits\nmodel: {use: vae, latent_dim: 2, %s}\n"


@pytest.mark.parametrize(
    ("entry", "right"),
    [
        ("loss: {use: elbo, beta: 2}", True),
        ("name: mine", True),  # of a base class
        ("encoder: {use: mlp, units: [4]}", True),
        ("encoder: {use: dense, units: 4, kernel_regularizer: l2}", True),
        ("annealing_steps: high", False),
        ("loss: {use: elbo, betta: 2}", False),
        ("encoder: {use: dense}", False),
        ("encoder: {use: mlp, units: x}", False),
        ("encoder: {use: nothing}", False),
        ("encoder: keras.layers.Flatten", False),  # right, which its source is not asked
        ("inputs: 3", False),
    ],
)
def test_only_what_is_plainly_right(tmp_path: Path, entry: str, right: bool) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SMALL % entry)
    assert recipe.load(path, strict=False).is_plainly_right() == right
    if right:
        recipe.load(path).check()


def test_what_is_not_there_or_is_elsewhere_is_doubted() -> None:
    for kind, name in (("models", "nothing"), ("models", "os:system"), ("nonsense", "adam")):
        with pytest.raises(Doubt):
            declared(kind, name)
