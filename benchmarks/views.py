"""Source images per second that become two SimCLR views, beside what PyTorch users run.

The same operations everywhere: a crop of 20 to 100 % of the area, resized to the image's own size,
flip, jitter of brightness, contrast and saturation by 0.4 and hue by 0.1 with probability 0.8,
grey with probability 0.2; no blur. In: uint8 images in memory, shuffled. Out: batches of float32 in
[0, 1].

- kssl: `Pipeline.train` with `two_views("small")`.
- albumentations and torchvision (transforms v2 on tensors): a PyTorch `DataLoader` with one worker
  per core, uint8 until the batch is made.
- kornia: on whole batches, in the process that trains.

Each on all cores that the process may use. The first table of a size is by the clock on the wall,
the second by the processor time of all threads and workers, which other work on the machine changes
less. What cannot be imported is left out; `torchvision` needs the one that was built for the torch
that is there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from contest import contest, here, table

SIZES = {32: 128, 96: 64}  # side: images in a batch
SECONDS, WARM = 4.0, 5
PEERS = ("albumentations", "kornia", "torchvision")
CORES = len(os.sched_getaffinity(0))
UNITS = ("images/s", "images per processor second")


def images(size: int) -> np.ndarray:
    """Smooth colours with some noise, as photographs have."""
    random = np.random.RandomState(0)
    coarse = random.randint(0, 256, (20 * SIZES[size], 8, 8, 3))
    smooth = coarse.repeat(size // 8, axis=1).repeat(size // 8, axis=2)
    return np.clip(smooth + random.randint(-20, 20, smooth.shape), 0, 255).astype(np.uint8)


def processor_seconds() -> float:
    """Processor time of this process and of its workers."""
    import psutil

    own = psutil.Process()
    every = [own, *own.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in every)


def rate(batches: Iterator[Any], size: int) -> dict[str, float]:
    """Return source images per second, by each clock."""
    for _ in range(WARM):
        next(batches)
    busy, start, count = processor_seconds(), time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        next(batches)
        count += SIZES[size]
    wall, busy = time.perf_counter() - start, processor_seconds() - busy
    return dict(zip(UNITS, (count / wall, count / busy), strict=True))


def with_kssl(size: int) -> Iterator[Any]:
    import tensorflow as tf

    from kssl import pretext
    from kssl.data import Pipeline

    dataset = tf.data.Dataset.from_tensor_slices({"image": images(size)})
    views = pretext.two_views("small", keep=False)
    return iter(Pipeline(dataset, [views], batch_size=SIZES[size]).train(epochs=10_000))


def loader(size: int, view: Callable[[np.ndarray], Any]) -> Iterator[Any]:
    """Batches of two views from a `DataLoader`; `view` returns uint8."""
    import torch

    torch.set_num_threads(CORES)
    source = images(size)

    class Views(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(source)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            return view(source[index]), view(source[index])

    batches = torch.utils.data.DataLoader(
        Views(), SIZES[size], True, num_workers=CORES, persistent_workers=True, drop_last=True
    )
    while True:
        for pair in batches:
            yield [each.float().div_(255) for each in pair]


def with_albumentations(size: int) -> Iterator[Any]:
    import albumentations
    import cv2

    cv2.setNumThreads(0)
    change = albumentations.Compose(
        [
            albumentations.RandomResizedCrop((size, size), scale=(0.2, 1.0)),
            albumentations.HorizontalFlip(),
            albumentations.ColorJitter(
                brightness=(0.6, 1.4), contrast=(0.6, 1.4), saturation=(0.6, 1.4), hue=(-0.1, 0.1),
                p=0.8,
            ),
            albumentations.ToGray(p=0.2),
        ]
    )  # fmt: skip
    return loader(size, lambda image: change(image=image)["image"])


def with_torchvision(size: int) -> Iterator[Any]:
    import torch
    from torchvision.transforms import v2

    change = v2.Compose(
        [
            v2.RandomResizedCrop(size, (0.2, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8),
            v2.RandomGrayscale(0.2),
        ]
    )
    return loader(size, lambda image: change(torch.from_numpy(image).permute(2, 0, 1)))


def with_kornia(size: int) -> Iterator[Any]:
    import torch
    from kornia import augmentation

    torch.set_num_threads(CORES)
    change = augmentation.AugmentationSequential(
        augmentation.RandomResizedCrop((size, size), scale=(0.2, 1.0)),
        augmentation.RandomHorizontalFlip(),
        augmentation.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8),
        augmentation.RandomGrayscale(p=0.2),
        data_keys=["input"],
    )
    source = torch.from_numpy(images(size)).permute(0, 3, 1, 2).contiguous()
    while True:
        for rows in torch.randperm(len(source)).split(SIZES[size]):
            batch = source[rows].float().div_(255)
            yield change(batch), change(batch)


def run(contender: str) -> dict[str, float]:
    name, size = contender.split()
    make = globals()[f"with_{name}"]
    return rate(make(int(size)), int(size))


def main() -> None:
    for size, batch in SIZES.items():
        figures = contest(here(__file__), [f"{name} {size}" for name in ("kssl", *PEERS)])
        for unit in UNITS:
            each = {name.split()[0]: figure for name, figure in figures.items()}
            title = f"Two views of {size} x {size}, batches of {batch}, {CORES} cores"
            table(title, unit, each, PEERS)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(run(sys.argv[1])))
    else:
        main()
