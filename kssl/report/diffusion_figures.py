"""The figures of a diffusion model: forward and reverse process, classes, inpainting."""

from __future__ import annotations

from typing import Any

import numpy as np

from kssl.evaluation.base import to_array
from kssl.report import canvas

Drawn = tuple[Any, str]  # figure, caption
STEPS = 50  # of sampling


def forward_process(scene: Any) -> Drawn | None:
    """Test images at rising noise levels, as the network sees them."""
    if not scene.size:
        return None
    model, clean = scene.model, 2.0 * np.asarray(scene.first(10), np.float32) - 1.0
    noise = np.random.default_rng(scene.seed).standard_normal(clean.shape).astype(np.float32)
    rows = [("test image", canvas.as_pictures(scene.first(10)))]
    for level in model.schedule.levels(8)[::-1]:
        levels = np.full(len(clean), level)
        noisy = model.schedule.add_noise(clean, noise, levels)
        signal, spread = (float(rate[0]) for rate in model.schedule.rates(levels))
        # As bright as the image, however much noise there is.
        shown = 0.5 * (to_array(noisy) / np.hypot(signal, spread) + 1.0)
        rows.append((f"σ / α = {spread / signal:.2g}", canvas.as_pictures(shown)))
    caption = "Test images with more and more noise, at eight of the levels of training."
    return canvas.labelled_rows(rows), caption


def reverse_process(scene: Any) -> Drawn:
    """Samples as they come out of noise."""
    states = to_array(scene.model.trajectory(10, seed=scene.seed, steps=STEPS))  # (steps, 10, …)
    chosen = np.unique(np.linspace(0, len(states) - 1, 9).round().astype(int))
    rows = [(f"step {place + 1}", canvas.as_pictures(states[place])) for place in chosen]
    caption = f"Ten samples after some of the {STEPS} steps of DDIM, from noise to image."
    return canvas.labelled_rows(rows), caption


def classes(scene: Any) -> Drawn:
    """Samples of each class, with guidance."""
    count = scene.model.classes
    shown, each, guidance = min(count, 12), 12, 3.0
    labels = np.repeat(np.arange(shown), each)
    settings = {"labels": labels, "guidance": guidance, "steps": STEPS}
    drawn = scene.model.generate(len(labels), seed=scene.seed, **settings)
    images = canvas.as_pictures(to_array(drawn))
    rows = [(f"class {n}", images[n * each : (n + 1) * each]) for n in range(shown)]
    caption = (
        f"One row for each class, at guidance {guidance:g} (uncond + s (cond - uncond), 1 is off);"
        " none chosen."
    )
    return canvas.labelled_rows(rows), caption


def inpainting(scene: Any) -> Drawn | None:
    """Holes in test images, filled in."""
    if not scene.size:
        return None
    images = np.asarray(scene.first(10), np.float32)
    height, width = images.shape[1:3]
    hole = np.zeros((height, width), bool)
    hole[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    cut = np.where(hole[..., None], 0.5, images)
    rows = [("test image", images), ("with a hole", cut)]
    filled = scene.model.inpaint(np.concatenate([cut] * 3), hole, seed=scene.seed, steps=STEPS)
    for place, row in enumerate(np.split(to_array(filled), 3)):
        rows.append((f"filled, {place + 1}", row))
    caption = (
        "The middle of test images, filled in three times by the reverse process; the model is"
        " given no class and sees nothing of what was there."
    )
    return canvas.labelled_rows([(n, canvas.as_pictures(row)) for n, row in rows]), caption
