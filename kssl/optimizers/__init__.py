"""Optimizers and schedules that self-supervised learning needs and Keras lacks."""

from __future__ import annotations

import kssl
from kssl.optimizers.adamw import MatrixAdamW
from kssl.optimizers.ema import EMA, SwapEMA, averaged, find_ema
from kssl.optimizers.lars import LARS
from kssl.optimizers.schedules import WarmupCosine

__all__ = ["EMA", "LARS", "MatrixAdamW", "SwapEMA", "WarmupCosine", "averaged", "find_ema"]

kssl._make_known_to_keras()
