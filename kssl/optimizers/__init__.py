"""Optimizers and schedules that self-supervised learning needs and Keras lacks."""

from __future__ import annotations

import importlib
from typing import Any

import kssl
from kssl.optimizers.adamw import MatrixAdamW
from kssl.optimizers.ema import EMA, averaged, find_ema
from kssl.optimizers.lars import LARS
from kssl.optimizers.schedules import WarmupCosine

__all__ = ["EMA", "LARS", "MatrixAdamW", "WarmupCosine", "averaged", "find_ema"]


def __getattr__(name: str) -> Any:
    if name == "SwapEMA":  # a callback, which was here in version 0.1
        kssl.moved.warn("kssl.optimizers.SwapEMA", "kssl.callbacks.SwapEMA")
        return importlib.import_module("kssl.callbacks").SwapEMA
    raise AttributeError(f"module 'kssl.optimizers' has no attribute {name!r}")


kssl._make_known_to_keras()
