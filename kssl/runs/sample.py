"""Samples of a trained generative model: images or text."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, NamedTuple

from kssl.errors import RunError, UserError
from kssl.runs.load import Loaded
from kssl.system.files import replacing


def sample_images(
    loaded: Loaded, output: Path, count: int = 64, seed: int | None = None, **settings: Any
) -> Path:
    """Write a grid of generated examples as PNG; without a seed, that of the recipe is taken.

    Args:
        loaded: The run.
        output: The file.
        count: Examples: images, or whatever else the model generates and can be drawn.
        seed: Of the noise.
        settings: Further ones of the model's `generate`, such as `guidance` of
            `kssl.models.Diffusion`.

    Raises:
        UserError: The model does not generate, or not with such settings.
    """
    import keras
    import numpy as np

    from kssl.callbacks.sample_grid import write_grid

    drawn = keras.ops.convert_to_numpy(_generated(loaded, count, seed, **settings))
    modality = loaded.model.modality
    if not np.isfinite(drawn).all():
        raise RunError(f"the generated {modality.noun[0]}s are not finite: training has diverged")
    pictures = modality.pictures(drawn)
    if pictures is None:
        return _write_examples(loaded, drawn, output)
    return write_grid(pictures.astype("float32"), output)


def _write_examples(loaded: Loaded, drawn: Any, output: Path) -> Path:
    """Write a grid of what is no picture, drawn as its modality does."""
    from kssl.report import canvas
    from kssl.report.scene import Scene

    scene = Scene(None, loaded.model, drawn, None, 0, loaded.train.vocabulary)
    with canvas.style(), replacing(output) as temporary:
        canvas.save(scene.grid(drawn), temporary)
    return output


def sample_texts(
    loaded: Loaded,
    count: int = 1,
    seed: int | None = None,
    prompt: str = "",
    length: int = 500,
    sampler: Any = "random",
) -> list[str]:
    """Return texts that a language model writes; without a seed, that of the recipe is taken.

    Args:
        loaded: The run.
        count: Texts.
        seed: Of the sampler.
        prompt: What each begins with, as text.
        length: Tokens of each, prompt included.
        sampler: See `kssl.models.GPT.generate`.

    Raises:
        UserError: The model does not generate, or a sampler's setting is not possible.
    """
    from kssl.tokenizers import decoded, prompt_ids

    vocabulary = loaded.train.vocabulary
    start = prompt_ids(vocabulary, prompt)
    ids = _generated(loaded, count, seed, prompt=start, length=length, sampler=sampler)
    return decoded(vocabulary, ids)


class Sampling(NamedTuple):
    """What a generative model can be asked for.

    Attributes:
        model: Its name.
        options: The arguments of its `generate`, beside count and seed.
        samplers: The names of its samplers; empty where there is no choice.
        as_text: Whether it writes rather than draws.
    """

    model: str
    options: tuple[str, ...]
    samplers: tuple[str, ...]
    as_text: bool


def sampling(loaded: Loaded) -> Sampling:
    """Return what the model of a run can be asked for.

    Raises:
        UserError: The model does not generate.
    """
    from kssl.models.capabilities import Generates, HasSamplers, has

    model = loaded.model
    if not has(model, Generates):
        raise UserError(f"{type(model).__name__} does not generate")
    taken = inspect.signature(model.generate).parameters
    options = tuple(name for name in taken if name not in ("count", "seed"))
    samplers = tuple(model.samplers) if has(model, HasSamplers) else ()
    return Sampling(type(model).__name__, options, samplers, model.modality.as_text)


def _generated(loaded: Loaded, count: int, seed: int | None, **settings: Any) -> Any:
    known = sampling(loaded).options
    if unknown := [name for name in settings if name not in known]:
        there = f"; it takes {', '.join(known)}" if known else ""
        raise UserError(
            f"{type(loaded.model).__name__} does not generate by {', '.join(unknown)}{there}"
        )
    seed = loaded.recipe.settings.seed if seed is None else seed
    try:
        return loaded.model.generate(count, seed=seed, **settings)
    except ValueError as error:
        raise UserError(str(error)) from error
