"""The random views of `kssl.layers.RandomView` in PyTorch, made of a batch on its device."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

SCALE, RATIO = (0.2, 1.0), (3 / 4, 4 / 3)
CHANGE, HUE, JITTER, GREY = 0.4, 0.1, 0.8, 0.2  # at half of SimCLR's strength


def random_view(images: torch.Tensor) -> torch.Tensor:
    """Return a random crop of each image `(batch, 3, height, width)`, in other colours."""
    images = _cropped(images)
    count = len(images)
    images = torch.where(_draw(images, count) < JITTER, _coloured(images), images)
    grey = (images * _luma(images)).sum(1, keepdim=True).expand_as(images)
    return torch.where(_draw(images, count) < GREY, grey, images)


def _draw(images: torch.Tensor, count: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
    return torch.empty((count, 1, 1, 1), device=images.device).uniform_(low, high)


def _cropped(images: torch.Tensor) -> torch.Tensor:
    """Cut a box out of each image and enlarge it again; half of them are mirrored."""
    count = len(images)
    area = _draw(images, count, *SCALE).flatten()
    ratio = _draw(images, count, math.log(RATIO[0]), math.log(RATIO[1])).flatten().exp()
    tall, wide = (area / ratio).sqrt().clamp(max=1), (area * ratio).sqrt().clamp(max=1)
    # The centre, with the image from -1 to 1.
    down = (2 * _draw(images, count).flatten() - 1) * (1 - tall)
    across = (2 * _draw(images, count).flatten() - 1) * (1 - wide)
    sign = torch.where(_draw(images, count).flatten() < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(wide)
    rows = [torch.stack([sign * wide, zero, across], 1), torch.stack([zero, tall, down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=True)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=True)


def _coloured(images: torch.Tensor) -> torch.Tensor:
    """Change brightness, contrast, saturation and hue of each image."""
    count = len(images)
    images = (images + _draw(images, count, -CHANGE, CHANGE)).clamp(0, 1)
    mean = images.mean((2, 3), keepdim=True)
    images = (mean + (images - mean) * _draw(images, count, 1 - CHANGE, 1 + CHANGE)).clamp(0, 1)
    hue, saturation, value = _to_hsv(images)
    saturation = (saturation * _draw(images, count, 1 - CHANGE, 1 + CHANGE)).clamp(0, 1)
    return _from_hsv((hue + _draw(images, count, -HUE, HUE)) % 1, saturation, value)


def _luma(images: torch.Tensor) -> torch.Tensor:
    return torch.tensor([0.299, 0.587, 0.114], device=images.device).view(1, 3, 1, 1)


def _to_hsv(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return hue, saturation and value, each `(batch, 1, height, width)`, from 0 to 1."""
    red, green, blue = images.split(1, 1)
    value, least = images.amax(1, keepdim=True), images.amin(1, keepdim=True)
    spread = (value - least).clamp(min=1e-8)
    of_green, of_blue = 2 + (blue - red) / spread, 4 + (red - green) / spread
    hue = torch.where(value == red, (green - blue) / spread, of_blue)
    hue = torch.where((value == green) & (value != red), of_green, hue)
    return (hue / 6) % 1, (value - least) / value.clamp(min=1e-8), value


def _from_hsv(hue: torch.Tensor, saturation: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    channels = []
    for offset in (5, 3, 1):  # red, green, blue
        place = (offset + 6 * hue) % 6
        away = torch.minimum(place, 4 - place).clamp(0, 1)
        channels.append(value - value * saturation * away)
    return torch.cat(channels, 1)
