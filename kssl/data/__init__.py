"""Data sources: functions that return a `tf.data.Dataset` of dicts of named tensors.

Each takes a split, `train`, `validation` or `test`; the three do not overlap and are always the
same. What is unavailable says so within seconds. Importing this room does not import TensorFlow.

Example:
    >>> import kssl
    >>> dataset = kssl.data.digits("train")
    >>> dataset.element_spec["image"].shape
    TensorShape([28, 28, 1])
"""

from __future__ import annotations

import importlib
from typing import Any

from kssl.data.description import Description, describe, vocabulary_of
from kssl.data.locate import Unavailable, find_file
from kssl.data.sources.arrays import arrays
from kssl.data.sources.audio import audio
from kssl.data.sources.captions import captions
from kssl.data.sources.digits import digits
from kssl.data.sources.images import class_names, images
from kssl.data.sources.moving_digits import moving_digits
from kssl.data.sources.photographs import photographs
from kssl.data.sources.sklearn_table import sklearn_table
from kssl.data.sources.synthetic import synthetic
from kssl.data.sources.tabular import fit_table, tabular
from kssl.data.sources.text import python_topics, text
from kssl.data.sources.tfds import cifar10, fashion_mnist, mnist, tfds
from kssl.data.sources.tokens import tokens
from kssl.data.sources.video import video
from kssl.data.splitting import SPLITS
from kssl.data.tables.encode import FittedTable

__all__ = [
    "Description",
    "FittedTable",
    "Pipeline",
    "SPLITS",
    "Unavailable",
    "arrays",
    "audio",
    "captions",
    "cifar10",
    "class_names",
    "describe",
    "digits",
    "fashion_mnist",
    "find_file",
    "fit_table",
    "images",
    "mnist",
    "moving_digits",
    "photographs",
    "python_topics",
    "sklearn_table",
    "synthetic",
    "tabular",
    "text",
    "tfds",
    "tokens",
    "video",
    "vocabulary_of",
]


def __getattr__(name: str) -> Any:
    if name == "Pipeline":  # imports TensorFlow
        return importlib.import_module("kssl.data.pipeline").Pipeline
    raise AttributeError(f"module 'kssl.data' has no attribute '{name}'")
