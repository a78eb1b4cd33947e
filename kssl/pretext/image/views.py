"""Random views of images, for methods that compare views: SimCLR, BYOL, SwAV, DINO and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.pretext.batching import MapFunction, by_batch
from kssl.pretext.image.view import MULTI, TWO, changed, make_views
from kssl.pretext.random import fold_in
from kssl.pretext.shortcuts import colors
from kssl.pretext.task import Task


def two_views(
    preset: Literal["simclr", "byol", "small"] = "simclr",
    size: int | Sequence[int] | None = None,
    strength: float = 1.0,
    first: Mapping[str, Any] | None = None,
    second: Mapping[str, Any] | None = None,
    keep: bool = True,
    key: str = "image",
) -> MapFunction:
    """Make two random views of each image: a resized crop, flipped, in other colours, blurred.

    T. Chen et al., arXiv:2002.05709 (SimCLR); J.-B. Grill et al., arXiv:2006.07733 (BYOL). In this
    order: crop and resize, flip, jitter of brightness, contrast, saturation and hue, grey, blur,
    solarize. The colours' order does not matter and hue turns in YIQ, see
    `kssl.pretext.color_jitter`; the crop is exact and antialiased, see `kssl.pretext.geometry`.

    Args:
        preset: `simclr` (colours ± 0.8, hue ± 0.2, blur with probability 0.5), `byol` (half as
            strong, saturation ± 0.2; blur 1.0 and 0.1, solarize 0.0 and 0.2) or `small`, for images
            of 32 pixels or so: crops of at least a fifth of the area, half of SimCLR's colours, no
            blur.
        size: Height and width of the views, one number for squares; the image's own if left out.
        strength: Factor of the four changes of colour.
        first: Settings of `kssl.pretext.View` that differ from the preset's, for view 1.
        second: The same for view 2.
        keep: Whether `key` stays in the example. Probes and other evaluations read it; it is a
            ninth of the bytes handed to the trainer as uint8, a third as float32.
        key: The images: uint8, or float in [0, 1], `(height, width, channels)`; 1 or 3 channels.
            Of one channel, saturation, hue and grey are left out.

    Returns:
        A map function; `view_1` and `view_2` are float32 in [0, 1], `(height, width, channels)`.

    Raises:
        UserError: A setting is unknown or out of range; from the map function, when `key` is no
            image of a known size with 1 or 3 channels.

    Example:
        >>> made = two_views("small", second={"solarize": 0.2})({"image": tf.zeros((8, 32, 32, 3))})
        >>> made["view_2"].shape
        TensorShape([8, 32, 32, 3])
    """
    base = _preset("two_views", preset, TWO)
    views = [
        changed("two_views", view.stronger(strength), changes)
        for view, changes in zip(base, (first, second), strict=True)
    ]

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, Any]:
        made = make_views("two_views", batch[key], seeds, views, size)
        one, two = tf.unstack(made, axis=1)
        return {**_kept(key, keep), "view_1": one, "view_2": two}

    task = _task("view_1", keep)
    return by_batch("two_views", change, {key: 3}, random=True, task=task, adds=keep)


def multi_crop(
    preset: Literal["swav", "dino"] = "swav",
    size: int | None = None,
    local_size: int | None = None,
    local_count: int = 6,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    keep: bool = True,
    key: str = "image",
) -> MapFunction:
    """Make two large views of each image, and several small ones of small parts of it.

    M. Caron et al., arXiv:2006.09882 (SwAV, "multi-crop") and arXiv:2104.14294 (DINO). The colours
    change as in `two_views`.

    Args:
        preset: `swav`: large views show 14 to 100 % of the area, small ones 5 to 14 %, SimCLR's
            colours. `dino`: 40 to 100 % and 5 to 40 %, BYOL's colours, blur and solarize.
        size: Height and width of the large views (the papers': 224); the image's own if left out.
        local_size: Of the small views (the papers': 96); 3/7 of `size` if left out, as there.
        local_count: How many small views; SwAV has 6, DINO 8.
        changes: Settings of `kssl.pretext.View` that differ from the preset's, under
            `first`, `second` (the large views) and `local`.
        keep: Whether `key` stays in the example, see `two_views`.
        key: The images, see `two_views`.

    Returns:
        A map function; `view_1` and `view_2` are float32 `(size, size, channels)`, `local_views`
        `(local_count, local_size, local_size, channels)`, in [0, 1].

    Raises:
        UserError: A setting is unknown or out of range; from the map function, as in `two_views`.

    Example:
        >>> made = multi_crop(size=32, local_size=16)({"image": tf.zeros((8, 40, 40, 3))})
        >>> made["local_views"].shape
        TensorShape([8, 6, 16, 16, 3])
    """
    large_and_small = _preset("multi_crop", preset, MULTI)
    base = dict(zip(("first", "second", "local"), large_and_small, strict=True))
    for name in changes or {}:
        if name not in base:
            raise UserError(f"multi_crop: changes of '{name}'{nearest(name, base)}")
        base[name] = changed("multi_crop", base[name], changes[name])
    if local_count < 1:
        raise UserError(f"multi_crop: local_count is {local_count}; for none there is two_views")

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, Any]:
        image, views = batch[key], [base["first"], base["second"]]
        large = make_views("multi_crop", image, fold_in(seeds, 0), views, size)
        small = local_size or max(2, round(large.shape[2] * 3 / 7))
        local = [base["local"]] * local_count
        one, two = tf.unstack(large, axis=1)
        made = make_views("multi_crop", image, fold_in(seeds, 1), local, small)
        return {**_kept(key, keep), "view_1": one, "view_2": two, "local_views": made}

    task = _task("view_1", keep)
    return by_batch("multi_crop", change, {key: 3}, random=True, task=task, adds=keep)


def exemplar(
    preset: Literal["simclr", "byol", "small"] = "simclr",
    size: int | Sequence[int] | None = None,
    strength: float = 1.0,
    changes: Mapping[str, Any] | None = None,
    keep: bool = True,
    key: str = "image",
    index: str = "index",
) -> MapFunction:
    """Give each image a class of its own; its members are random views of the image.

    A. Dosovitskiy et al., "Discriminative unsupervised feature learning with exemplar convolutional
    neural networks", arXiv:1406.6909. The views are those of `two_views`; the paper's are also
    rotated by up to 20 degrees. There are as many classes as examples: take some thousands of them
    (the paper 8,000 to 32,000), or compare examples instead of counting classes.

    Args:
        preset: How views are made, see `two_views`; `byol` as its first view.
        size: Height and width of the view; the image's own if left out.
        strength: Factor of the changes of colour.
        changes: Settings of `kssl.pretext.View` that differ from the preset's.
        keep: Whether `key` stays in the example, see `two_views`.
        key: The images, see `two_views`.
        index: Key of each example's number in its split. `kssl.data.Pipeline`, and so a recipe,
            supplies it; elsewhere `dataset.enumerate()` has it.

    Returns:
        A map function; `view_1` is float32 in [0, 1], `(height, width, channels)`, and `target`
        the class, an int32 scalar.

    Raises:
        UserError: As in `two_views`.

    Example:
        >>> batch = {"image": tf.zeros((8, 32, 32, 3)), "index": tf.range(8)}
        >>> exemplar("small")(batch)["target"].numpy().tolist()
        [0, 1, 2, 3, 4, 5, 6, 7]
    """
    view = _preset("exemplar", preset, TWO)[0].stronger(strength)
    views = [changed("exemplar", view, changes)]

    def change(batch: Mapping[str, tf.Tensor], seeds: tf.Tensor) -> dict[str, Any]:
        made = make_views("exemplar", batch[key], seeds, views, size)
        classes = tf.cast(batch[index], tf.int32)
        return {**_kept(key, keep), "view_1": made[:, 0], "target": classes}

    task = Task(inputs="view_1", shortcut=colors("view_1"), per_example=True)
    return by_batch("exemplar", change, {key: 3, index: 0}, random=True, task=task)


def _task(inputs: str, keep: bool) -> Task | None:
    """Views are no task, but where nothing else is left, probes must get the image itself."""
    return None if keep else Task(inputs)


def _kept(key: str, keep: bool) -> dict[str, None]:
    return {} if keep else {key: None}


def _preset(name: str, preset: str, presets: Mapping[str, Any]) -> Any:
    if preset not in presets:
        raise UserError(f"{name}: preset '{preset}'{nearest(preset, presets)}")
    return presets[preset]
