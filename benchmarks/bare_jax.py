"""What JAX itself can do: the arithmetic of kssl's steps, written in `jax.numpy` and `jax.lax`.

Here are the step and the U-Net; `bare_transformers.py` has the transformers.

Nothing of Keras or kssl is in it, all of a step is one compiled function whose arguments are
donated: what a step of kssl on JAX is compared with. Gradients are JAX' own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

Weights = dict[str, Any]
RANDOM = np.random.RandomState(0)


def kernel(*shape: int, scale: float = 0.02) -> jax.Array:
    return jnp.asarray(scale * RANDOM.randn(*shape), "float32")


def adam_step(
    loss_of: Callable[..., jax.Array], rate: float, decay: float = 0.0, clip: float | None = None
) -> Callable[..., Any]:
    """Return a compiled step of AdamW: `(weights, moments, count, *batch) -> the same, loss`."""

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(weights: Any, moments: Any, count: Any, *batch: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(weights, *batch)
        if clip is not None:
            norm = jnp.sqrt(sum(jnp.sum(each**2) for each in jax.tree.leaves(gradients)))
            gradients = jax.tree.map(lambda g: g * jnp.minimum(1.0, clip / norm), gradients)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradients)
        second = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g**2, moments[1], gradients)
        scale = rate * jnp.sqrt(1 - 0.99**count) / (1 - 0.9**count)

        def moved(w: Any, m: Any, v: Any) -> Any:
            return w * (1 - rate * decay * (w.ndim > 1)) - scale * m / (jnp.sqrt(v) + 1e-8)

        return jax.tree.map(moved, weights, first, second), (first, second), loss

    return step


class Training:
    """Weights and moments that a step is done on, again and again."""

    def __init__(self, weights: Any, step: Callable[..., Any]) -> None:
        self.weights, self.step, self.count = weights, step, 0
        self.moments = tuple(jax.tree.map(jnp.zeros_like, weights) for _ in range(2))

    def __call__(self, *batch: Any) -> jax.Array:
        self.count += 1
        found = self.step(self.weights, self.moments, float(self.count), *batch)
        self.weights, self.moments, loss = found
        return loss


def norm(x: jax.Array, gamma: jax.Array, beta: jax.Array) -> jax.Array:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * gamma + beta


def norm_weights(width: int) -> tuple[jax.Array, jax.Array]:
    return jnp.ones(width), jnp.zeros(width)


def conv_weights(given: int, width: int, size: int = 3, scale: float = 0.05) -> Any:
    return kernel(size, size, given, width, scale=scale), jnp.zeros(width)


def conv(x: jax.Array, weights: Any, stride: int = 1) -> jax.Array:
    dimensions = ("NHWC", "HWIO", "NHWC")
    strides = (stride, stride)
    found = lax.conv_general_dilated(x, weights[0], strides, "SAME", dimension_numbers=dimensions)
    return found + weights[1]


def group_norm(x: jax.Array, weights: Any) -> jax.Array:
    groups = max(1, min(32, x.shape[-1] // 4))

    def spread(values: jax.Array) -> jax.Array:
        """Mean over places, then over a group's channels: both at once is ten times as slow."""
        mean = values.mean((1, 2)).reshape(len(x), groups, -1).mean(-1)
        return jnp.repeat(mean, x.shape[-1] // groups, -1)[:, None, None]

    distance = x - spread(x)
    return distance * lax.rsqrt(spread(distance**2) + 1e-5) * weights[0] + weights[1]


def block_weights(given: int, width: int, condition: int, attention: bool = False) -> Weights:
    found = {
        "norms": [norm_weights(given), norm_weights(width)],
        "convs": [conv_weights(given, width), conv_weights(width, width)],
        "modulate": (kernel(condition, 2 * width), jnp.zeros(2 * width)),
    }
    if given != width:
        found["shortcut"] = conv_weights(given, width, 1)
    if attention:
        found["attend"] = (norm_weights(width), kernel(width, 3 * width), kernel(width, width))
    return found


def block_of(x: jax.Array, weights: Weights, condition: jax.Array) -> jax.Array:
    found = conv(jax.nn.silu(group_norm(x, weights["norms"][0])), weights["convs"][0])
    modulation = jax.nn.silu(condition) @ weights["modulate"][0] + weights["modulate"][1]
    scale, shift = jnp.split(modulation[:, None, None], 2, -1)
    found = jax.nn.silu(group_norm(found, weights["norms"][1]) * (1 + scale) + shift)
    found = conv(found, weights["convs"][1])
    found = found + (conv(x, weights["shortcut"]) if "shortcut" in weights else x)
    return found + attended(found, weights["attend"]) if "attend" in weights else found


def attended(x: jax.Array, weights: Any) -> jax.Array:
    tokens = group_norm(x, weights[0]).reshape(x.shape[0], -1, x.shape[-1])
    q, k, v = jnp.split(tokens @ weights[1], 3, -1)
    scores = jax.nn.softmax(q @ k.swapaxes(1, 2) * x.shape[-1] ** -0.5)
    return (scores @ v @ weights[2]).reshape(x.shape)


def unet_weights(filters: Sequence[int]) -> Weights:
    """Return the weights of a U-Net with one block a level, attention in the middle alone."""
    base, wide = filters[0], 4 * filters[0]
    down, widths = [], [base]
    for level, width in enumerate(filters):
        down.append({"block": block_weights(widths[-1], width, wide)})
        widths.append(width)
        if level + 1 < len(filters):
            down[-1]["halve"] = conv_weights(width, width)
            widths.append(width)
    last = filters[-1]
    middle = [block_weights(last, last, wide, attention) for attention in (True, False)]
    up, given = [], last
    for level in reversed(range(len(filters))):
        width = filters[level]
        up.append({"blocks": []})
        for _ in range(2):
            up[-1]["blocks"].append(block_weights(given + widths.pop(), width, wide))
            given = width
        if level:
            up[-1]["smooth"] = conv_weights(width, width)
    return {
        "condition": [(kernel(base, wide), jnp.zeros(wide)), (kernel(wide, wide), jnp.zeros(wide))],
        "entrance": conv_weights(3, base),
        "down": down,
        "middle": middle,
        "up": up,
        "exit": (norm_weights(base), conv_weights(base, 3)),
    }


def unet_of(weights: Weights, images: jax.Array, times: jax.Array) -> jax.Array:
    half = weights["condition"][0][0].shape[0] // 2
    angles = times[:, None] * jnp.exp(-jnp.log(1e4) * jnp.arange(half) / half)
    first, second = weights["condition"]
    condition = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], -1) @ first[0] + first[1]
    condition = jax.nn.silu(condition) @ second[0] + second[1]
    x = conv(images, weights["entrance"])
    kept = [x]
    for level in weights["down"]:
        x = block_of(x, level["block"], condition)
        kept.append(x)
        if "halve" in level:
            x = conv(x, level["halve"], 2)
            kept.append(x)
    for each in weights["middle"]:
        x = block_of(x, each, condition)
    for level in weights["up"]:
        for each in level["blocks"]:
            x = block_of(jnp.concatenate([x, kept.pop()], -1), each, condition)
        if "smooth" in level:
            x = conv(x.repeat(2, 1).repeat(2, 2), level["smooth"])
    return conv(jax.nn.silu(group_norm(x, weights["exit"][0])), weights["exit"][1])


def diffusion(filters: Sequence[int]) -> tuple[Training, Callable[[int, int], np.ndarray]]:
    """Return the training of a U-Net on images in -1 to 1, and DDIM as one compiled loop."""
    kept = jnp.cumprod(1 - jnp.linspace(1e-4, 0.02, 1000))  # of the image, squared

    def loss_of(weights: Weights, images: jax.Array, key: jax.Array) -> jax.Array:
        ask, draw = jax.random.split(key)
        times = jax.random.randint(ask, images.shape[:1], 0, 1000)
        noise = jax.random.normal(draw, images.shape)
        share = kept[times][:, None, None, None]
        noisy = jnp.sqrt(share) * images + jnp.sqrt(1 - share) * noise
        return jnp.mean((unet_of(weights, noisy, times.astype("float32")) - noise) ** 2)

    training = Training(unet_weights(filters), adam_step(loss_of, 2e-4))

    @partial(jax.jit, static_argnums=(1, 2))
    def sample(weights: Weights, count: int, steps: int) -> jax.Array:
        times = jnp.linspace(999, 0, steps).astype("int32")
        shares = jnp.append(kept[times], 1.0)

        def once(x: jax.Array, number: jax.Array) -> tuple[jax.Array, None]:
            now, after = shares[number], shares[number + 1]
            noise = unet_of(weights, x, jnp.full(count, times[number], "float32"))
            clean = jnp.clip((x - jnp.sqrt(1 - now) * noise) / jnp.sqrt(now), -1, 1)
            return jnp.sqrt(after) * clean + jnp.sqrt(1 - after) * noise, None

        start = jax.random.normal(jax.random.key(0), (count, 32, 32, 3))
        return lax.scan(once, start, jnp.arange(steps))[0]

    return training, lambda count, steps: np.asarray(sample(training.weights, count, steps))
