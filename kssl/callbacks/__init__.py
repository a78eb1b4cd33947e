"""Callbacks: what happens beside the training steps."""

from __future__ import annotations

from kssl.callbacks.checkpoint import Checkpoint
from kssl.callbacks.health_guard import HealthGuard
from kssl.callbacks.metrics_log import MetricsLog
from kssl.callbacks.sample_grid import SampleGrid
from kssl.callbacks.sample_text import SampleText
from kssl.callbacks.swap_ema import SwapEMA

__all__ = ["Checkpoint", "HealthGuard", "MetricsLog", "SampleGrid", "SampleText", "SwapEMA"]
