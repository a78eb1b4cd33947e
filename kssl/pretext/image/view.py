"""How a random view of an image is made: settings and presets, and whole batches of views."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from kssl.errors import UserError, nearest
from kssl.moved import renamed, under_new_names
from kssl.pretext.image import color_jitter, geometry
from kssl.pretext.random import fold_in, uniform

_DRAWS = geometry.DRAWS + color_jitter.DRAWS + 3  # then blur, its strength, solarize


@dataclasses.dataclass(frozen=True)
class View:
    """How one view is made; the defaults are SimCLR's for ImageNet.

    Args:
        scale: Least and largest fraction of the image's area that is cut out.
        ratio: Least and largest width / height of what is cut out.
        flip: Probability of swapping left and right.
        jitter: Probability that brightness, contrast, saturation and hue change at all.
        brightness: Its factor lies within 1 ± this, not below 0; the same for the next two.
        contrast: Factor of the distance from the view's mean luma.
        saturation: Factor of the distance from grey.
        hue: The hue turns by up to this part of the circle, both ways; at most 0.5.
        gray: Probability of becoming grey.
        blur: Probability of a Gaussian blur; its kernel is as wide as a tenth of the view.
        sigma: Least and largest standard deviation of the blur, in pixels.
        solarize: Probability that what is lighter than 0.5 is inverted.

    Raises:
        UserError: A setting is out of its range.

    Example:
        >>> View(scale=(0.2, 1.0), blur=0.0).hue
        0.2
    """

    scale: Sequence[float] = (0.08, 1.0)
    ratio: Sequence[float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    jitter: float = 0.8
    brightness: float = 0.8
    contrast: float = 0.8
    saturation: float = 0.8
    hue: float = 0.2
    gray: float = 0.2
    blur: float = 0.5
    sigma: Sequence[float] = (0.1, 2.0)
    solarize: float = 0.0

    def __post_init__(self) -> None:
        for name in ("flip", "jitter", "gray", "blur", "solarize"):
            _check(
                name, getattr(self, name), "a probability, 0 to 1", lambda value: 0 <= value <= 1
            )
        for name in ("brightness", "contrast", "saturation"):
            _check(name, getattr(self, name), "0 or more", lambda value: 0 <= value)
        _check("hue", self.hue, "0 to 0.5", lambda value: 0 <= value <= 0.5)
        area = "two fractions of the area, 0 < least <= largest <= 1"
        _check("scale", self.scale, area, _fractions)
        for name in ("ratio", "sigma"):
            _check(name, getattr(self, name), "two numbers, 0 < least <= largest", _ordered)

    def stronger(self, strength: float) -> View:
        """Return the same with `strength` times the changes of colour."""
        names = ("brightness", "contrast", "saturation", "hue")
        return dataclasses.replace(self, **{name: strength * getattr(self, name) for name in names})


# Not as a decorator: the constructor is made by `dataclass`.
View.__init__ = renamed(grey="gray")(View.__init__)  # type: ignore[method-assign]


def make_views(
    name: str,
    images: tf.Tensor,
    seeds: tf.Tensor,
    views: Sequence[View],
    size: int | Sequence[int] | None = None,
) -> tf.Tensor:
    """Make random views of a batch: what the transforms of this module share.

    Args:
        name: The transform's name, for its errors.
        images: uint8, or float in [0, 1], `(batch, height, width, channels)`.
        seeds: int32 `(batch, 2)`.
        views: How each is made.
        size: Height and width of the views; None: those of the images.

    Returns:
        float32 in [0, 1], `(batch, views, height, width, channels)`.

    Raises:
        UserError: The images are of an unknown size, of other types or channels.
    """
    images, count = checked_images(name, images), len(views)
    image = (images.shape[1], images.shape[2])
    size = (size, size) if isinstance(size, int) else tuple(size or image)
    if len(size) != 2 or min(size) < 2:
        raise UserError(f"{name}: size {list(size)} is not a height and a width of 2 or more")
    apart = tf.stack([fold_in(seeds, number) for number in range(count)], axis=1)
    numbers = uniform(tf.reshape(apart, [-1, 2]), (_DRAWS,))  # (batch * count, draws)
    batch = tf.shape(images)[0]

    def each(value: Callable[[View], float]) -> Any:
        """A setting for each row, or one number where all views agree."""
        values = [float(value(view)) for view in views]
        if len(set(values)) == 1:
            return values[0]
        return tf.tile(tf.constant(values)[:, None], [batch, 1])  # (batch * count, 1)

    made = _drawn(images, numbers, views, each, size)
    return tf.reshape(made, [-1, count, *size, images.shape[3]])


def _drawn(
    images: tf.Tensor,
    numbers: tf.Tensor,
    views: Sequence[View],
    each: Callable[[Callable[[View], float]], Any],
    size: geometry.Size,
) -> tf.Tensor:
    lengths = [geometry.DRAWS, color_jitter.DRAWS, 1, 1, 1]
    place, color, blur, strength, solar = tf.split(numbers, lengths, axis=1)
    boxes = geometry.random_boxes(
        place,
        (images.shape[1], images.shape[2]),
        (each(lambda view: view.scale[0]), each(lambda view: view.scale[1])),
        (each(lambda view: view.ratio[0]), each(lambda view: view.ratio[1])),
        each(lambda view: view.flip),
    )
    sigma = None
    if any(view.blur for view in views):
        limits = each(lambda view: view.sigma[0]), each(lambda view: view.sigma[1])
        blurred = blur < each(lambda view: view.blur)
        sigma = tf.where(blurred, geometry.between(strength, limits), 0.0)
    values = geometry.cut(images, boxes, size, sigma)
    probabilities = each(lambda view: view.jitter), each(lambda view: view.gray)
    ranges = (
        *(_around_one(each, name) for name in ("brightness", "contrast", "saturation")),
        (each(lambda view: -view.hue), each(lambda view: view.hue)),
    )
    values = color_jitter.color_jitter(values, color, probabilities, ranges)
    if any(view.solarize for view in views):
        values = color_jitter.solarize(values, solar, each(lambda view: view.solarize))
    return values


def _around_one(each: Callable[[Callable[[View], float]], Any], name: str) -> tuple[Any, Any]:
    return (
        each(lambda view: max(0.0, 1.0 - getattr(view, name))),
        each(lambda view: 1.0 + getattr(view, name)),
    )


def checked_images(name: str, images: tf.Tensor) -> tf.Tensor:
    """The images as uint8 or float32, or an error that tells what they are instead."""
    if None in images.shape[1:]:
        raise UserError(
            f"{name} needs images of one known size, but their shape is {images.shape}: "
            "resize first, or give the size with tf.ensure_shape"
        )
    if images.shape[3] not in (1, 3):
        raise UserError(
            f"{name} takes images of 1 channel (grey) or 3 (red, green, blue), height and width "
            f"first; the shape is {images.shape}"
        )
    if images.dtype == tf.uint8:
        return images
    if not images.dtype.is_floating:
        raise UserError(
            f"{name} takes uint8, or floats in [0, 1], not {images.dtype.name}: "
            "put to_float before it"
        )
    return tf.cast(images, tf.float32)


def changed(name: str, view: View, changes: Mapping[str, Any] | None) -> View:
    """The view with some settings changed, or an error that names the wrong one."""
    known = [field.name for field in dataclasses.fields(View)]
    settings = under_new_names(name, View.__init__.renamed, changes or {})  # type: ignore[attr-defined]
    for setting in settings:
        if setting not in known:
            raise UserError(f"{name}: a view has no setting '{setting}'{nearest(setting, known)}")
    return dataclasses.replace(view, **settings)


def _check(name: str, value: Any, wanted: str, fits: Callable[[Any], bool]) -> None:
    try:
        good = fits(value)
    except (TypeError, ValueError):
        good = False
    if not good:
        raise UserError(f"{name}: {value!r} is not {wanted}")


def _ordered(value: Sequence[float]) -> bool:
    low, high = value
    return 0 < low <= high


def _fractions(value: Sequence[float]) -> bool:
    return _ordered(value) and value[1] <= 1


_HALF = View().stronger(0.5)
_BYOL = dataclasses.replace(_HALF, saturation=0.2)

TWO = {
    "simclr": (View(), View()),
    "byol": (
        dataclasses.replace(_BYOL, blur=1.0),
        dataclasses.replace(_BYOL, blur=0.1, solarize=0.2),
    ),
    "small": (dataclasses.replace(_HALF, scale=(0.2, 1.0), blur=0.0),) * 2,
}

MULTI = {
    "swav": (
        *(dataclasses.replace(View(), scale=(0.14, 1.0)),) * 2,
        dataclasses.replace(View(), scale=(0.05, 0.14)),
    ),
    "dino": (
        *(dataclasses.replace(view, scale=(0.4, 1.0)) for view in TWO["byol"]),
        dataclasses.replace(_BYOL, scale=(0.05, 0.4), blur=0.5),
    ),
}
