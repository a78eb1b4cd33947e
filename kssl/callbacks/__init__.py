"""Callbacks: what happens beside the training steps."""

from __future__ import annotations

from kssl.callbacks.checkpoint import Checkpoint
from kssl.callbacks.metrics_log import MetricsLog
from kssl.callbacks.sample_grid import SampleGrid

__all__ = ["Checkpoint", "MetricsLog", "SampleGrid"]
