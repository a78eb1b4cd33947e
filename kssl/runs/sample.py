"""What a trained generative model draws or writes."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from kssl.errors import RunError, UserError
from kssl.runs.load import Loaded


def sample_images(
    loaded: Loaded, output: Path, count: int = 64, seed: int | None = None, **settings: Any
) -> Path:
    """Write a grid of generated images as PNG; without a seed, that of the recipe is taken.

    Args:
        loaded: The run.
        output: The file.
        count: Images.
        seed: Of the noise.
        settings: Further ones of the model's `generate`, such as `guidance` of
            `kssl.models.Diffusion`.

    Raises:
        UserError: The model does not generate, or not with such settings.
    """
    import keras
    import numpy as np

    from kssl.callbacks.sample_grid import write_grid

    images = _generated(loaded, count, seed, **settings)
    images = keras.ops.convert_to_numpy(images)
    if not np.isfinite(images).all():
        raise RunError("the generated images are not finite: training has diverged")
    return write_grid(images.astype("float32"), output)


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


def _generated(loaded: Loaded, count: int, seed: int | None, **settings: Any) -> Any:
    model = loaded.model
    if not hasattr(model, "generate"):
        raise UserError(f"{type(model).__name__} does not generate")
    taken = inspect.signature(model.generate).parameters
    if unknown := [name for name in settings if name not in taken]:
        raise UserError(f"{type(model).__name__} does not generate by {', '.join(unknown)}")
    seed = loaded.recipe.settings.seed if seed is None else seed
    try:
        return model.generate(count, seed=seed, **settings)
    except ValueError as error:
        raise UserError(str(error)) from error
