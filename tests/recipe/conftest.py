"""Parts that cost nothing to import, offered by a plugin made for the test."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

import kssl
from kssl import plugins, recipe


class Part:
    """What a constructor was given."""

    def __init__(self, **given: Any) -> None:
        self.given = given


class Layer(Part):
    """Stands for Keras' base class."""

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)


class Mlp(Layer):
    def __init__(self, units: list[int], activation: str = "relu", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.given |= {"units": units, "activation": activation}


class Convolutions(Layer):
    def __init__(self, filters: tuple[int, ...] = (8, 16), activation: str = "gelu") -> None:
        super().__init__()
        self.given |= {"filters": filters, "activation": activation}


class Vae(Layer):
    def __init__(
        self,
        latent_dim: int = 20,
        encoder: Layer | None = None,
        loss: Layer | str | None = None,
        beta: float = 1.0,
        likelihood: Literal["bernoulli", "gaussian"] = "bernoulli",
        free_bits: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if latent_dim < 1:
            raise ValueError(f"latent_dim must be at least 1; got {latent_dim}")
        self.given |= {"latent_dim": latent_dim, "encoder": encoder, "loss": loss, "beta": beta}
        self.given |= {"likelihood": likelihood, "free_bits": free_bits}


class AutoEncoder(Layer):
    def __init__(self, latent_dim: int, encoder: Layer | None = None, rate: float = 0.5) -> None:
        super().__init__()
        self.given |= {"latent_dim": latent_dim, "encoder": encoder, "rate": rate}


class Adam(Part):  # like Keras' own: no annotations
    def __init__(self, learning_rate=0.001, beta_1=0.9, amsgrad=False, clipnorm=None, name="adam"):
        super().__init__(learning_rate=learning_rate, beta_1=beta_1, amsgrad=amsgrad)


def pictures(split: str, size: tuple[int, int] = (28, 28), limit: int | None = None) -> Part:
    return Part(split=split, size=size, limit=limit)


def few_pictures(split: str = "train") -> Part:
    return Part(split=split, few=True)


def files(split: str, path: str, pattern: str = "*") -> Part:
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no {path}")
    return Part(split=split, path=path, pattern=pattern)


def to_float() -> Part:
    return Part(transform="to_float")


def noise(rate: float = 0.3, kind: Literal["gaussian", "masking"] = "gaussian") -> Part:
    return Part(rate=rate, kind=kind)


def grid(every: int = 1, folder: Path | None = None, settings: dict[str, float] | None = None):
    return Part(every=every, folder=folder, settings=settings)


def probe(neighbours: list[int] | int = 20, weights: Any = None) -> Part:
    return Part(neighbours=neighbours, weights=weights)


OFFERS = {
    "datasets": (pictures, few_pictures, files),
    "transforms": (to_float, noise),
    "layers": (Mlp, Convolutions),
    "models": (Vae, AutoEncoder),
    "optimizers": (Adam,),
    "callbacks": (grid,),
    "evaluations": (probe,),
}


def _plugin() -> types.ModuleType:
    def offer(kind: str) -> Callable[..., None]:
        @kssl.hookimpl
        def hook(register: Any) -> None:
            for part in OFFERS[kind]:
                name = f"my_{part.__name__.lower()}"
                register(name, f"recipe_parts:{part.__name__}", help="for the tests")

        return hook

    plugin = types.ModuleType("recipe_plugin")
    for kind in OFFERS.keys() & set(plugins.KINDS):
        setattr(plugin, f"register_{kind}", offer(kind))
    return plugin


@pytest.fixture(autouse=True)
def parts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Offer the parts above as `my_vae`, `my_pictures`, … and as `recipe_parts:Adam`."""
    module = types.ModuleType("recipe_parts")
    for offers in OFFERS.values():
        for part in offers:
            setattr(module, part.__name__, part)
    monkeypatch.setitem(sys.modules, "recipe_parts", module)
    plugins.forget()
    plugins.manager().register(_plugin(), name="tests")
    yield
    plugins.forget()


TEXT = """\
# A recipe
#   kssl fit r.yaml

seed: 3
data: {use: my_pictures, stand_in: my_few_pictures}
pretext: [my_to_float, {use: my_noise, rate: 1e-1}]
model: {use: my_vae, latent_dim: 40, encoder: {use: my_mlp, units: [400, 200]}}
optimizer: {use: "recipe_parts:Adam", learning_rate: 1e-3}
fit: {batch_size: 64, epochs: 20}
callbacks: [my_grid]
evaluate: [{use: my_probe, neighbours: 5}]
"""


@pytest.fixture
def text() -> str:
    """A recipe without mistakes."""
    return TEXT


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a recipe file and return its path."""

    def write_file(text: str, name: str = "r.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def problems(write: Callable[[str], Path]) -> Callable[..., list[recipe.Problem]]:
    """Return the mistakes of a recipe text; fails when there are none."""

    def find(text: str, *overrides: str) -> list[recipe.Problem]:
        with pytest.raises(recipe.RecipeError) as caught:
            recipe.load(write(text), overrides, strict=False).check()
        return caught.value.problems

    return find
