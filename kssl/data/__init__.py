"""Data sources: functions that return a `tf.data.Dataset` of dicts of named tensors.

Each takes a split, `train`, `validation` or `test`; the three do not overlap and are always the
same. What cannot be had says so within seconds. Importing this room does not import TensorFlow.

Example:
    >>> import kssl
    >>> dataset = kssl.data.digits("train")
    >>> dataset.element_spec["image"].shape
    TensorShape([28, 28, 1])
"""

from __future__ import annotations

import importlib
from typing import Any

from kssl.data.arrays import arrays
from kssl.data.embedded import digits, synthetic
from kssl.data.finding import SPLITS, Unavailable, find_file
from kssl.data.images import class_names, images
from kssl.data.tfds import cifar10, fashion_mnist, mnist, tfds

__all__ = [
    "SPLITS",
    "Pipeline",
    "Unavailable",
    "arrays",
    "cifar10",
    "class_names",
    "digits",
    "fashion_mnist",
    "find_file",
    "images",
    "mnist",
    "synthetic",
    "tfds",
]


def __getattr__(name: str) -> Any:
    if name == "Pipeline":  # imports TensorFlow
        return importlib.import_module("kssl.data.pipeline").Pipeline
    raise AttributeError(f"module 'kssl.data' has no attribute '{name}'")
