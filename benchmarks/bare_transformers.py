"""What JAX itself can do: transformers, see `bare_jax.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from bare_jax import Training, Weights, adam_step, kernel, norm, norm_weights
from jax import lax
from jax import numpy as jnp

Drop = Callable[[jax.Array], jax.Array]


def block_weights(width: int) -> Weights:
    return {
        "norms": [norm_weights(width), norm_weights(width)],
        "heads": (kernel(width, 3 * width), jnp.zeros(3 * width)),
        "joined": (kernel(width, width), jnp.zeros(width)),
        "wide": (kernel(width, 4 * width), jnp.zeros(4 * width)),
        "narrow": (kernel(4 * width, width), jnp.zeros(width)),
    }


def blocks_of(width: int, depth: int) -> list[Weights]:
    return [block_weights(width) for _ in range(depth)]


def dense(x: jax.Array, weights: Any) -> jax.Array:
    return x @ weights[0] + weights[1]


def kept(x: jax.Array) -> jax.Array:
    return x


def attended(x: jax.Array, block: Weights, heads: int, bias: Any, drop: Drop) -> jax.Array:
    batch, length, _ = x.shape
    joined = dense(x, block["heads"]).reshape(batch, length, 3, heads, -1)
    parts = joined.transpose(2, 0, 3, 1, 4)  # (3, batch, heads, length, width of a head)
    scores = parts[0] @ parts[1].swapaxes(2, 3) * parts.shape[-1] ** -0.5 + bias
    seen = drop(jax.nn.softmax(scores)) @ parts[2]
    return dense(seen.swapaxes(1, 2).reshape(batch, length, -1), block["joined"])


def normed_before(
    x: jax.Array, blocks: list[Weights], heads: int, bias: Any = 0.0, exact: bool = True
) -> jax.Array:
    """Blocks of GPT-2 and ViT."""
    for block in blocks:
        x = x + attended(norm(x, *block["norms"][0]), block, heads, bias, kept)
        wide = jax.nn.gelu(dense(norm(x, *block["norms"][1]), block["wide"]), not exact)
        x = x + dense(wide, block["narrow"])
    return x


def normed_after(x: jax.Array, blocks: list[Weights], heads: int, drop: Drop) -> jax.Array:
    """Blocks of BERT."""
    for block in blocks:
        x = norm(x + drop(attended(x, block, heads, 0.0, drop)), *block["norms"][0])
        wide = jax.nn.gelu(dense(x, block["wide"]), True)
        x = norm(x + drop(dense(wide, block["narrow"])), *block["norms"][1])
    return x


def surprise(logits: jax.Array, target: jax.Array) -> jax.Array:
    """Cross-entropy of each target."""
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), target[..., None], -1)


def gpt(vocabulary: int, context: int, depth: int, heads: int, width: int) -> Training:
    """Return the training of a GPT-2 on `(ids, targets)`."""
    weights = {
        "tokens": kernel(vocabulary, width),
        "places": kernel(context, width),
        "blocks": blocks_of(width, depth),
        "norm": norm_weights(width),
    }

    def loss_of(weights: Weights, ids: jax.Array, target: jax.Array) -> jax.Array:
        length = ids.shape[1]
        x = weights["tokens"][ids] + weights["places"][:length]
        unseen = jnp.where(jnp.tril(jnp.ones((length, length), bool)), 0.0, -1e9)
        x = normed_before(x, weights["blocks"], heads, unseen, exact=False)
        logits = norm(x, *weights["norm"]) @ weights["tokens"].T
        return surprise(logits, target).mean()

    return Training(weights, adam_step(loss_of, 1e-3, 0.1, 1.0))


def bert(vocabulary: int, length: int, depth: int, heads: int, width: int) -> Training:
    """Return the training of BERT on a batch of `bert_step.py` with `place` and `word`, and a key.

    `place` are the positions `(rows, hidden)` whose words are asked for, or all, and `word` those
    words, -1 where none is.
    """
    weights = {
        "tokens": kernel(vocabulary, width),
        "places": kernel(length, width),
        "parts": kernel(2, width),
        "norm": norm_weights(width),
        "blocks": blocks_of(width, depth),
        "pool": (kernel(width, width), jnp.zeros(width)),
        "pair": (kernel(width, 2), jnp.zeros(2)),
        "head": (kernel(width, width), jnp.zeros(width)),
        "head norm": norm_weights(width),
        "bias": jnp.zeros(vocabulary),
    }

    def loss_of(weights: Weights, batch: dict[str, jax.Array], key: jax.Array) -> jax.Array:
        number = iter(range(100))

        def drop(x: jax.Array) -> jax.Array:
            draw = jax.random.fold_in(key, next(number))
            return jnp.where(jax.random.bernoulli(draw, 0.9, x.shape), x / 0.9, 0.0)

        x = weights["tokens"][batch["tokens"]] + weights["places"]
        x = drop(norm(x + weights["parts"][batch["segment"]], *weights["norm"]))
        x = normed_after(x, weights["blocks"], heads, drop)
        pair = dense(jnp.tanh(dense(x[:, 0], weights["pool"])), weights["pair"])
        asked = jnp.take_along_axis(x, batch["place"][..., None], 1)  # (rows, hidden, width)
        asked = jax.nn.gelu(dense(asked, weights["head"]), True)
        logits = norm(asked, *weights["head norm"]) @ weights["tokens"].T + weights["bias"]
        hidden = batch["word"] >= 0
        words = surprise(logits, jnp.maximum(batch["word"], 0))[..., 0] * hidden
        return words.sum() / hidden.sum() + surprise(pair, batch["is_next"]).mean()

    return Training(weights, adam_step(loss_of, 1e-4, 0.01, 1.0))


def mae(patch: int, encoder: tuple[int, int, int], decoder: tuple[int, int, int]) -> Training:
    """Return the training of a masked autoencoder on `(images, key)`; sizes as of `Transformer`."""
    (width, depth, heads), (narrow, shallow, few) = encoder, decoder
    count = (32 // patch) ** 2
    shown = count // 4
    weights = {
        "patches": (kernel(3 * patch**2, width), jnp.zeros(width)),
        "encoder": blocks_of(width, depth),
        "norm": norm_weights(width),
        "narrow": (kernel(width, narrow), jnp.zeros(narrow)),
        "mask": kernel(narrow),
        "decoder": blocks_of(narrow, shallow),
        "last": norm_weights(narrow),
        "pixels": (kernel(narrow, 3 * patch**2), jnp.zeros(3 * patch**2)),
    }
    places = kernel(count, width), kernel(count, narrow)  # fixed

    def loss_of(weights: Weights, images: jax.Array, key: jax.Array) -> jax.Array:
        side = images.shape[1] // patch
        cut = images.reshape(-1, side, patch, side, patch, 3).transpose(0, 1, 3, 2, 4, 5)
        cut = cut.reshape(len(images), count, -1)  # (batch, patches, pixels)
        order = jnp.argsort(jax.random.uniform(key, (len(images), count)))
        back = jnp.argsort(order)[..., None]
        tokens = dense(cut, weights["patches"]) + places[0]
        seen = jnp.take_along_axis(tokens, order[:, :shown, None], 1)
        seen = norm(normed_before(seen, weights["encoder"], heads), *weights["norm"])
        seen = dense(seen, weights["narrow"])
        masks = jnp.broadcast_to(weights["mask"], (len(images), count - shown, narrow))
        tokens = jnp.take_along_axis(jnp.concatenate([seen, masks], 1), back, 1) + places[1]
        found = norm(normed_before(tokens, weights["decoder"], few), *weights["last"])
        found = dense(found, weights["pixels"])
        target = (cut - cut.mean(-1, keepdims=True)) * lax.rsqrt(cut.var(-1, keepdims=True) + 1e-6)
        error = ((found - target) ** 2).mean(-1)
        return (error * (back[..., 0] >= shown)).sum() / (len(images) * (count - shown))

    return Training(weights, adam_step(loss_of, 1.5e-4, 0.05))
