"""The figure that a language model brings: text samples."""

from __future__ import annotations

from typing import Any

Drawn = tuple[str, str]  # text, caption


def samples(scene: Any) -> Drawn:
    """Three texts, drawn at a low temperature."""
    from kssl.tokenizers import decoded, prompt_ids

    start = prompt_ids(scene.vocabulary)
    sampler = {"name": "random", "temperature": 0.8}  # small models ramble at 1
    ids = scene.model.generate(3, seed=scene.seed, prompt=start, length=600, sampler=sampler)
    texts = decoded(scene.vocabulary, ids)
    caption = "Three texts of 600 tokens, each token drawn at temperature 0.8; none chosen."
    return "\n\n―――\n\n".join(text.strip() for text in texts), caption
