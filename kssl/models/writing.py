"""Text generation with a language model, with KerasHub's samplers and cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

if TYPE_CHECKING:
    import keras_hub


class Writer:
    """KerasHub's generation with a cache, for a backbone; compiled once for each sampler.

    A plain object: Keras would save a model of KerasHub, and its weights, once more.

    Args:
        network: A GPT-2 backbone.
    """

    def __init__(self, network: Any) -> None:
        self.network = network
        self.samplers: dict[str, Any] = {}

    def __call__(self, start: np.ndarray, context: int, sampler: Any, seed: int | None) -> Any:
        """Return `start` `(count, kept)` written on to `(count, context)`."""
        import keras_hub

        chosen = sampler_of(sampler)
        key = f"{type(chosen).__name__} {chosen.get_config() | {'seed': None}}"
        if key not in self.samplers:
            model = keras_hub.models.GPT2CausalLM(self.network, preprocessor=None)
            # One token is little work: on TensorFlow, XLA makes the loop four times as fast.
            model.compile(sampler=chosen, jit_compile=keras.backend.backend() != "torch")
            self.samplers[key] = model
        model = self.samplers[key]
        for state in model.sampler.variables:
            drawn = np.random.default_rng().integers(2**31) if seed is None else seed
            state.assign(np.array([drawn, 0], dtype=state.dtype))
        ids = np.zeros((len(start), context), "int32")
        ids[:, : start.shape[1]] = start
        real = np.zeros(ids.shape, bool)
        real[:, : start.shape[1]] = True
        inputs = {"token_ids": ids, "padding_mask": real}
        return model.generate(inputs, stop_token_ids=None)["token_ids"]


def sampler_of(sampler: Any) -> keras_hub.samplers.Sampler:
    """Return a sampler of KerasHub from itself, its name, or a dict of its name and settings.

    Raises:
        ValueError: If KerasHub has none of that name, or it has not such settings.
    """
    import keras_hub

    if isinstance(sampler, keras_hub.samplers.Sampler):
        return sampler
    settings = dict(sampler) if isinstance(sampler, Mapping) else {"name": sampler}
    name = settings.pop("name", "random")
    classes = {
        "beam": keras_hub.samplers.BeamSampler,
        "greedy": keras_hub.samplers.GreedySampler,
        "random": keras_hub.samplers.RandomSampler,
        "top_k": keras_hub.samplers.TopKSampler,
        "top_p": keras_hub.samplers.TopPSampler,
    }
    if name not in classes:
        raise ValueError(f"sampler {name!r} is none of {', '.join(classes)}")
    try:
        return classes[name](**settings)
    except TypeError as error:
        raise ValueError(f"sampler {name!r} does not take {', '.join(settings)}") from error
